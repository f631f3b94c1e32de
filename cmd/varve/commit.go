package main

import (
	"github.com/spf13/cobra"
	"github.com/varvedb/varve/version"
)

func (a *app) commit() *cobra.Command {
	var on, message string
	var opt version.CommitOptions
	cmd := &cobra.Command{
		Use:               "commit NAME -m MESSAGE",
		Short:             "Commit what is uncommitted on a branch",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.StringVarP(&message, "message", "m", "", "what the commit says")
	flags.StringVar(&on, "branch", "", "the branch (default the main one)")
	flags.StringVar(&opt.Author, "author", "", "who made it")
	flags.BoolVar(&opt.AllowEmpty, "allow-empty", false, "commit although nothing has changed")
	cmd.MarkFlagRequired("message")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		return a.withVersions(writing, args[0], func(m *versionMap) error {
			b, err := m.branch(on)
			if err != nil {
				return err
			}
			id, err := b.Commit(message, &opt)
			if err != nil {
				return err
			}
			return a.result(map[string]any{"commit": id}, "commit %d", id)
		})
	}
	return cmd
}
