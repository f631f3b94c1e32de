package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve/lsm"
	"github.com/varvedb/varve/vfs"
)

func (a *app) print() *cobra.Command {
	opt := lsm.DumpOptions{Entries: true}
	cmd := &cobra.Command{
		Use:   "print FILE...",
		Short: "Show files of a database as text",
		Long: `print shows what is in files of a database: tables (000001.sst), segments of the log (000001.log) and of the
manifest (manifest-000001.log). It needs no lock and no --db. Keys are quoted, after the number of their keyspace.

Of a damaged file it shows what can be read, names the damage and where it is, and the exit code is 5.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			if a.json {
				return usagef("print writes text and no JSON")
			}
			return a.printFiles(cmd.Context(), files, opt)
		},
	}
	cmd.Flags().BoolVar(&opt.Entries, "entries", true, "show each entry and operation")
	cmd.Flags().BoolVar(&opt.Values, "values", false, "show their values too")
	return cmd
}

// printFiles goes on after a file that cannot be printed, with its name before
// each if there are several.
func (a *app) printFiles(ctx context.Context, files []string, opt lsm.DumpOptions) (err error) {
	out := untilDone{ctx, a.out}
	for _, file := range files {
		if ctx.Err() != nil {
			break
		}
		if len(files) > 1 {
			if err := a.say("%s:", file); err != nil {
				return err
			}
		}
		err = errors.Join(err, lsm.Dump(out, vfs.System(), filepath.ToSlash(file), opt))
	}
	return errors.Join(err, ctx.Err())
}
