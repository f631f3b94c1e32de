package lsm

import (
	"context"
	"fmt"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// throttle makes a writer wait that is ahead of the background work: a little
// when level 0 has many tables, until there is room when it has too many or when
// memtables wait to be written.
func (s *Store) throttle(ctx context.Context, noSlowdown bool) error {
	st := s.current.Load()
	files := len(st.tables.Levels[0])
	if len(st.frozen) < s.opt.MaxMemtables && files < s.opt.L0Slowdown || s.opt.ReadOnly {
		return nil
	}
	if noSlowdown {
		return fmt.Errorf("%d memtables and %d tables of level 0 wait for background work: %w", len(st.frozen), files, kv.ErrBusy)
	}
	if s.overfull() {
		s.stops.Add(1)
		begin := s.opt.Executor.Now()
		err := s.awaitRoom(ctx)
		s.tell(Event{Kind: EventStall, Begin: begin, Err: err})
		return err
	}
	s.slowdowns.Add(1)
	s.schedule()
	vfs.Sleep(s.opt.Executor, time.Millisecond*time.Duration(1+files-s.opt.L0Slowdown)/time.Duration(1+s.opt.L0Stop-s.opt.L0Slowdown))
	return nil
}

// overfull reports whether writers must wait.
func (s *Store) overfull() bool {
	st := s.current.Load()
	return len(st.frozen) >= s.opt.MaxMemtables || len(st.tables.Levels[0]) >= s.opt.L0Stop
}

// awaitRoom waits for background work. If that fails, again for this writer, the
// write fails with its error.
func (s *Store) awaitRoom(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for tried := false; s.overfull(); {
		switch {
		case s.quiet:
			return kv.ErrClosed
		case ctx.Err() != nil:
			return ctx.Err()
		case s.flushing || len(s.running) > 0:
			s.moved.Wait()
			continue
		case tried && s.trouble != nil:
			return fmt.Errorf("nothing was changed: no room for more writes: %w", s.trouble)
		case tried:
			return nil // there is nothing to wait for
		}
		tried = true
		s.mu.Unlock()
		s.schedule()
		s.mu.Lock()
	}
	return nil
}
