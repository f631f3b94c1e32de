package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve/version"
)

func (a *app) diff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff NAME [FROM [TO]]",
		Short: "Print what differs between two revisions",
		Long: "diff prints the keys that differ between two revisions of a versioned map: + added, - removed, ~ changed,\n" +
			"with the old and the new value. With one revision it compares that with the main branch; with none it\n" +
			"prints what is uncommitted there.",
		Args:              cobra.RangeArgs(1, 3),
		ValidArgsFunction: a.names(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withVersions(reading, args[0], func(m *versionMap) error {
				d, err := m.compare(args[1:])
				if err != nil {
					return err
				}
				return a.printDiff(d)
			})
		},
	}
}

func (m *versionMap) compare(revs []string) (*version.Diff[any, any], error) {
	if len(revs) == 0 {
		main, err := m.Main()
		if err != nil {
			return nil, err
		}
		return main.Uncommitted(), nil
	}
	from, err := m.commit(revs[0])
	if err != nil {
		return nil, err
	}
	to := ""
	if len(revs) == 2 {
		to = revs[1]
	}
	id, err := m.commit(to)
	return m.Diff(from, id), err
}

// differenceObject is a difference in JSON: what is not there is left out.
type differenceObject struct {
	Change string `json:"change"`
	Key    any    `json:"key"`
	Old    any    `json:"old,omitempty"`
	New    any    `json:"new,omitempty"`
}

func (a *app) printDiff(d *version.Diff[any, any]) error {
	for x := range d.All() {
		change, word := "~", "modified"
		if !x.InOld {
			change, word = "+", "added"
		} else if !x.InNew {
			change, word = "-", "removed"
		}
		if a.json {
			if err := a.printJSON(differenceObject{word, x.Key, x.Old, x.New}); err != nil {
				return err
			}
			continue
		}
		cells := []string{change}
		for _, part := range []struct {
			v  any
			in bool
		}{{x.Key, true}, {x.Old, x.InOld}, {x.New, x.InNew}} {
			if !part.in {
				continue
			}
			s, err := cell(part.v)
			if err != nil {
				return err
			}
			cells = append(cells, s)
		}
		if _, err := fmt.Fprintln(a.out, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return d.Err()
}

func (a *app) show() *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME [REVISION]",
		Short:             "Print a commit and what it changed",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.names(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withVersions(reading, args[0], func(m *versionMap) error {
				rev := ""
				if len(args) == 2 {
					rev = args[1]
				}
				id, err := m.commit(rev)
				if err != nil {
					return err
				}
				return a.showCommit(m, id)
			})
		},
	}
}

func (a *app) showCommit(m *versionMap, id version.CommitID) error {
	c, err := m.Commit(id)
	if err != nil {
		return err
	}
	before := version.CommitID(0)
	if len(c.Parents) > 0 {
		before = c.Parents[0]
	}
	if a.json {
		if err := a.printJSON(objectOfCommit(c)); err != nil {
			return err
		}
		return a.printDiff(m.Diff(before, id))
	}
	fmt.Fprintf(a.out, "commit %d, %s\n", c.ID, c.Global)
	for _, p := range c.Parents {
		fmt.Fprintf(a.out, "parent %d\n", p)
	}
	if c.Author != "" {
		fmt.Fprintln(a.out, "author", c.Author)
	}
	fmt.Fprintf(a.out, "time   %s\nholds  %s entries\n\n    %s\n\n", c.Time.Format("2006-01-02 15:04:05 MST"), count(c.Len()),
		strings.ReplaceAll(strings.TrimRight(c.Message, "\n"), "\n", "\n    "))
	return a.printDiff(m.Diff(before, id))
}
