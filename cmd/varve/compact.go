package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
)

func (a *app) compact() *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Merge the files, without what was deleted or overwritten",
		Long: "compact writes what is in the log to files, and merges all files, so that what was deleted or overwritten\n" +
			"no longer takes room. An engine whose files hold no such thing leaves them as they are.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begin := time.Now()
			var before, after int64
			err := a.with(varve.Options{MustExist: true}, func(db *varve.DB) (err error) {
				if before, err = fileBytes(db.Path()); err != nil {
					return err
				}
				return a.compactAll(cmd, db)
			})
			if err == nil {
				after, err = fileBytes(a.dir) // once it is closed: files that were replaced are gone then
			}
			if err != nil {
				return err
			}
			took := time.Since(begin)
			return a.result(map[string]any{"bytes_before": before, "bytes_after": after, "seconds": took.Seconds()},
				"compacted from %s to %s in %s", size(before), size(after), short(took))
		},
	}
}

func (a *app) compactAll(cmd *cobra.Command, db *varve.DB) (err error) {
	b := a.newBar("compacting", 0, true)
	defer func() { b.end(err) }()
	return db.Compact(cmd.Context(), func(p kv.Progress) {
		b.total(p.Total)
		b.set(p.Done)
	})
}
