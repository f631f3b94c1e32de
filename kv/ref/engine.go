package ref

import (
	"github.com/varvedb/varve/internal/commit"
)

// engine is what the commit pipeline sees of a store. Its methods run under the
// lock of the pipeline, but for Land and Mend.
type engine struct{ *Store }

// Stage makes the state after the batch.
func (s engine) Stage(w *commit.Write) {
	st := s.tip.apply(w.Batch, w.Seq, s.opt.Mergers)
	w.State, s.tip = st, st
	if s.log != nil {
		s.logBytes += int64(w.Batch.Size())
	}
}

// Land has nothing to do: the state is there.
func (s engine) Land(*commit.Write) {}

// Show makes the state after the batch the visible one.
func (s engine) Show(w *commit.Write) {
	s.visible.Store(w.State.(*state))
	s.flushIfLong()
}

// Drop makes the state before the batch the newest ordered one again.
func (s engine) Drop(_, before *commit.Write) {
	s.tip = s.visible.Load()
	if before != nil {
		s.tip = before.State.(*state)
	}
}

// Full reports false: the log is cut by flush.
func (s engine) Full() bool { return false }

// Cut notes which state is the one before the cut.
func (s engine) Cut(*commit.Cut) { s.cutState, s.logBytes = s.tip, 0 }

// Newest returns the newest visible state.
func (s engine) Newest() commit.Getter {
	return &reader{store: s.Store, fixed: s.visible.Load()}
}

// Mend writes a snapshot file.
func (s engine) Mend() error { return s.flush() }
