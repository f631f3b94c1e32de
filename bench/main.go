// Command bench measures Varve beside its peers, interleaved: each round runs
// every case once, and the table shows the median of the rounds.
//
//	go run . sync            durable puts from 1 to 64 goroutines
//	go run . sync -svg F     and the plot
//	go run . codec           keys and values
//	go run . map             operations of collections
//	go run . pco             numbers, Pcodec beside others
//	go run . version         the versioned map; -keys 1000000 for the full size
//	go run . kv -case read   engines beside their peers, each in a process of its own
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/varvedb/varve/bench/kvbench"
)

func main() {
	kvbench.Child()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the flags of the benchmarks that run in this process.
type settings struct {
	rounds int
	per    time.Duration
	dir    string
	svg    string
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("name a benchmark: sync, codec, map, pco, version, kv")
	}
	switch args[0] {
	case "kv":
		return kvCommand(args[1:])
	case "version":
		return versionCommand(args[1:])
	}
	var s settings
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 5, "rounds; the median is shown")
	flags.DurationVar(&s.per, "per", time.Second, "time for each case and round")
	flags.StringVar(&s.dir, "dir", "", "directory on the disk to measure (default a temporary one)")
	flags.StringVar(&s.svg, "svg", "", "also write a plot to this file")
	numbers := flags.Int("n", 10_000_000, "numbers of each series of pco")
	data := flags.String("data", "", "folder with real series for pco, CSV files")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "varve-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	switch args[0] {
	case "sync":
		return syncBench(s)
	case "pco":
		return pcoBench(s, *numbers, *data)
	case "codec":
		return microBench(s, "codec: one key or value, no disk", codecCases())
	case "map":
		cases, done, err := mapCases()
		if err != nil {
			return err
		}
		defer done()
		return microBench(s, "collections: one call, in memory, no disk", cases)
	}
	return fmt.Errorf("unknown benchmark %q", args[0])
}
