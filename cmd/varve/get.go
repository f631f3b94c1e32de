package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

func (a *app) get() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME [KEY]",
		Short: "Print the value of a key",
		Long: "get prints the value of a key: strings as they are, everything else as JSON. The key of a list is an\n" +
			"index, that of a set a member; a value has none. Keys that are structs are given as JSON. Put -- before\n" +
			"a key that begins with -. If there is no such key, the exit code is 3.",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.names(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.with(reading, func(db *varve.DB) error { return a.printEntry(db, args[0], args[1:]) })
		},
	}
}

func (a *app) printEntry(db *varve.DB, name string, key []string) error {
	c, info, err := openNamed(db, name)
	if err != nil {
		return err
	}
	if err := oneKey(info, key); err != nil {
		return err
	}
	if len(key) == 0 {
		key = []string{""}
	}
	e, ok, err := c.get(key[0])
	switch {
	case err != nil:
		return err
	case !ok && info.Kind == varve.KindValue:
		return fmt.Errorf("%w: %s has no value: set it with \"varve put %s VALUE\"", errNotFound, name, name)
	case !ok:
		return fmt.Errorf("%w: %s has no key %q: \"varve scan %s --keys\" lists those it has", errNotFound, name, key[0], name)
	case a.json:
		return a.printJSON(e)
	}
	shown := e.value
	if !e.hasValue {
		shown = e.key
	}
	s, err := text(shown)
	if err != nil {
		return err
	}
	return a.say("%s", s)
}

// oneKey checks that there is a key, where there must be one.
func oneKey(info varve.Info, key []string) error {
	switch {
	case info.Kind == varve.KindValue && len(key) > 0:
		return usagef("%s is a value and has no keys: give only its name", info.Name)
	case info.Kind != varve.KindValue && len(key) == 0:
		return usagef("%s is %s: give a key too", info.Name, info.Type)
	}
	return nil
}
