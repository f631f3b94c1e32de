// Command varve looks into Varve databases and shows what they can do.
//
// The database is named by --db or the environment variable VARVE_DB. Run
// `varve help` for the commands, `varve tour` to see every collection at work on
// real data.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 the database is in
// use, 5 the database is damaged.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program; it returns the exit code.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	a := &app{in: in, out: out, errs: errs}
	cmd := a.command()
	cmd.SetArgs(args)
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errs)
	err := cmd.ExecuteContext(ctx)
	if err != nil {
		a.report(err)
	}
	return exitCode(err)
}

// app is what all commands share.
type app struct {
	in        io.Reader
	out, errs io.Writer
	dir       string
	json      bool
	quiet     bool
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "varve",
		Short:         "Look into Varve databases, and see what they can do",
		Long:          "varve looks into Varve databases.\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 the database is in use, 5 the database is damaged.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "db", os.Getenv("VARVE_DB"), "directory of the database (default $VARVE_DB)")
	flags.BoolVar(&a.json, "json", false, "print JSON, one value a line")
	flags.BoolVar(&a.quiet, "quiet", false, "no progress bars")
	root.AddCommand(a.commands()...)
	return root
}

// usageError is an error in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

var (
	errNotFound = errors.New("not found")
	errNoDir    = usageError{errors.New("no database: name its directory with --db DIR or VARVE_DB")}
)

// exitCode is what the command's documentation promises.
func exitCode(err error) int {
	var usage usageError
	var damage *varve.CorruptionError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	case errors.Is(err, errNotFound), errors.Is(err, varve.ErrNoCollection), errors.Is(err, varve.ErrNotExist):
		return 3
	case errors.Is(err, varve.ErrLocked):
		return 4
	case errors.As(err, &damage):
		return 5
	}
	return 1
}

// report prints an error as a line, or as JSON.
func (a *app) report(err error) {
	if !a.json {
		fmt.Fprintln(a.errs, "varve:", err)
		return
	}
	line := map[string]any{"error": err.Error(), "code": exitCode(err)}
	var damage *varve.CorruptionError
	if errors.As(err, &damage) {
		line["file"], line["offset"] = damage.File, damage.Offset
	}
	json.NewEncoder(a.errs).Encode(line)
}

// open opens the database that the flags name.
func (a *app) open(opt varve.Options) (*varve.DB, error) {
	if a.dir == "" {
		return nil, errNoDir
	}
	return varve.Open(a.dir, &opt)
}

// with runs f on the database and closes it.
func (a *app) with(opt varve.Options, f func(*varve.DB) error) error {
	db, err := a.open(opt)
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// printJSON prints v on a line of its own.
func (a *app) printJSON(v any) error { return json.NewEncoder(a.out).Encode(v) }
