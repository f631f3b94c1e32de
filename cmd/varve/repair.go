package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
)

// lossError says that a repair could not save everything.
type lossError struct {
	dir   string
	parts int
}

func (e *lossError) Error() string {
	return fmt.Sprintf("%s could not be read; all else is in %s", counted(int64(e.parts), "part", "parts"), e.dir)
}

func (a *app) repair() *cobra.Command {
	return &cobra.Command{
		Use:   "repair DIR",
		Short: "Save what can be read of a damaged database into a new one",
		Long: "repair makes a new database in DIR, which must be empty or not there, of what can be read of the damaged one,\n" +
			"which stays as it is. It prints what was lost: files, offsets, and the keys, with their keyspace in the first\n" +
			"eight bytes, that may be missing or hold an older value. If something was lost the exit code is 5.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.dir == "" {
				return errNoDir
			}
			begin := time.Now()
			report, err := varve.Repair(cmd.Context(), a.dir, args[0], nil)
			if err != nil {
				return err
			}
			for _, l := range report.Lost {
				if err := a.loss(l); err != nil {
					return err
				}
			}
			took := time.Since(begin)
			err = a.result(map[string]any{"dir": args[0], "files": report.Files, "entries": report.Entries, "lost": len(report.Lost), "seconds": took.Seconds()},
				"saved to %s: %s of %s in %s", args[0], counted(report.Entries, "entry", "entries"), counted(report.Files, "file", "files"), short(took))
			if err == nil && len(report.Lost) > 0 {
				err = &lossError{args[0], len(report.Lost)}
			}
			return err
		},
	}
}

// loss prints what was lost.
func (a *app) loss(l kv.Loss) error {
	object := map[string]any{"file": l.File, "offset": l.Offset, "bytes": l.Bytes, "what": l.What}
	where, keys := l.File, "no key is affected"
	if l.Offset >= 0 {
		where += fmt.Sprintf(" at %d", l.Offset)
	}
	if l.Bytes >= 0 {
		where += fmt.Sprintf(", %d bytes", l.Bytes)
	}
	if l.Keys != nil {
		object["keys"] = map[string]any{"from": l.Keys.Start, "to": l.Keys.End}
		keys = "any key may be affected"
		if l.Keys.Start != nil || l.Keys.End != nil {
			keys = fmt.Sprintf("keys from %q to %q may be affected", l.Keys.Start, l.Keys.End)
		}
	}
	return a.result(object, "lost: %s: %s; %s", where, l.What, keys)
}
