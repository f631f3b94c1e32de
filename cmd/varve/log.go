package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve/version"
)

// commitObject is a commit in JSON.
type commitObject struct {
	ID      version.CommitID   `json:"id"`
	Parents []version.CommitID `json:"parents"`
	Message string             `json:"message"`
	Author  string             `json:"author,omitempty"`
	Time    time.Time          `json:"time"`
	Meta    map[string]string  `json:"meta,omitempty"`
	Entries int64              `json:"entries"`
	Global  string             `json:"global"`
}

func objectOfCommit(c version.Commit) commitObject {
	parents := c.Parents
	if parents == nil {
		parents = []version.CommitID{}
	}
	return commitObject{c.ID, parents, c.Message, c.Author, c.Time, c.Meta, c.Len(), c.Global.String()}
}

// headline writes a commit on a line.
func headline(c version.Commit) string {
	message, _, _ := strings.Cut(c.Message, "\n")
	s := fmt.Sprintf("%d  %s  %s", c.ID, c.Time.Format("2006-01-02 15:04"), message)
	if c.Author != "" {
		s += "  (" + c.Author + ")"
	}
	return s
}

func (a *app) log() *cobra.Command {
	var first, graph bool
	var limit int
	var svg string
	cmd := &cobra.Command{
		Use:   "log NAME [REVISION]...",
		Short: "List the commits of a versioned map",
		Long: "log lists commits and what they descend from, the newest first: those of the given revisions, or of the\n" +
			"main branch. --graph draws how they descend from each other, --svg writes that as a picture.",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.names(1),
	}
	flags := cmd.Flags()
	flags.BoolVar(&first, "first-parent", false, "leave out what came in by merges")
	flags.BoolVar(&graph, "graph", false, "draw the graph of all branches, or of the given revisions")
	flags.StringVar(&svg, "svg", "", "write the graph as SVG to this file")
	flags.IntVar(&limit, "limit", 0, "how many commits at most; 0 is all")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if limit < 0 {
			return usagef("--limit %d: it must be 0 or more", limit)
		}
		return a.withVersions(reading, args[0], func(m *versionMap) error {
			heads, err := m.heads(args[1:], graph || svg != "")
			if err != nil {
				return err
			}
			l := m.Log(first, heads...).Limit(limit)
			if !graph && svg == "" {
				return a.printLog(l)
			}
			return a.drawLog(m, l, svg)
		})
	}
	return cmd
}

// heads returns the commits that revisions name; without any that of the main
// branch, or of all.
func (m *versionMap) heads(revs []string, all bool) (list []version.CommitID, err error) {
	if len(revs) == 0 && all {
		branches, err := m.Branches()
		for _, b := range branches {
			if b.Head != 0 {
				list = append(list, b.Head)
			}
		}
		return list, err
	}
	if len(revs) == 0 {
		revs = []string{""}
	}
	for _, rev := range revs {
		id, err := m.commit(rev)
		if err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, nil
}

func (a *app) printLog(l *version.Log) error {
	for c := range l.All() {
		if a.json {
			if err := a.printJSON(objectOfCommit(c)); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintln(a.out, headline(c)); err != nil {
			return err
		}
	}
	return l.Err()
}

// drawLog draws the commits of l, as text or to a file.
func (a *app) drawLog(m *versionMap, l *version.Log, svg string) error {
	names, err := m.labels()
	if err != nil {
		return err
	}
	g := newGraph()
	for c := range l.All() {
		g.add(c, names[c.ID])
	}
	if err := l.Err(); err != nil {
		return err
	}
	if svg == "" {
		return g.text(a.out)
	}
	f, err := os.Create(svg)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	g.svg(w)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// labels returns the names of branches and tags by their commits.
func (m *versionMap) labels() (map[version.CommitID]string, error) {
	labels := map[version.CommitID]string{}
	add := func(id version.CommitID, name string) {
		if labels[id] != "" {
			name = labels[id] + ", " + name
		}
		labels[id] = name
	}
	branches, err := m.Branches()
	if err != nil {
		return nil, err
	}
	for _, b := range branches {
		add(b.Head, b.Name)
	}
	tags, err := m.Tags()
	for _, t := range tags {
		add(t.Commit, "tag "+t.Name)
	}
	return labels, err
}
