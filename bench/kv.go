package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/varvedb/varve/bench/kvbench"
)

// kvSettings are the flags of the key-value benchmark.
type kvSettings struct {
	kvbench.Options
	bench    kvbench.Case
	entrants []kvbench.Entrant
	rounds   int
	svg, md  string
	raw      string
}

func kvCommand(args []string) error {
	s := kvSettings{Options: kvbench.DefaultOptions()}
	flags := flag.NewFlagSet("kv", flag.ContinueOnError)
	name := flags.String("case", "fill", "fill, sync, read, mixed, large, warm, cold, or physical for the machine itself")
	engines := flags.String("engines", "", "engines, by commas (default those that the case is about)")
	flags.IntVar(&s.rounds, "rounds", 3, "rounds; the median is shown")
	flags.Uint64Var(&s.N, "n", s.N, "records")
	flags.IntVar(&s.Value, "value", s.Value, "size of a value in bytes")
	flags.IntVar(&s.CacheKiB, "cache", s.CacheKiB, "block cache in KiB")
	flags.IntVar(&s.SmallKiB, "small-cache", s.SmallKiB, "block cache of warm and cold in KiB")
	flags.IntVar(&s.WriteMiB, "write-buffer", s.WriteMiB, "write buffer in MiB")
	flags.StringVar(&s.Compression, "compression", s.Compression, "none, snappy, lz4, zstd: the nearest that an engine has")
	flags.Float64Var(&s.MaxSecs, "maxsecs", s.MaxSecs, "limit of one timed phase in seconds")
	flags.StringVar(&s.Dir, "dir", "", "directory on the disk to measure (default a temporary one)")
	flags.StringVar(&s.Profile, "cpuprofile", "", "directory for a CPU profile of each engine and row")
	rows := flags.String("rows", "", "rows of the case to run, by commas (default all), as fillrandom@1")
	flags.StringVar(&s.svg, "svg", "", "also write a plot to this file")
	flags.StringVar(&s.md, "md", "", "also write the tables to this file")
	flags.StringVar(&s.raw, "json", "", "also append every result to this file")
	flags.Usage = func() { kvUsage(flags) }
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.N < 100 || s.Value < 16 || s.rounds < 1 {
		return errors.New("want at least 100 records, 16 bytes, 1 round")
	}
	if *name == "physical" {
		return kvbench.Physical(os.Stdout, s.Dir)
	}
	var err error
	if s.Profile, err = profileDir(s.Profile); err != nil {
		return err
	}
	if s.bench, err = kvbench.FindCase(*name); err != nil {
		return err
	}
	if *rows != "" {
		s.bench.Workloads = strings.Split(*rows, ",")
	}
	if s.entrants, err = kvEntrants(*engines, s.bench); err != nil {
		return err
	}
	return kvBench(s, os.Stdout)
}

// profileDir makes the directory for profiles; processes of engines run elsewhere,
// so that the name must be absolute.
func profileDir(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

func kvUsage(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprintln(w, "flags of kv:")
	flags.PrintDefaults()
	fmt.Fprintln(w, "cases:")
	for _, c := range kvbench.Cases() {
		fmt.Fprintf(w, "  %-6s %s\n", c.Name, strings.Join(c.Workloads, " "))
	}
	fmt.Fprintln(w, "workloads:\n  "+strings.Join(kvbench.Help(), "\n  "))
}

// kvEntrants finds the engines by name, or those that the case is about: our
// weaker durability only where it matters, and none that holds all in memory
// where data is larger than the cache.
func kvEntrants(names string, c kvbench.Case) (all []kvbench.Entrant, err error) {
	if names != "" {
		for name := range strings.SplitSeq(names, ",") {
			e, err := kvbench.Find(name)
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		}
		return all, nil
	}
	for _, e := range kvbench.Entrants() {
		weaker := e.Ours && e.Unsynced == kvbench.Process && !c.Unsynced
		if !weaker && !(e.Resident && c.SmallCache) {
			all = append(all, e)
		}
	}
	return all, nil
}

// kvBench runs every engine in each round, one after the other, and reports. A
// run that failed is reported at the end.
func kvBench(s kvSettings, w io.Writer) error {
	if s.Dir == "" {
		dir, err := os.MkdirTemp("", "varve-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.Dir = dir
	}
	var all []*kvbench.Result
	var failed []error
	for round := range s.rounds {
		for i := range s.entrants {
			e := s.entrants[(i+round)%len(s.entrants)] // nobody is always first
			begin := time.Now()
			results, err := kvbench.Run(e.Name, s.Options, s.bench.Workloads)
			all = append(all, results...)
			if err != nil {
				failed = append(failed, err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d  %-18s %5.1f s\n", round+1, s.rounds, e.Name, time.Since(begin).Seconds())
		}
	}
	report, err := newKVReport(s, all)
	if err != nil {
		return err
	}
	report.print(w)
	return errors.Join(append(failed, s.write(report, all))...)
}

// write writes the files that were asked for.
func (s *kvSettings) write(report *kvReport, all []*kvbench.Result) error {
	var errs []error
	if s.md != "" {
		var b strings.Builder
		report.print(&b)
		errs = append(errs, os.WriteFile(s.md, []byte(b.String()), 0o644))
	}
	if s.svg != "" {
		errs = append(errs, os.WriteFile(s.svg, report.plot(), 0o644))
	}
	if s.raw != "" {
		errs = append(errs, appendJSON(s.raw, all))
	}
	return errors.Join(errs...)
}

func appendJSON(path string, all []*kvbench.Result) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	for _, x := range all {
		err = errors.Join(err, enc.Encode(x))
	}
	return errors.Join(err, f.Close())
}
