package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
)

// mergeFlags are the flags of commands that may meet conflicts.
type mergeFlags struct {
	policy    string
	dry       bool
	opt       version.MergeOptions[any, any]
	conflicts []version.Conflict[any, any] // met in a dry run
}

func (f *mergeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "source", "who wins conflicts: source, target, or fail")
	flags.StringVarP(&f.opt.Message, "message", "m", "", "what the commit says")
	flags.StringVar(&f.opt.Author, "author", "", "who made it")
	flags.BoolVar(&f.dry, "dry-run", false, "list the conflicts and tell what would be done")
	cmd.RegisterFlagCompletionFunc("policy", oneOf("source", "target", "fail"))
}

// options returns what the flags say. A dry run collects the conflicts.
func (f *mergeFlags) options() (*version.MergeOptions[any, any], error) {
	var ok bool
	if f.opt.Policy, ok = map[string]version.Policy{"source": version.SourceWins, "target": version.TargetWins, "fail": version.Fail}[f.policy]; !ok {
		return nil, usagef("--policy %s: choose source, target or fail", f.policy)
	}
	if f.dry {
		f.opt.Resolve = func(c version.Conflict[any, any]) (version.Decision[any], error) {
			f.conflicts = append(f.conflicts, c)
			return version.Undecided[any](), nil
		}
	}
	return &f.opt, nil
}

// database returns how the database is opened.
func (f *mergeFlags) database() varve.Options {
	if f.dry {
		return reading
	}
	return writing
}

func (a *app) merge() *cobra.Command {
	var into, forward string
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "merge NAME SOURCE",
		Short: "Merge a branch into another",
		Long: "merge brings the changes of the branch SOURCE to another, by default the main one. Keys that both have\n" +
			"changed in different ways are decided by --policy; --dry-run lists them and changes nothing.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.names(1),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&into, "into", "", "the branch that is merged into (default the main one)")
	cmd.Flags().StringVar(&forward, "ff", "never", "where the target has nothing of its own, move its head: never, possible, only")
	cmd.RegisterFlagCompletionFunc("ff", oneOf("never", "possible", "only"))
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		opt, err := f.options()
		if err != nil {
			return err
		}
		var ok bool
		if opt.FastForward, ok = map[string]version.FastForward{"never": version.Never, "possible": version.WhenPossible, "only": version.Only}[forward]; !ok {
			return usagef("--ff %s: choose never, possible or only", forward)
		}
		return a.withVersions(f.database(), args[0], func(m *versionMap) error {
			target, err := m.branch(into)
			if err != nil {
				return err
			}
			from, err := m.Branch(args[1])
			if err != nil {
				return err
			}
			do := target.Merge
			if f.dry {
				do = target.Preview
			}
			res, err := do(from, opt)
			return a.printMerge(&f, res, err)
		})
	}
	return cmd
}

// printMerge prints the conflicts that a dry run has met, and what was done, or
// would be. A dry run fails where the command itself would.
func (a *app) printMerge(f *mergeFlags, res version.MergeResult, err error) error {
	for _, c := range f.conflicts {
		if err := a.printConflict(c); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return a.result(map[string]any{"kind": res.Kind.String(), "commit": res.Commit, "changes": res.Changes, "conflicts": res.Conflicts},
		"%s: %s, %s, commit %d", res.Kind, counted(int64(res.Changes), "change", "changes"), counted(int64(res.Conflicts), "conflict", "conflicts"), res.Commit)
}

// conflictObject is a conflict in JSON: what is not there is left out.
type conflictObject struct {
	Conflict any `json:"conflict"`
	Base     any `json:"base,omitempty"`
	Source   any `json:"source,omitempty"`
	Target   any `json:"target,omitempty"`
}

func (a *app) printConflict(c version.Conflict[any, any]) error {
	if a.json {
		return a.printJSON(conflictObject{c.Key, c.Base, c.Source, c.Target})
	}
	line := "conflict"
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
		line += "\t" + part.what + s
	}
	_, err := fmt.Fprintln(a.out, line)
	return err
}
