package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
)

func (a *app) verify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read every byte on disk and check it",
		Long: "verify reads all files of the database and checks them and the catalog. It changes nothing. If something\n" +
			"is damaged it names the file and the offset, and the exit code is 5.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begin := time.Now()
			return a.with(reading, func(db *varve.DB) error {
				bytes, err := a.verifyAll(cmd, db)
				if err != nil {
					return err
				}
				took := time.Since(begin)
				return a.result(map[string]any{"ok": true, "bytes": bytes, "seconds": took.Seconds()},
					"ok: %s bytes in %s", count(bytes), short(took))
			})
		},
	}
}

// verifyAll returns how many bytes it has read.
func (a *app) verifyAll(cmd *cobra.Command, db *varve.DB) (bytes int64, err error) {
	b := a.newBar("verifying", 0, true)
	defer func() { b.end(err) }()
	err = db.Verify(cmd.Context(), func(p kv.Progress) {
		bytes = max(bytes, p.Done)
		b.total(p.Total)
		b.set(p.Done)
	})
	return bytes, err
}
