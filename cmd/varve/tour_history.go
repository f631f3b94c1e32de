package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/varvedb/varve/version"
)

const cutFeature = "strings, func Cut(string, string) (string, string, bool)"

// history shows a versioned map: Go's releases as commits.
func (t *tour) history() error {
	t.title("History: each of Go's releases as a commit")
	releases, err := t.commitReleases()
	if err != nil {
		return err
	}
	return errors.Join(t.askHistory(releases), t.branchAndMerge())
}

// commitReleases commits the features of each release in turn; a feature's value
// is the release that it came with.
func (t *tour) commitReleases() (map[int]version.CommitID, error) {
	byRelease := map[int]map[string]string{}
	for _, f := range t.data.features {
		if byRelease[f.Release] == nil {
			byRelease[f.Release] = map[string]string{}
		}
		byRelease[f.Release][f.Package+", "+f.Name] = releaseName(f.Release)
	}
	main, err := t.c.Releases.Main()
	if err != nil {
		return nil, err
	}
	ids := map[int]version.CommitID{}
	begin := time.Now()
	n := 0
	for _, release := range slices.Sorted(maps.Keys(byRelease)) {
		var e version.Edits[string, string]
		e.PutAll(maps.All(byRelease[release]))
		n += e.Len()
		id, err := main.CommitEdits(&e, releaseName(release), &version.CommitOptions{Author: "The Go Authors"})
		if err != nil && !errors.Is(err, version.ErrUnchanged) {
			return nil, err
		}
		ids[release] = id
	}
	t.say("%s lines of API in %s, each on disk, in %s", count(n), counted(int64(len(ids)), "commit", "commits"), short(time.Since(begin)))
	return ids, nil
}

func releaseName(n int) string {
	if n == 0 {
		return "go1"
	}
	return fmt.Sprint("go1.", n)
}

func (t *tour) askHistory(releases map[int]version.CommitID) error {
	begin := time.Now()
	d := t.c.Releases.Diff(releases[20], releases[21])
	added, packages := 0, map[string]bool{}
	for x := range d.All() {
		pkg, _, _ := strings.Cut(x.Key, ",")
		packages[pkg] = true
		added++
	}
	if d.Err() != nil {
		return d.Err()
	}
	t.say("what did Go 1.21 add?               the diff of two commits: %s lines in %s packages, in %s",
		count(added), count(len(packages)), short(time.Since(begin)))
	main, err := t.c.Releases.Main()
	if err != nil {
		return err
	}
	begin = time.Now()
	v, ok, err := main.Blame(cutFeature)
	if err != nil {
		return err
	}
	t.say("since when is there strings.Cut?    blame says the commit %q (found: %v), in %s", v.Info.Message, ok, short(time.Since(begin)))
	begin = time.Now()
	old, err := t.c.Releases.At(releases[17])
	if err != nil {
		return err
	}
	there, err := old.Has(cutFeature)
	t.say("was it there in Go 1.17?            %v: that state holds %s lines, read in %s", there, count(old.Len()), short(time.Since(begin)))
	return err
}

// branchAndMerge lets two branches change the same line.
func (t *tour) branchAndMerge() error {
	main, err := t.c.Releases.Main()
	if err != nil {
		return err
	}
	notes, err := main.Fork("notes")
	if err != nil {
		return err
	}
	if err := errors.Join(notes.Put(cutFeature, "much used"), notes.Delete("strings, func Title(string) string"),
		main.Put(cutFeature, "go1.18, as every gopher knows")); err != nil {
		return err
	}
	if _, err := notes.Commit("Notes on strings", nil); err != nil {
		return err
	}
	if _, err := main.Commit("A remark", nil); err != nil {
		return err
	}
	list, err := main.Conflicts(notes)
	if err != nil {
		return err
	}
	begin := time.Now()
	res, err := main.Merge(notes, &version.MergeOptions[string, string]{
		Resolve: func(c version.Conflict[string, string]) (version.Decision[string], error) {
			return version.Keep(c.Target + "; " + c.Source), nil
		},
	})
	if err != nil {
		return err
	}
	took := time.Since(begin)
	value, _, err := main.Get(cutFeature)
	if err != nil {
		return err
	}
	t.say("a branch and main changed one line: %s, decided by a function and merged in %s: %q",
		counted(int64(len(list)), "conflict", "conflicts"), short(took), value)
	if res.Conflicts != len(list) {
		return fmt.Errorf("%d conflicts were decided, %d were listed", res.Conflicts, len(list))
	}
	begin = time.Now()
	if err := notes.Remove(); err != nil {
		return err
	}
	t.say("the branch removed:                 in %s; its commits stay, the merge descends from them", short(time.Since(begin)))
	return nil
}
