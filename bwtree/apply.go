package bwtree

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/kv"
)

// closingBit in Store.calls says that no more calls enter.
const closingBit = 1 << 62

// enter begins a call that Close waits for, unless ctx has ended.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		n := s.calls.Load()
		if n&closingBit != 0 {
			return kv.ErrClosed
		}
		step.At("begin a call")
		if s.calls.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

// leave ends what enter began.
func (s *Store) leave() {
	if s.calls.Add(-1) == closingBit {
		s.wake()
	}
}

// wake lets all who wait look again.
func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved.Broadcast()
}

// Apply implements kv.Store. When it returns the batch is visible, all of it, and as
// durable as opt asks for; it has copied the batch and the conditions. Errors are
// those of kv.Store: a *kv.ConflictError or kv.ErrTooOld if a condition does not hold,
// kv.ErrNoSpace if the disk was full, after which nothing was changed,
// kv.ErrUnknownOutcome if it failed, and then kv.ErrReadOnly until the store is opened
// again, kv.ErrBusy with NoSlowdown.
func (s *Store) Apply(ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	if err := b.Err(); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	if err := s.mendHole(); err != nil {
		return 0, err
	}
	for {
		seq, err := s.attempt(b, opt)
		if err == nil {
			s.batches.Add(1)
			s.bytesIn.Add(int64(b.Size()))
		}
		if !errors.Is(err, errSeenChanged) {
			return seq, err
		}
	}
}

// attempt orders a batch if what it expects to find is there, and waits until it
// is visible.
func (s *Store) attempt(b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	if err := s.writable(); err != nil {
		return 0, err
	}
	if err := s.throttle(opt.NoSlowdown); err != nil {
		return 0, err
	}
	seen, release, err := s.see(opt.If)
	if err != nil {
		return 0, err
	}
	defer release()
	w := newWrite(b, opt.Durability, opt.If, seen)
	w.unlogged = s.log == nil || s.keyspaces.isUnlogged(w)
	s.backlog.Add(int64(len(w.encoding)))
	s.queue.push(w)
	return w.seq, s.finish(w)
}

// maxBacklog is how many bytes of batches may wait for the log.
const maxBacklog = 16 << 20

// throttle waits while too much waits for the log.
func (s *Store) throttle(noSlowdown bool) error {
	if s.log == nil || s.backlog.Load() < maxBacklog {
		return nil
	}
	if noSlowdown {
		return fmt.Errorf("%d bytes wait for the log: %w", s.backlog.Load(), kv.ErrBusy)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.backlog.Load() >= maxBacklog && s.failure.Load() == nil {
		s.moved.Wait()
	}
	return nil
}

func (s *Store) writable() error {
	if s.opt.ReadOnly {
		return fmt.Errorf("%s was opened read-only: %w", s.opt.Dir, kv.ErrReadOnly)
	}
	if failure := s.failure.Load(); failure != nil {
		return fmt.Errorf("no more writes until the store is opened again: %w: %w", kv.ErrReadOnly, *failure)
	}
	return nil
}

// see returns the conditions under which what c expects, and what is there now,
// stays so; nil if c expects nothing. Their state is open until release.
func (s *Store) see(c *kv.Conditions) (seen *kv.Conditions, release func(), err error) {
	if c == nil || len(c.Equal) == 0 {
		return nil, func() {}, nil
	}
	hold := s.tree.states.open()
	seen = &kv.Conditions{At: s.queue.visible()}
	hold.set(seen.At)
	for _, want := range c.Equal {
		seen.Keys = append(seen.Keys, bytes.Clone(want.Key))
		if err := s.compare(want, seen.At); err != nil {
			hold.release()
			if errors.Is(err, kv.ErrConflict) {
				s.conflicts.Add(1)
			}
			return nil, nil, err
		}
	}
	return seen, hold.release, nil
}

func (s *Store) compare(want kv.KV, at kv.Seq) error {
	r := reader{store: s, fixed: at}
	val, ok, err := r.Get(want.Key, nil)
	if err != nil || ok != want.Absent && (!ok || string(val) == string(want.Value)) {
		return err
	}
	return &kv.ConflictError{Key: bytes.Clone(want.Key), Seq: at, Expected: true,
		Actual: kv.KV{Key: bytes.Clone(want.Key), Value: val, Absent: !ok}}
}

// finish helps until w is visible or has failed, and sleeps while only the logger
// can go on.
func (s *Store) finish(w *write) error {
	if w.unlogged && s.log != nil {
		s.unlogged.make()
	}
	if s.log != nil {
		s.kick()
	}
	for {
		s.help(w)
		if done, err := s.result(w); done {
			return err
		}
		s.mu.Lock()
		if done, _ := s.result(w); !done && !s.canPublish() {
			s.moved.Wait()
		}
		s.mu.Unlock()
	}
}

// help does what can be done for w.
func (s *Store) help(w *write) {
	if w.mayOvertake() {
		// An error is met again when it is its turn.
		s.decide(w)
		_ = s.add(w)
	}
	step.At("help")
	s.publish()
}

// canPublish reports whether the next write could be published.
func (s *Store) canPublish() bool {
	w := s.queue.published.Load().next.Load()
	if w == nil || s.failure.Load() != nil {
		return false
	}
	return w.phase.Load() != waiting || w.free() || w.outcome.Load() != accepted && w.outcome.Load() != nil
}

// result tells whether Apply of w can return, and with which error.
func (s *Store) result(w *write) (done bool, err error) {
	out := w.outcome.Load()
	if out != nil && out.err != nil {
		return s.lost(out.err)
	}
	switch w.phase.Load() {
	case refused:
		return true, fmt.Errorf("nothing was changed: %w", kv.ErrNoSpace)
	case failed:
		return true, *s.failure.Load()
	}
	if s.queue.visible() >= w.seq {
		return true, nil
	}
	if failure := s.failure.Load(); failure != nil {
		return true, *failure
	}
	return false, nil
}

// lost returns the error of a condition, once the write that got ahead is visible,
// so that the loser does not try again in vain.
func (s *Store) lost(err error) (done bool, _ error) {
	var conflict *kv.ConflictError
	if errors.As(err, &conflict) && s.queue.visible() < conflict.Seq && s.failure.Load() == nil {
		return false, nil
	}
	if !errors.Is(err, errSeenChanged) && kv.Retryable(err) {
		s.conflicts.Add(1)
	}
	return true, err
}
