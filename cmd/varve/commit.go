package main

import (
	"fmt"

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

func (a *app) merge() *cobra.Command {
	var into, policy, forward string
	var dry bool
	var opt version.MergeOptions[any, any]
	cmd := &cobra.Command{
		Use:   "merge NAME SOURCE",
		Short: "Merge a branch into another",
		Long: "merge brings the changes of the branch SOURCE to another, by default the main one. Keys that both have\n" +
			"changed in different ways are decided by --policy; --dry-run lists them and changes nothing.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&into, "into", "", "the branch that is merged into (default the main one)")
	flags.StringVar(&policy, "policy", "source", "who wins conflicts: source, target, or fail")
	flags.StringVar(&forward, "ff", "never", "where the target has nothing of its own, move its head: never, possible, only")
	flags.StringVarP(&opt.Message, "message", "m", "", "what the merge commit says")
	flags.StringVar(&opt.Author, "author", "", "who made it")
	flags.BoolVar(&dry, "dry-run", false, "tell what the merge would do")
	cmd.RegisterFlagCompletionFunc("policy", oneOf("source", "target", "fail"))
	cmd.RegisterFlagCompletionFunc("ff", oneOf("never", "possible", "only"))
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		var ok bool
		if opt.Policy, ok = map[string]version.Policy{"source": version.SourceWins, "target": version.TargetWins, "fail": version.Fail}[policy]; !ok {
			return usagef("--policy %s: choose source, target or fail", policy)
		}
		if opt.FastForward, ok = map[string]version.FastForward{"never": version.Never, "possible": version.WhenPossible, "only": version.Only}[forward]; !ok {
			return usagef("--ff %s: choose never, possible or only", forward)
		}
		db := writing
		if dry {
			db = reading
		}
		return a.withVersions(db, args[0], func(m *versionMap) error { return a.mergeInto(m, into, args[1], &opt, dry) })
	}
	return cmd
}

func (a *app) mergeInto(m *versionMap, into, source string, opt *version.MergeOptions[any, any], dry bool) error {
	target, err := m.branch(into)
	if err != nil {
		return err
	}
	from, err := m.Branch(source)
	if err != nil {
		return err
	}
	if dry {
		if err := a.printConflicts(target, from); err != nil {
			return err
		}
		opt.Policy = version.SourceWins
	}
	do := target.Merge
	if dry {
		do = target.Preview
	}
	res, err := do(from, opt)
	if err != nil {
		return err
	}
	return a.result(map[string]any{"kind": res.Kind.String(), "commit": res.Commit, "changes": res.Changes, "conflicts": res.Conflicts},
		"%s: %s, %s, commit %d", res.Kind, counted(int64(res.Changes), "change", "changes"), counted(int64(res.Conflicts), "conflict", "conflicts"), res.Commit)
}

func (a *app) printConflicts(target, from *branch) error {
	list, err := target.Conflicts(from)
	if err != nil || a.json {
		return err
	}
	for _, c := range list {
		line := ""
		for _, part := range []struct {
			what string
			v    any
			in   bool
		}{{"", c.Key, true}, {"base ", c.Base, c.InBase}, {"source ", c.Source, c.InSource}, {"target ", c.Target, c.InTarget}} {
			s, err := cell(part.v)
			if err != nil {
				return err
			}
			if !part.in {
				s = "none"
			}
			if line != "" {
				line += "\t"
			}
			line += part.what + s
		}
		fmt.Fprintln(a.out, "conflict\t"+line)
	}
	return nil
}
