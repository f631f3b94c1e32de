package lsm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
)

// Flush implements kv.Flusher: it writes the memtables to tables, so that opening
// has no log to replay.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	empty := true
	s.commits.Locked(func() { empty = s.active.empty() && len(s.current.Load().frozen) == 0 })
	if empty {
		return nil
	}
	return s.flush(ctx)
}

// flush cuts the log and returns when all before is in tables.
func (s *Store) flush(ctx context.Context) error {
	c, err := s.commits.Cut()
	if err != nil {
		return err
	}
	return s.flushUpTo(ctx, c)
}

// flushUpTo returns when all before a cut is in tables.
func (s *Store) flushUpTo(ctx context.Context, c *commit.Cut) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.isFrozen(c) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.flushing {
			s.moved.Wait()
			continue
		}
		s.flushing = true
		s.mu.Unlock()
		err := s.flushFrozen(func() bool { return !s.isFrozen(c) })
		s.mu.Lock()
		if err != nil {
			return err
		}
	}
	s.startFlush()
	return nil
}

// isFrozen reports whether something before the cut is in no table yet.
func (s *Store) isFrozen(c *commit.Cut) bool {
	frozen := s.current.Load().frozen
	return len(frozen) > 0 && frozen[len(frozen)-1].cut.Seq <= c.Seq
}

// startFlush starts to write memtables in the background. Store.mu must be held.
func (s *Store) startFlush() {
	if s.flushing || s.quiet || len(s.current.Load().frozen) == 0 {
		return
	}
	s.flushing = true
	s.tasks.Go("flush", func() {
		if err := s.flushFrozen(func() bool { return s.quiet }); err != nil {
			// The next attempt comes with the next cut, or when writers have to wait.
			s.opt.Logger.Error("varve: a memtable could not be written", "dir", s.opt.Dir, "err", err)
			return
		}
		s.schedule()
	})
}

// flushFrozen writes memtables, oldest first, until none is left or stop says so.
// The caller has set flushing.
func (s *Store) flushFrozen(stop func() bool) error {
	for {
		s.mu.Lock()
		frozen := s.current.Load().frozen
		if len(frozen) == 0 || stop() {
			s.flushing = false
			s.moved.Broadcast()
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		err := s.flushMem(frozen[len(frozen)-1])
		s.settle(err)
		if err != nil {
			s.mu.Lock()
			s.flushing = false
			s.moved.Broadcast()
			s.mu.Unlock()
			return fmt.Errorf("write a memtable: %w", err)
		}
	}
}

// settle notes the outcome of background work.
func (s *Store) settle(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = err
	s.moved.Broadcast()
}

// flushMem writes the oldest memtable to a table and lets its part of the log go.
func (s *Store) flushMem(m *mem) error {
	begin := s.opt.Executor.Now()
	files, err := s.flushTo(m)
	s.tellFlush(begin, files, err)
	if err != nil {
		s.commits.Regret(m.cut)
		return err
	}
	s.flushes.Add(1)
	s.lastFlush.Store(s.opt.Executor.Now().UnixNano())
	return nil
}

// flushTo returns the tables; none if there was nothing to write.
func (s *Store) flushTo(m *mem) ([]*version.File, error) {
	if err := s.commits.Await(m.cut); err != nil {
		return nil, err
	}
	if err := s.commits.AwaitShown(m.cut.Seq); err != nil {
		return nil, err
	}
	v := s.version()
	files, err := s.writeMem(m, s.newNumber, s.states(), v, s.cuts(m, v))
	if err != nil {
		return nil, err
	}
	added, release := s.reserve(files, s.deep())
	defer release()
	e := &version.Edit{LastSeq: &m.cut.Seq, Added: added}
	for _, f := range files {
		s.flushBytes.Add(f.Size)
	}
	if s.log != nil {
		e.FirstLog, e.LogEnd = &m.cut.Segment, &version.LogEnd{Segment: m.cut.Segment}
	}
	err = s.installEdit(e, nil, func(st *state) {
		st.frozen = slices.DeleteFunc(slices.Clone(st.frozen), func(o *mem) bool { return o == m })
		s.unmoor()
	})
	if err != nil {
		return nil, errors.Join(err, s.discard(err, files...))
	}
	return files, nil
}

// reserve returns the levels for new tables that are newer than all others, each
// as deep as [version.Place] says, but level 0 for those of less than least bytes.
// No compaction begins to write there until release.
func (s *Store) reserve(files []*version.File, least int64) (added []version.LeveledFile, release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.current.Load().tables.Version
	var reserved []*version.Compaction
	for _, f := range files {
		level := 0
		if f.Size >= least {
			level = version.Place(v, s.running, f.Bounds())
		}
		added = append(added, version.LeveledFile{Level: level, File: f})
		if level > 0 {
			reserved = append(reserved, version.Reserve(level, f.Bounds()))
		}
	}
	s.running = append(s.running, reserved...)
	return added, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running = slices.DeleteFunc(s.running, func(c *version.Compaction) bool { return slices.Contains(reserved, c) })
		s.moved.Broadcast()
	}
}

// installEdit makes an edit durable and then the newest state; f changes the rest
// of that. Removed are the tables that the edit takes out.
func (s *Store) installEdit(e *version.Edit, removed []*version.File, f func(*state)) error {
	s.install.Lock()
	defer s.install.Unlock()
	if err := s.manifest.add(e); err != nil {
		if !errors.Is(err, kv.ErrNoSpace) {
			s.commits.Stop(err)
		}
		return err
	}
	s.change(func(st *state) {
		if f != nil {
			f(st)
		}
		s.setTables(st, s.manifest.state.Version, removed)
	})
	if e.FirstLog == nil {
		return nil
	}
	// If it fails the segments go with the next ones.
	if err := s.commits.ReleaseLog(*e.FirstLog); err != nil {
		s.opt.Logger.Warn("varve: a segment of the log could not be released", "err", err)
	}
	return nil
}

// discard removes tables that an edit would have added, unless it may be read in
// spite of the error.
func (s *Store) discard(err error, files ...*version.File) error {
	var errs []error
	for _, f := range files {
		if err != nil && !errors.Is(err, kv.ErrNoSpace) {
			continue
		}
		errs = append(errs, place.Remove(s.opt.FS, s.tableName(f.Number)))
	}
	return errors.Join(errs...)
}

// newNumber returns a number for a file that none has had.
func (s *Store) newNumber() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextFile++
	return s.nextFile - 1
}

// writeMem writes a memtable to tables that end at the cuts. It returns none if
// nothing is in it. Tree is the tables so far.
func (s *Store) writeMem(m *mem, number func() uint64, states []kv.Seq, tree *version.Version, cuts [][]byte) ([]*version.File, error) {
	w := &rewriter{store: s, states: states, tree: tree, tombstones: m.ranges.Visible(states), number: number, cuts: cuts}
	it := m.points.NewIter()
	it.First()
	return w.run(it)
}
