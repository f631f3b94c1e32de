package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

// tour runs every collection on real data and says in plain words what happens.
type tour struct {
	*app
	ctx   context.Context
	dir   string
	data  *sourceData
	db    *varve.DB
	c     library
	start time.Time
	step  int
}

// library is what the tour stores: one struct, opened by varve.Bind.
type library struct {
	Files    *varve.OrderedMap[string, sourceFile]
	Symbols  *varve.OrderedMap[symbolKey, symbolInfo]
	Packages *varve.Map[string, packageInfo] `varve:"packages,counted"`
	Names    *varve.Set[string]              `varve:"names,counted"`
	API      struct {
		ByRelease *varve.OrderedMap[featureKey, string]
		Since     *varve.OrderedMap[string, int]
	}
	Releases *varve.VersionMap[string, string]
	Visits   *varve.Map[string, int]
	Log      *varve.List[string]
	State    *varve.Value[tourState]
}

type symbolKey struct{ Package, Name string }

type symbolInfo struct{ Kind, File string }

type packageInfo struct {
	Files, Symbols int
	Bytes          int64
}

// featureKey puts the newest release first.
type featureKey struct {
	Release int `varve:"desc"`
	Package string
	Name    string
}

type tourState struct {
	Source string
	Loaded int64
	At     time.Time
}

func (a *app) tour() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "tour",
		Short: "Run every collection on real data and see what happens",
		Long: "tour loads Go's own source tree and API history into a new database, queries it, runs\n" +
			"transactions, snapshots and a conflict, kills a process in the middle of its writes, verifies\n" +
			"and backs up. It needs nothing but Go; without --db it works in a temporary directory.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := &tour{app: a, ctx: cmd.Context(), start: time.Now()}
			return t.run(keep)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the temporary database")
	cmd.AddCommand(a.tourChild())
	return cmd
}

func (t *tour) run(keep bool) (err error) {
	t.dir = t.app.dir
	if t.dir == "" {
		if t.dir, err = os.MkdirTemp("", "varve-tour-"); err != nil {
			return err
		}
		if !keep {
			defer func() { err = errors.Join(err, os.RemoveAll(t.dir)) }()
		}
	}
	steps := []func() error{t.openDB, t.readData, t.load, t.query, t.history, t.transact, t.conflict,
		t.snapshot, t.groupCommit, t.crash, t.verify, t.backup, t.summary}
	for _, step := range steps {
		if err := errors.Join(step(), t.ctx.Err()); err != nil {
			if t.db != nil {
				err = errors.Join(err, t.db.Close())
			}
			return fmt.Errorf("tour: %w", err)
		}
	}
	return t.db.Close()
}

// say prints a line of the tour.
func (t *tour) say(format string, args ...any) { fmt.Fprintf(t.out, "   "+format+"\n", args...) }

// title begins a step.
func (t *tour) title(text string) {
	t.step++
	fmt.Fprintf(t.out, "\n%2d. %s\n", t.step, text)
}

func (t *tour) openDB() (err error) {
	t.title("Open a database, and the collections of a struct at once")
	begin := time.Now()
	if t.db, err = varve.Open(t.dir, nil); err != nil {
		return err
	}
	if err := varve.Bind(t.db, &t.c); err != nil {
		return err
	}
	if n, err := t.c.Packages.Len(); err != nil || n > 0 {
		return errors.Join(err, fmt.Errorf("%s holds an earlier tour: choose another directory, or remove it", t.dir))
	}
	list, err := t.db.Collections("")
	if err != nil {
		return err
	}
	t.say("%s, engine %s, %d collections, in %s", t.dir, t.db.Engine(), len(list), short(time.Since(begin)))
	for _, info := range list {
		t.say("  %-16s %s", info.Name, info.Type)
	}
	return nil
}

func (t *tour) readData() (err error) {
	t.title("Find real data")
	begin := time.Now()
	b := t.newBar("parsing Go's source", 0, false)
	t.data, err = collect(t.ctx, func(done, total int) {
		b.total(int64(total))
		b.set(int64(done))
	})
	b.done()
	if err != nil {
		return err
	}
	t.say("%s: %s files, %s symbols, %s lines of the public API, parsed in %s",
		t.data.from, count(len(t.data.files)), count(len(t.data.symbols)), count(len(t.data.features)), short(time.Since(begin)))
	return nil
}

// short rounds a duration to what a reader wants to know.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return d.Round(10 * time.Nanosecond).String()
	case d < 10*time.Millisecond:
		return d.Round(time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// count writes a number with commas between thousands.
func count[T int | int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}

// tourChild is the process that the tour kills: it counts up, one durable write
// after the other, and prints each number once it is on disk.
func (a *app) tourChild() *cobra.Command {
	return &cobra.Command{
		Use: "count-until-killed", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(varve.Options{}, func(db *varve.DB) error {
				v, err := varve.OpenValue[int](db, "counter")
				for n := 1; err == nil && cmd.Context().Err() == nil; n++ {
					if err = v.Set(n); err == nil {
						_, err = fmt.Fprintln(a.out, n)
					}
				}
				return err
			})
		},
	}
}

// childCommand runs this program again.
func childCommand(ctx context.Context, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), "VARVE_DB=", runAsProgram+"=1")
	return cmd, nil
}

// runAsProgram tells a test binary that it is to be the program.
const runAsProgram = "VARVE_RUN_AS_PROGRAM"

// quoteList writes names in a sentence.
func quoteList(names []string, most int) string {
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %s more", count(len(names)-most))
		names = names[:most]
	}
	return strings.Join(names, ", ") + more
}
