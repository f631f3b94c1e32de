package bwtree

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/kv"
)

// errSeenChanged says that a key of Conditions.Equal was written after it was
// read.
var errSeenChanged = errors.New("changed after it was read")

// decide says whether a write goes ahead, and all before it. The answer depends on
// what is before it alone: anybody may give it, and the first one counts.
func (s *Store) decide(w *write) {
	if w.outcome.Load() != nil {
		return
	}
	if w.cond == nil && w.seen == nil {
		step.At("accept")
		w.outcome.CompareAndSwap(nil, accepted)
		return
	}
	for {
		from := s.queue.published.Load() // before the tree is read
		for q := from; q != w && w.outcome.Load() == nil; {
			if q = q.next.Load(); q == nil {
				break // w was published meanwhile, and from is behind it
			}
			s.judge(q, from)
		}
		if w.outcome.Load() != nil {
			return
		}
	}
}

// judge decides a write if all before it, from the one that was published on, are
// decided.
func (s *Store) judge(w, from *write) {
	if w.outcome.Load() != nil {
		return
	}
	out := accepted
	if err := s.conditions(w, from); err != nil {
		out = &outcome{err}
	}
	step.At("decide")
	w.outcome.CompareAndSwap(nil, out)
}

func (s *Store) conditions(w, from *write) error {
	if w.cond != nil {
		if err := s.holds(w.cond, w, from); err != nil {
			return err
		}
	}
	if w.seen != nil {
		if err := s.holds(w.seen, w, from); err != nil {
			if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrTooOld) {
				err = fmt.Errorf("%w: %w", errSeenChanged, err)
			}
			return err
		}
	}
	return nil
}

// holds checks what is between the published write and w, and then the tree, which
// has all before.
func (s *Store) holds(c *kv.Conditions, w, from *write) error {
	for q := from.next.Load(); q != nil && q != w; q = q.next.Load() {
		if q.outcome.Load() != accepted || q.phase.Load() == refused || q.seq <= c.At {
			continue
		}
		if key, ok := q.touches(c); ok {
			return &kv.ConflictError{Key: bytes.Clone(key), Seq: q.seq}
		}
	}
	return s.tree.check(c, w.first)
}

// publish moves the published pointer over the writes that are done, and does what
// is left to do of them. Anybody may do it.
func (s *Store) publish() {
	for {
		p := s.queue.published.Load()
		w := p.next.Load()
		if w == nil || s.failure.Load() != nil {
			return
		}
		s.decide(w)
		if w.outcome.Load() == accepted {
			switch w.phase.Load() {
			case waiting:
				if !w.free() {
					return
				}
				fallthrough
			case logged:
				if err := s.add(w); err != nil {
					s.fail(fmt.Errorf("%w: a page could not be read: %w", kv.ErrUnknownOutcome, err))
					return
				}
			case failed:
				return
			}
		}
		step.At("publish a write")
		s.queue.published.CompareAndSwap(p, w)
	}
}

// free reports whether a write need not wait for the log.
func (w *write) free() bool {
	return w.unlogged || w.level == kv.Process
}

// mayOvertake reports whether the changes of a write may be added before those of
// earlier ones. A deletion of a range may not: it leaves its mark on the keys that a
// leaf has when it is consolidated, and one that came later would escape it.
func (w *write) mayOvertake() bool {
	return w.free() && w.cond == nil && w.seen == nil && !w.ranges
}

// add adds the changes of a write to the tree.
func (s *Store) add(w *write) error {
	for i := range w.deltas {
		d := &w.deltas[i]
		if d.Added.Load() {
			continue
		}
		s.keyspaces.touch(d, w.seq)
		var err error
		if d.Kind == kv.OpDeleteRange {
			err = s.tree.addRange(d)
		} else {
			err = s.tree.add(d)
		}
		if err != nil {
			return err
		}
		d.Added.Store(true)
	}
	return nil
}
