package lsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

// Checkpoint implements kv.Checkpointer. Tables are linked, not copied; what is
// in memtables is written to one more table. The manifest comes last: without it
// there is no store.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	made, err := makeEmptyDir(s.opt.FS, dir)
	if err != nil {
		return err
	}
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	st := s.pin()
	defer s.unpin(st)
	if err := s.copyTo(dir, st, snap.Seq()); err != nil {
		return errors.Join(wrapDir("checkpoint to", dir, err), undo(s.opt.FS, dir, made))
	}
	return nil
}

func (s *Store) copyTo(dir string, st *state, seq kv.Seq) error {
	to := version.State{Version: st.tables.Version, FirstLog: 1, NextFile: 1, LastSeq: seq}
	for _, files := range st.tables.Levels {
		for _, f := range files {
			to.NextFile = max(to.NextFile, f.Number+1)
			if err := s.linkTo(dir, f); err != nil {
				return fmt.Errorf("link a table: %w", err)
			}
		}
	}
	// A store of its own, that has no log and only writes tables.
	copied := &Store{opt: s.opt}
	copied.opt.Dir = dir
	files, err := copied.writeMems(st.mems(nil), numbersFrom(to.NextFile), seq)
	if err != nil {
		return err
	}
	if err := addToLevelZero(&to, files); err != nil {
		return err
	}
	if err := s.opt.FS.SyncDir(dir); err != nil {
		return err
	}
	m, err := createManifest(&copied.opt, to, journal.Tail{})
	if err != nil {
		return err
	}
	return errors.Join(m.close(), s.opt.FS.SyncDir(dir))
}

// linkTo gives a table a second name. A reader beside a writer, who may have
// removed the table, copies what it has open.
func (s *Store) linkTo(dir string, f *version.File) error {
	to := tableName(dir, f.Number)
	err := s.opt.FS.Link(s.tableName(f.Number), to)
	if err == nil || !s.opt.ReadOnly || !isNotExist(err) {
		return err
	}
	t, err := s.readers.held(f)
	if err != nil {
		return err
	}
	defer t.release()
	return copyFile(s.opt.FS, t.file, to)
}

// copyFile makes a durable copy of an open file, but for its name.
func copyFile(fsys vfs.FS, from vfs.File, name string) error {
	size, err := from.Size()
	if err != nil {
		return err
	}
	to, err := fsys.Create(name)
	if err != nil {
		return err
	}
	sink := &sink{file: to}
	_, err = io.Copy(sink, io.NewSectionReader(from, 0, size))
	if err == nil {
		err = sink.flush()
	}
	if err == nil {
		err = to.Sync()
	}
	return errors.Join(err, to.Close())
}

// numbersFrom numbers files.
func numbersFrom(next uint64) func() uint64 {
	return func() uint64 {
		next++
		return next - 1
	}
}

// addToLevelZero puts tables into level 0 of a state that is not in use yet.
func addToLevelZero(to *version.State, files []*version.File) error {
	e := &version.Edit{}
	for _, f := range files {
		e.Added = append(e.Added, version.LeveledFile{Level: 0, File: f})
	}
	return to.Apply(e)
}

// writeMems writes what memtables hold up to seq to tables.
func (s *Store) writeMems(mems []*mem, number func() uint64, seq kv.Seq) ([]*version.File, error) {
	in := &upTo{seq: seq}
	var ranges []rangedel.List
	for _, m := range mems {
		in.sources = append(in.sources, source{Iterator: m.points.NewIter()})
		ranges = append(ranges, m.ranges.Visible([]kv.Seq{seq}))
	}
	states := []kv.Seq{seq}
	w := &rewriter{store: s, states: states, tombstones: without(rangedel.Merge(ranges...), seq).Visible(states),
		number: number}
	in.merged.First()
	in.pass()
	return w.run(in)
}

// without returns the list without tombstones above seq.
func without(list rangedel.List, seq kv.Seq) (kept rangedel.List) {
	for _, f := range list {
		for len(f.Seqs) > 0 && f.Seqs[0] > seq {
			f.Seqs = f.Seqs[1:]
		}
		if len(f.Seqs) > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

// upTo walks merged entries up to a number. It is a walk.
type upTo struct {
	merged
	seq kv.Seq
}

// pass goes to the next entry that is not too new.
func (u *upTo) pass() bool {
	for u.Valid() && u.Trailer().Seq() > u.seq {
		u.Step()
	}
	return u.Valid()
}

func (u *upTo) Next() bool {
	u.Step()
	return u.pass()
}

func (u *upTo) Key() []byte            { return u.top().key }
func (u *upTo) Trailer() entry.Trailer { return u.top().trailer }
func (u *upTo) Value() []byte          { return u.top().Value() }
func (u *upTo) Err() error             { return u.err }

// undo removes what a checkpoint that failed has written, the manifest durably
// before the tables: with it half a copy would be a store. The directory goes too
// if it was made.
func undo(fsys vfs.FS, dir string, made bool) error {
	err := removeWhere(fsys, dir, isManifest)
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err == nil {
		err = removeWhere(fsys, dir, func(string) bool { return true })
	}
	if err == nil && made {
		err = fsys.Remove(dir)
	}
	return err
}

// removeWhere removes the files in a directory whose names are wanted.
func removeWhere(fsys vfs.FS, dir string, wanted func(name string) bool) error {
	names, err := fsys.List(dir)
	for _, name := range names {
		if wanted(name) {
			err = errors.Join(err, place.Remove(fsys, path.Join(dir, name)))
		}
	}
	return err
}

// makeEmptyDir makes a directory, unless there is an empty one.
func makeEmptyDir(fsys vfs.FS, dir string) (made bool, err error) {
	names, err := fsys.List(dir)
	if err == nil && len(names) > 0 {
		return false, fmt.Errorf("%s holds %s: choose an empty or new directory", dir, names[0])
	}
	if err != nil && !isNotExist(err) {
		return false, err
	}
	return err != nil, vfs.MkdirDurable(fsys, dir)
}
