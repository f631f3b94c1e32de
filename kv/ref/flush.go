package ref

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

// Flush implements kv.Flusher: it writes the newest state to a snapshot file, so
// that opening has no log to replay.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	if s.log == nil {
		return nil
	}
	return s.flush()
}

// flush writes a snapshot of the newest ordered state and lets the log before it
// go.
func (s *Store) flush() error {
	s.checkpoint.Lock()
	defer s.checkpoint.Unlock()
	c, err := s.commits.Cut()
	if err != nil {
		return err
	}
	st := s.cutState
	// The state must not become durable by a snapshot before its records are:
	// the journal may still drop some, whose writers are then told that nothing
	// was changed. If it does it drops the record of the cut too.
	if err := s.commits.Await(c); err != nil {
		s.commits.Regret(c)
		return err
	}
	if err := s.writeSnapshot(st, c.Segment); err != nil {
		s.commits.Regret(c)
		return fmt.Errorf("write a snapshot of %s: %w", s.opt.Dir, err)
	}
	return nil
}

// writeSnapshot makes st the snapshot of the store, with the log from segment
// first on. The checkpoint lock must be held.
func (s *Store) writeSnapshot(st *state, first uint64) error {
	fsys, dir := s.opt.FS, s.opt.Dir
	next := meta{snapshot: s.lastSnapshot + 1, seq: st.seq, firstLog: first, end: journal.End{Segment: first}}
	name := join(dir, next.snapshotName())
	err := place.Remove(fsys, name) // of an attempt that failed
	if err == nil {
		next.size, next.sum, err = writeSnapshotFile(fsys, name, next.snapshot, st)
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err == nil {
		// If it fails META may name either snapshot: both files must stay.
		s.lastSnapshot = next.snapshot
		err = next.write(fsys, dir)
	}
	if err != nil {
		return err
	}
	s.meta = next
	s.flushes.Add(1)
	s.flushBytes.Add(next.size)
	s.lastFlush.Store(s.opt.Executor.Now().UnixNano())
	return errors.Join(removeOrphans(&s.opt, &s.meta), s.commits.ReleaseLog(first))
}

// flushIfLong starts a flush when the log has outgrown its bound. The lock of
// commits must be held.
func (s *Store) flushIfLong() {
	if s.log == nil || s.flushing || s.logBytes < max(s.opt.SnapshotLogBytes, s.visible.Load().bytes) {
		return
	}
	s.flushInBackground()
}

// flushInBackground starts a flush. The lock of commits must be held.
func (s *Store) flushInBackground() {
	s.flushing = true
	s.tasks.Go("snapshot", func() {
		if err := s.flush(); err != nil {
			s.opt.Logger.Error("varve: snapshot failed", "dir", s.opt.Dir, "err", err)
		}
		s.commits.Locked(func() { s.flushing = false })
	})
}

// closeFiles ends the log and notes in META where.
func (s *Store) closeFiles() error {
	if s.log == nil {
		return nil
	}
	var err error
	if s.commits.NeedsFiles() {
		err = s.flush()
	}
	s.checkpoint.Lock()
	defer s.checkpoint.Unlock()
	end, closed := s.commits.CloseLog()
	if err = errors.Join(err, closed); err != nil {
		return fmt.Errorf("close %s: %w", s.opt.Dir, err)
	}
	clean := s.meta
	clean.clean, clean.end = true, end
	return clean.write(s.opt.FS, s.opt.Dir)
}

// Checkpoint implements kv.Checkpointer.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	return s.writeCopy(dir, s.visible.Load())
}

// writeCopy makes a store with the content st in the new directory dir. META
// comes last: without it there is no store.
func (s *Store) writeCopy(dir string, st *state) error {
	fsys := s.opt.FS
	if err := makeEmptyDir(fsys, dir); err != nil {
		return err
	}
	m := meta{snapshot: 1, seq: st.seq, firstLog: 1}
	var err error
	if m.size, m.sum, err = writeSnapshotFile(fsys, join(dir, m.snapshotName()), 1, st); err != nil {
		return err
	}
	if err := fsys.SyncDir(dir); err != nil {
		return err
	}
	return m.write(fsys, dir)
}

func makeEmptyDir(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err == nil && len(names) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	if err != nil && !isNotExist(err) {
		return err
	}
	return vfs.MkdirDurable(fsys, dir)
}
