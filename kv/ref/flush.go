package ref

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

// Flush implements kv.Flusher: it writes the newest state to a snapshot file, so
// that opening has no log to replay.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
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
	c, err := s.cut()
	if err != nil {
		return mapJournal(err)
	}
	// The state must not become durable by a snapshot before its records are:
	// the journal may still drop some, whose writers are then told that nothing
	// was changed. If it does it drops the record of the cut too.
	if err := s.log.Wait(c.ticket, journal.Synced); err != nil {
		s.regret(c.soft)
		return s.fail(err)
	}
	if err := s.writeSnapshot(c.st, c.first); err != nil {
		s.regret(c.soft)
		return fmt.Errorf("write a snapshot of %s: %w", s.opt.Dir, err)
	}
	return nil
}

// cut is a place between two records of the log.
type cut struct {
	st     *state         // before it
	first  uint64         // segment that begins after it
	ticket journal.Ticket // of the first record of that segment
	soft   softWrite      // what of st was not on disk
}

// cut makes the records from now on go to a new segment, which begins with a
// record of its own, so that its absence can be noticed.
func (s *Store) cut() (c cut, err error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.writable(); err != nil {
		return c, err
	}
	s.cutting = true
	for s.spills > 0 {
		s.moved.Wait()
	}
	s.cutting = false
	s.moved.Broadcast()
	if c.first, err = s.log.Rotate(); err != nil {
		return c, err
	}
	if c.ticket, err = s.log.Append(appendHeader(nil, recordCut, s.tip.seq)); err != nil {
		return c, err
	}
	c.st, c.soft = s.tip, s.soft
	s.soft, s.logBytes = softWrite{ticket: s.soft.ticket}, 0
	return c, nil
}

// regret takes back what cut forgot, because the snapshot was not written.
func (s *Store) regret(soft softWrite) {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.soft.lost = s.soft.lost || soft.lost
	s.soft.unlogged = s.soft.unlogged || soft.unlogged
}

// writeSnapshot makes st the snapshot of the store, with the log from segment
// first on. The checkpoint lock must be held.
func (s *Store) writeSnapshot(st *state, first uint64) error {
	fsys, dir := s.opt.FS, s.opt.Dir
	next := meta{snapshot: s.lastSnapshot + 1, seq: st.seq, firstLog: first, end: journal.End{Segment: first}}
	name := join(dir, next.snapshotName())
	err := removeIfThere(fsys, name) // of an attempt that failed
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
	return errors.Join(removeOrphans(&s.opt, &s.meta), s.log.Release(first))
}

// flushIfLong starts a flush when the log has outgrown its bound. The commit
// lock must be held.
func (s *Store) flushIfLong() {
	if s.log == nil || s.flushing || s.closing || s.failure != nil ||
		s.logBytes < max(s.opt.SnapshotLogBytes, s.visible.Load().bytes) {
		return
	}
	s.flushing = true
	s.tasks.Go("snapshot", func() {
		if err := s.flush(); err != nil {
			s.opt.Logger.Error("varve: snapshot failed", "dir", s.opt.Dir, "err", err)
		}
		s.commit.Lock()
		s.flushing = false
		s.commit.Unlock()
	})
}

// closeFiles ends the log and notes in META where.
func (s *Store) closeFiles() error {
	if s.log == nil {
		return nil
	}
	var err error
	if s.failure == nil && (s.soft.unlogged || s.soft.lost) {
		err = s.flush()
	}
	s.checkpoint.Lock()
	defer s.checkpoint.Unlock()
	lost := s.soft.lost
	end, closed := s.log.Close()
	if err = errors.Join(err, closed); err != nil || lost {
		return fmt.Errorf("close %s: %w", s.opt.Dir, mapJournal(err))
	}
	clean := s.meta
	clean.clean, clean.end = true, end
	return clean.write(s.opt.FS, s.opt.Dir)
}

// Checkpoint implements kv.Checkpointer.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
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
