package lsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/version"
)

// Import implements kv.Importer. Entries are written to tables, in the
// compression of the last level, while nobody waits. What is in memtables then is
// written to tables too, since all of it must be below the new ones, and one edit
// of the manifest puts these in: each as deep as nothing else in its range allows.
func (s *Store) Import(ctx context.Context, next func() (key, val []byte, err error)) (kv.Seq, error) {
	if err := s.commits.Enter(ctx); err != nil {
		return 0, err
	}
	defer s.commits.Leave()
	if s.opt.ReadOnly {
		return 0, fmt.Errorf("%s was opened read-only: %w", s.opt.Dir, kv.ErrReadOnly)
	}
	in := &importer{store: s}
	files, err := in.write(ctx, next)
	if err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	if len(files) == 0 {
		return s.commits.Apply(ctx, new(kv.Batch), kv.WriteOptions{})
	}
	var span kv.Batch
	span.DeleteRange(files[0].Smallest, kv.After(files[len(files)-1].Largest))
	placed := false
	seq, err := s.commits.Insert(&span,
		func(c *commit.Cut) error { return s.flushUpTo(ctx, c) },
		func(seq kv.Seq) error { placed = true; return s.place(files, seq) })
	if err != nil && !placed {
		err = errors.Join(err, s.discard(nil, files...))
	}
	s.schedule()
	return seq, err
}

// place puts tables in, all of whose entries have the number seq.
func (s *Store) place(files []*version.File, seq kv.Seq) error {
	for _, f := range files {
		f.Imported, f.MinSeq, f.MaxSeq = true, seq, seq
	}
	added, release := s.reserve(files, 0)
	defer release()
	if err := s.installEdit(&version.Edit{LastSeq: &seq, Added: added}, nil, nil); err != nil {
		return errors.Join(err, s.discard(err, files...))
	}
	return nil
}

// importer writes sorted entries to tables.
type importer struct {
	store *Store
	out   *output // nil between tables
	files []*version.File
	last  []byte
	any   bool
}

// write returns the tables, which are durable. On an error none is left.
func (in *importer) write(ctx context.Context, next func() (key, val []byte, err error)) ([]*version.File, error) {
	err := in.writeAll(ctx, next)
	if err == nil && in.out != nil {
		err = in.finish()
	}
	if err == nil && len(in.files) > 0 {
		err = in.store.opt.FS.SyncDir(in.store.opt.Dir)
	}
	if err == nil {
		return in.files, nil
	}
	if in.out != nil {
		err = errors.Join(err, in.out.abandon())
	}
	return nil, errors.Join(err, in.store.discard(nil, in.files...))
}

func (in *importer) writeAll(ctx context.Context, next func() (key, val []byte, err error)) error {
	for n := 0; ; n++ {
		key, val, err := next()
		if err == io.EOF {
			return nil
		}
		if n%1024 == 0 && err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = in.check(key, val)
		}
		if err == nil {
			err = in.add(key, val)
		}
		if err != nil {
			return err
		}
	}
}

// check says what is wrong with an entry.
func (in *importer) check(key, val []byte) error {
	switch {
	case len(key) > kv.MaxKey || len(val) > kv.MaxValue:
		return fmt.Errorf("key of %d bytes, value of %d: %w", len(key), len(val), kv.ErrTooLarge)
	case in.any && bytes.Compare(key, in.last) <= 0:
		return fmt.Errorf("key %q is not above the one before, %q", key, in.last)
	}
	in.any, in.last = true, append(in.last[:0], key...)
	return nil
}

func (in *importer) add(key, val []byte) (err error) {
	if in.out != nil && in.out.EstimatedSize() >= in.store.opt.TargetFile {
		if err := in.finish(); err != nil {
			return err
		}
	}
	if in.out == nil {
		if in.out, err = in.store.create(in.store.newNumber(), version.NumLevels-1, true); err != nil {
			return err
		}
	}
	return in.out.Add(key, entry.MakeTrailer(0, entry.Put), val)
}

func (in *importer) finish() error {
	f, err := in.out.finish()
	if err != nil {
		return err
	}
	in.out, in.files = nil, append(in.files, f)
	return nil
}
