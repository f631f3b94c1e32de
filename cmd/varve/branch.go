package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
)

// withVersions runs f on the versioned map of a name.
func (a *app) withVersions(opt varve.Options, name string, f func(*versionMap) error) error {
	return a.with(opt, func(db *varve.DB) error {
		m, err := openVersions(db, name)
		if err != nil {
			return err
		}
		return a.buffered(func() error { return f(m) })
	})
}

var writing = varve.Options{MustExist: true}

func (a *app) branch() *cobra.Command {
	var remove, makeMain bool
	var rename string
	cmd := &cobra.Command{
		Use:   "branch NAME [BRANCH [REVISION]]",
		Short: "List, make, rename or remove branches of a versioned map",
		Long: "branch lists the branches of a versioned map; the main one has a star. With BRANCH it makes one, at\n" +
			"REVISION: a branch, a tag, the number of a commit, each with ~N for N commits before; without it at the\n" +
			"head of the main branch, with what is uncommitted there.",
		Args:              cobra.RangeArgs(1, 3),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.BoolVarP(&remove, "delete", "d", false, "remove BRANCH; its head stays in the reflog for a while")
	flags.BoolVar(&makeMain, "main", false, "make BRANCH the main one")
	flags.StringVar(&rename, "rename", "", "give BRANCH this name")
	cmd.MarkFlagsMutuallyExclusive("delete", "main", "rename")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		changing := remove || makeMain || rename != ""
		switch {
		case len(args) == 1 && changing:
			return usagef("name the branch")
		case len(args) == 1:
			return a.withVersions(reading, args[0], a.printBranches)
		case changing && len(args) == 3:
			return usagef("a revision is for a new branch")
		}
		return a.withVersions(writing, args[0], func(m *versionMap) error {
			if !changing {
				return a.makeBranch(m, args[1], args[2:])
			}
			b, err := m.Branch(args[1])
			switch {
			case err != nil:
				return err
			case remove:
				return b.Remove()
			case makeMain:
				return b.MakeMain()
			}
			return b.Rename(rename)
		})
	}
	return cmd
}

func (a *app) makeBranch(m *versionMap, name string, rev []string) error {
	if len(rev) == 0 {
		main, err := m.Main()
		if err == nil {
			_, err = main.Fork(name)
		}
		return err
	}
	id, err := m.commit(rev[0])
	if err == nil {
		_, err = m.CreateBranch(name, id)
	}
	return err
}

// branchObject is a branch in JSON.
type branchObject struct {
	Name    string           `json:"name"`
	ID      version.BranchID `json:"id"`
	Head    version.CommitID `json:"head,omitempty"`
	Entries int64            `json:"entries"`
	Main    bool             `json:"main"`
	Dirty   bool             `json:"uncommitted"`
}

func (a *app) printBranches(m *versionMap) error {
	list, err := m.Branches()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, info := range list {
		dirty, err := m.BranchByID(info.ID).Dirty()
		if err != nil {
			return err
		}
		if a.json {
			if err := a.printJSON(branchObject{info.Name, info.ID, info.Head, info.Len, info.Main, dirty}); err != nil {
				return err
			}
			continue
		}
		star, note := " ", ""
		if info.Main {
			star = "*"
		}
		if dirty {
			note = "uncommitted edits"
		}
		fmt.Fprintf(w, "%s %s\t%d\t%s entries\t%s\n", star, info.Name, info.Head, count(info.Len), note)
	}
	return w.Flush()
}

func (a *app) tag() *cobra.Command {
	var remove bool
	var message string
	cmd := &cobra.Command{
		Use:               "tag NAME [TAG [REVISION]]",
		Short:             "List, make or remove tags of a versioned map",
		Long:              "tag lists the tags of a versioned map. With TAG it gives REVISION, by default the head of the main\nbranch, that name.",
		Args:              cobra.RangeArgs(1, 3),
		ValidArgsFunction: a.names(1),
	}
	cmd.Flags().BoolVarP(&remove, "delete", "d", false, "remove TAG")
	cmd.Flags().StringVarP(&message, "message", "m", "", "what the tag says")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		switch {
		case remove && len(args) != 2:
			return usagef("name the tag to remove")
		case len(args) == 1:
			return a.withVersions(reading, args[0], a.printTags)
		}
		return a.withVersions(writing, args[0], func(m *versionMap) error {
			if remove {
				return m.DeleteTag(args[1])
			}
			rev := ""
			if len(args) == 3 {
				rev = args[2]
			}
			id, err := m.commit(rev)
			if err == nil {
				err = m.Tag(args[1], id, message)
			}
			return err
		})
	}
	return cmd
}

// tagObject is a tag in JSON.
type tagObject struct {
	Name    string           `json:"name"`
	Commit  version.CommitID `json:"commit"`
	Message string           `json:"message,omitempty"`
}

func (a *app) printTags(m *versionMap) error {
	list, err := m.Tags()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, t := range list {
		if a.json {
			if err := a.printJSON(tagObject{t.Name, t.Commit, t.Message}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\n", t.Name, t.Commit, t.Message)
	}
	return w.Flush()
}
