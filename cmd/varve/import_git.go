package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
)

func (a *app) importGit() *cobra.Command {
	var check string
	cmd := &cobra.Command{
		Use:   "import-git REPOSITORY NAME",
		Short: "Replay a Git repository into a versioned map",
		Long: "import-git makes a versioned map from path to blob id with all commits, branches, merges and tags of a Git\n" +
			"repository, and then compares commits with Git's own trees. It needs the git command, and nothing else.",
		Args: cobra.ExactArgs(2),
	}
	cmd.Flags().StringVar(&check, "check", "each", "which commits are compared with Git: each, or heads")
	cmd.RegisterFlagCompletionFunc("check", oneOf("each", "heads"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if check != "each" && check != "heads" {
			return usagef("--check %s: choose each or heads", check)
		}
		return a.with(varve.Options{}, func(db *varve.DB) error {
			im := &gitImport{app: a, ctx: cmd.Context(), db: db, repo: gitRepo{cmd.Context(), args[0]}, name: args[1], checkAll: check == "each"}
			return im.run()
		})
	}
	return cmd
}

// gitImport is one call of import-git.
type gitImport struct {
	*app
	ctx      context.Context
	db       *varve.DB
	repo     gitRepo
	name     string
	checkAll bool

	m       *varve.VersionMap[string, string]
	commits []gitCommit
	ids     map[string]version.CommitID                          // by hash
	tips    map[version.CommitID]*version.Branch[string, string] // branches of the import, by their heads
	made    int
	root    *version.Branch[string, string] // the map's main branch
}

func (im *gitImport) run() error {
	if _, there, err := find(im.db, im.name); err != nil || there {
		return errors.Join(err, fmt.Errorf("%q: %w", im.name, varve.ErrCollectionExists))
	}
	var err error
	if im.commits, err = im.repo.commits(); err != nil {
		return err
	}
	m, err := varve.OpenVersionMap[string, string](im.db, im.name)
	if err != nil {
		return err
	}
	im.m = m.Durable(varve.Process) // made durable as a whole at the end
	im.ids, im.tips = map[string]version.CommitID{}, map[version.CommitID]*version.Branch[string, string]{}
	if im.root, err = im.m.Main(); err != nil {
		return err
	}
	err = im.replay()
	if err == nil {
		err = im.db.Sync(im.ctx)
	}
	if err != nil {
		return errors.Join(err, im.db.Drop(im.name))
	}
	checked, err := im.compare()
	if err != nil {
		return err
	}
	return im.result(map[string]any{"commits": len(im.commits), "compared": checked},
		"imported %s; %s compared with Git's trees and found equal",
		counted(int64(len(im.commits)), "commit", "commits"), counted(int64(checked), "commit", "commits"))
}

// replay makes the commits, then the branches and tags.
func (im *gitImport) replay() error {
	if err := im.m.KeepReflog(0); err != nil {
		return err
	}
	bar := im.newBar("importing", int64(len(im.commits)), false)
	defer bar.done()
	err := im.repo.changes(im.commits, func(i int, edits []gitEdit) error {
		bar.set(int64(i))
		return errors.Join(im.ctx.Err(), im.commit(&im.commits[i], edits))
	})
	if err != nil {
		return err
	}
	if err := im.nameRefs(); err != nil {
		return err
	}
	for _, b := range im.tips {
		if err := b.Remove(); err != nil {
			return err
		}
	}
	return im.m.KeepReflog(version.DefaultReflog)
}

// commit makes one commit, on a branch of the import whose head is its first
// parent.
func (im *gitImport) commit(c *gitCommit, edits []gitEdit) error {
	opt := &version.CommitOptions{Author: c.author, Time: c.time, Meta: map[string]string{"git": c.hash}, AllowEmpty: true}
	first := version.CommitID(0)
	for i, hash := range c.parents {
		id, ok := im.ids[hash]
		if !ok {
			return fmt.Errorf("commit %s has the parent %s, which is not there: is the repository shallow?", c.hash, hash)
		}
		if i == 0 {
			first = id
		} else {
			opt.Merged = append(opt.Merged, id)
		}
	}
	b, ok := im.tips[first]
	if !ok || first == 0 {
		im.made++
		var err error
		if b, err = im.m.CreateBranch(fmt.Sprint("import ", im.made), first); err != nil {
			return err
		}
	}
	var e version.Edits[string, string]
	for _, edit := range edits {
		if edit.id == "" {
			e.Delete(edit.path)
		} else {
			e.Put(edit.path, edit.id)
		}
	}
	id, err := b.CommitEdits(&e, c.message, opt)
	if err != nil {
		return fmt.Errorf("commit %s: %w", c.hash, err)
	}
	delete(im.tips, first)
	im.tips[id], im.ids[c.hash] = b, id
	return nil
}

// nameRefs makes the branches and tags. The branch that is checked out becomes
// the main one.
func (im *gitImport) nameRefs() error {
	branches, tags, head, err := im.repo.refs()
	if err != nil {
		return err
	}
	if hash, ok := branches[head]; ok {
		if err := errors.Join(im.root.Reset(im.ids[hash]), im.root.Rename(head)); err != nil {
			return err
		}
		delete(branches, head)
	}
	for _, name := range slices.Sorted(maps.Keys(branches)) {
		if _, err := im.m.CreateBranch(name, im.ids[branches[name]]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		if err := im.m.Tag(name, im.ids[tags[name]], ""); err != nil {
			return err
		}
	}
	return nil
}

// compare compares commits with Git's trees: all, or those that are named.
func (im *gitImport) compare() (n int, err error) {
	bar := im.newBar("comparing", int64(len(im.commits)), false)
	defer bar.done()
	named := map[version.CommitID]bool{}
	list, err := im.m.Branches()
	if err != nil {
		return 0, err
	}
	for _, b := range list {
		named[b.Head] = true
	}
	for i, c := range im.commits {
		bar.set(int64(i))
		id := im.ids[c.hash]
		if !im.checkAll && !named[id] {
			continue
		}
		if err := errors.Join(im.ctx.Err(), im.compareCommit(&c, id)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (im *gitImport) compareCommit(c *gitCommit, id version.CommitID) error {
	want, err := im.repo.tree(c.hash)
	if err != nil {
		return err
	}
	st, err := im.m.At(id)
	if err != nil {
		return err
	}
	if int(st.Len()) != len(want) {
		return fmt.Errorf("commit %d holds %d paths, Git's %s has %d", id, st.Len(), c.hash, len(want))
	}
	cursor := st.All()
	slices.SortFunc(want, func(a, b gitEdit) int { return cmp.Compare(a.path, b.path) })
	i := 0
	for path, blob := range cursor.All() {
		if i == len(want) || want[i].path != path || want[i].id != blob {
			return fmt.Errorf("commit %d and Git's %s differ at %q", id, c.hash, path)
		}
		i++
	}
	return cursor.Err()
}
