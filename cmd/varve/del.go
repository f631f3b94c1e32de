package main

import (
	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

func (a *app) del() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "del NAME KEY...",
		Short: "Remove keys, or with --all everything in a collection",
		Long: "del removes keys, all in one transaction, and says how many were there. Of a list the keys are indexes,\n" +
			"as they are before the first is removed; a value takes no key. --all empties the collection, which stays.",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.names(1),
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove everything in the collection")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.with(varve.Options{MustExist: true}, func(db *varve.DB) error {
			return a.remove(cmd, db, args[0], args[1:], all)
		})
	}
	return cmd
}

func (a *app) remove(cmd *cobra.Command, db *varve.DB, name string, keys []string, all bool) error {
	c, info, err := openNamed(db, name)
	if err != nil {
		return err
	}
	isValue := info.Kind == varve.KindValue
	switch {
	case all && len(keys) > 0:
		return usagef("--all removes everything: leave it out, or the keys")
	case !all && !isValue && len(keys) == 0:
		return usagef("give the keys to remove, or --all")
	case isValue && len(keys) > 0:
		return usagef("%s is a value and has no keys: give only its name", name)
	}
	var n int64
	err = db.Update(cmd.Context(), func(tx *varve.Tx) (err error) {
		if all {
			n, err = c.clear(tx)
		} else {
			n, err = c.remove(tx, keys)
		}
		return err
	})
	if err != nil {
		return err
	}
	object := map[string]any{"name": name, "removed": n}
	if all || isValue {
		return a.result(object, "removed %s", counted(n, "entry", "entries"))
	}
	object["given"] = len(keys)
	return a.result(object, "removed %s of %s", count(n), count(len(keys)))
}
