package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
)

func (a *app) scan() *cobra.Command {
	var prefix, from, to string
	var s span
	var keysOnly bool
	cmd := &cobra.Command{
		Use:   "scan NAME",
		Short: "Print the entries of a collection in order",
		Long: "scan prints key and value, with a tab between them, a line each; text that would break the line is\n" +
			"quoted. With --json lines are {\"key\": …, \"value\": …}. Of a list the keys are indexes.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&prefix, "prefix", "", "only keys that begin with this; they must be strings or bytes")
	flags.StringVar(&from, "from", "", "only keys from this one on")
	flags.StringVar(&to, "to", "", "only keys before this one")
	flags.IntVar(&s.limit, "limit", 0, "how many entries at most; 0 is all")
	flags.BoolVar(&s.back, "reverse", false, "from the last to the first")
	flags.BoolVar(&keysOnly, "keys", false, "print only the keys")
	cmd.MarkFlagsMutuallyExclusive("prefix", "from")
	cmd.MarkFlagsMutuallyExclusive("prefix", "to")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if s.limit < 0 {
			return usagef("--limit %d: it must be 0 or more", s.limit)
		}
		for flag, bound := range map[string]**string{"prefix": &s.prefix, "from": &s.from, "to": &s.to} {
			if f := flags.Lookup(flag); f.Changed {
				text := f.Value.String()
				*bound = &text
			}
		}
		return a.with(reading, func(db *varve.DB) error {
			c, _, err := openNamed(db, args[0])
			if err != nil {
				return err
			}
			return a.buffered(func() error { return a.printEntries(until(cmd.Context(), c.walk(s)), keysOnly) })
		})
	}
	return cmd
}

func (a *app) printEntries(seq iter.Seq2[entry, error], keysOnly bool) error {
	for e, err := range seq {
		if err != nil {
			return err
		}
		if keysOnly && e.hasKey {
			e.hasValue = false
		}
		if err := a.printOne(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printOne(e entry) error {
	if a.json {
		return a.printJSON(e)
	}
	line, err := e.line()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, line)
	return err
}

// until ends a walk with an error when ctx ends.
func until(ctx context.Context, seq iter.Seq2[entry, error]) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for e, err := range seq {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
