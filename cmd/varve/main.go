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
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

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
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	a := &app{in: in, out: out, errs: errs}
	cmd := a.command()
	cmd.SetArgs(args)
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errs)
	ran, err := cmd.ExecuteContextC(ctx)
	if err != nil && !a.began {
		err = usageError{err}
		a.json = a.json || slices.Contains(args, "--json")
	}
	if err != nil {
		a.report(ran, err)
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
	began     bool // the arguments were right, and a command runs
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "varve",
		Short:         "Look into Varve databases, and see what they can do",
		Long:          "varve looks into Varve databases.\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 the database is in use, 5 the database is damaged.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "db", os.Getenv("VARVE_DB"), "directory of the database (default $VARVE_DB)")
	flags.BoolVar(&a.json, "json", false, "print JSON, one value a line")
	flags.BoolVar(&a.quiet, "quiet", false, "no progress bars")
	root.AddCommand(a.commands()...)
	a.noteBegin(root)
	return root
}

// noteBegin makes all commands tell that they run, so that what fails before is
// known to be wrong usage.
func (a *app) noteBegin(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.began = true
			return run(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		a.noteBegin(c)
	}
}

// reading opens what is there and changes nothing, so that it works beside a
// writer.
var reading = varve.Options{ReadOnly: true, MustExist: true}

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

// withNew is with for commands that write, which make the database if there is
// none; but not before check, which knows of no database, finds nothing wrong.
func (a *app) withNew(check func() error, f func(*varve.DB) error) error {
	db, err := a.open(varve.Options{MustExist: true})
	if errors.Is(err, varve.ErrNotExist) && !errors.Is(err, varve.ErrForeign) {
		if err := check(); err != nil {
			return err
		}
		db, err = a.open(varve.Options{})
	}
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// printJSON prints v on a line of its own.
func (a *app) printJSON(v any) error { return newEncoder(a.out).Encode(v) }

// say prints a line for people.
func (a *app) say(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}

// result prints v with --json, and else the line.
func (a *app) result(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	return a.say(format, args...)
}

// buffered runs f with the output buffered, which much of it needs.
func (a *app) buffered(f func() error) error {
	plain := a.out
	w := bufio.NewWriter(plain)
	a.out = w
	defer func() { a.out = plain }()
	return errors.Join(f(), w.Flush())
}
