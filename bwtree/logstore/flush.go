package logstore

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/vfs"
)

// The flusher is a task that is started when there is something to do and none
// runs. Its state says whether one runs, and whether it has to look again.
const (
	flusherIdle = iota
	flusherRuns
	flusherAgain
)

// kick makes the flusher look for work after this call.
func (s *Store) kick() {
	for {
		state := s.flusher.Load()
		step.At("kick the flusher")
		switch state {
		case flusherIdle:
			if s.flusher.CompareAndSwap(flusherIdle, flusherRuns) {
				s.opt.Executor.Go("log store", s.flushTask)
				return
			}
		case flusherRuns:
			if s.flusher.CompareAndSwap(flusherRuns, flusherAgain) {
				return
			}
		default:
			return
		}
	}
}

// flushTask writes until there is nothing to do.
func (s *Store) flushTask() {
	for {
		s.settle(s.flush())
		step.At("end the flusher")
		if s.flusher.CompareAndSwap(flusherRuns, flusherIdle) {
			break
		}
		s.flusher.Store(flusherRuns)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved.Broadcast()
}

// settle draws the conclusions from an attempt to write, and tells those who
// wait.
func (s *Store) settle(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
	case errors.Is(err, vfs.ErrNoSpace) && !errors.Is(err, ErrUnknownOutcome):
		s.stalls++
		s.stall = err
	default:
		if !errors.Is(err, ErrUnknownOutcome) {
			err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		}
		if s.failure.Load() == nil {
			s.failure.Store(&err)
		}
	}
	s.moved.Broadcast()
}

// flush writes the buffers that are sealed and complete, and syncs them if
// somebody wants that.
func (s *Store) flush() error {
	if s.failure.Load() != nil {
		return nil
	}
	for {
		b := s.oldest.Load()
		if !s.ready(b) {
			break
		}
		if err := s.write(b); err != nil {
			return fmt.Errorf("write the log store: %w", err)
		}
		s.oldest.Store(b.next.Load())
	}
	if end := s.oldest.Load().begin(); s.wanted.Load() >= s.stable.Load() && end > s.Stable() {
		if err := s.sync(end); err != nil {
			return fmt.Errorf("%w: sync the log store: %w", ErrUnknownOutcome, err)
		}
	}
	return nil
}

// ready reports whether a buffer can be written. One that somebody wants to be
// stable is sealed first.
func (s *Store) ready(b *buffer) bool {
	word := b.word.Load()
	if word&sealedBit == 0 {
		if reserved(word) == 0 || Addr(s.wanted.Load()) < b.begin() {
			return false
		}
		b.seal()
	}
	if writers(b.word.Load()) > 0 {
		return false // whoever is the last lets the flusher run again
	}
	s.advance(b, 0)
	return true
}

// write writes a buffer to its segment.
func (s *Store) write(b *buffer) error {
	n := reserved(b.word.Load())
	if n == 0 {
		return nil
	}
	if err := s.writing.enter(s, b.segment); err != nil {
		return err
	}
	if _, err := s.writing.file.WriteAt(b.data[:n], b.start); err != nil {
		return err
	}
	s.writing.end = b.start + n
	s.writes.Add(1)
	s.bytes.Add(n)
	return nil
}

// sync makes all that is written durable, which is what is below end.
func (s *Store) sync(end Addr) error {
	s.syncs.Add(1)
	if err := s.writing.file.Sync(); err != nil {
		return err
	}
	s.stable.Store(uint64(end))
	return nil
}
