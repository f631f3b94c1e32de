package main

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

func (a *app) checkpoint() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint DIR",
		Short: "Make a copy that opens as a database, at once",
		Long: "checkpoint makes a copy of the database, as of now, in DIR, which must be empty or not there and on the same\n" +
			"file system: files that never change are linked, not copied. The copy is a database of its own.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			begin := time.Now()
			err := a.with(reading, func(db *varve.DB) error {
				return db.Checkpoint(cmd.Context(), filepath.ToSlash(args[0]))
			})
			if err != nil {
				return err
			}
			bytes, err := fileBytes(args[0])
			if err != nil {
				return err
			}
			took := time.Since(begin)
			return a.result(map[string]any{"dir": args[0], "bytes": bytes, "seconds": took.Seconds()},
				"copied to %s: %s in %s", args[0], size(bytes), short(took))
		},
	}
}
