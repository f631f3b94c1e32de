package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

func (a *app) rename() *cobra.Command {
	return &cobra.Command{
		Use:               "rename OLD NEW",
		Short:             "Give a collection another name",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.with(varve.Options{MustExist: true}, func(db *varve.DB) error {
				if err := db.Rename(args[0], args[1]); err != nil {
					return err
				}
				return a.result(map[string]any{"from": args[0], "to": args[1]}, "renamed %s to %s", args[0], args[1])
			})
		},
	}
}

func (a *app) drop() *cobra.Command {
	return &cobra.Command{
		Use:               "drop NAME...",
		Short:             "Remove collections with all that is in them",
		Long:              "drop removes collections. If one of them is not there, none is removed. It cannot be undone.",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.names(0),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.with(varve.Options{MustExist: true}, func(db *varve.DB) error { return a.dropAll(db, args) })
		},
	}
}

func (a *app) dropAll(db *varve.DB, names []string) error {
	for _, name := range names {
		if _, ok, err := find(db, name); err != nil || !ok {
			return cmp.Or(err, fmt.Errorf("%w: %q; nothing was dropped", varve.ErrNoCollection, name))
		}
	}
	for _, name := range names {
		if err := db.Drop(name); err != nil {
			return err
		}
	}
	return a.result(map[string]any{"dropped": names}, "dropped %s", strings.Join(names, ", "))
}
