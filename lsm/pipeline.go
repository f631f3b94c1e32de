package lsm

import (
	"context"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/kv"
)

// engine is what the commit pipeline sees of a store. Its methods run under the
// lock of the pipeline, but for Land and Mend.
type engine struct{ *Store }

// Stage chooses the memtable for the batch.
func (s engine) Stage(w *commit.Write) {
	w.State = s.active
	s.active.staged += stagedSize(w.Batch)
}

func stagedSize(b *kv.Batch) int64 { return int64(b.Size() + entryCost*b.Len()) }

// Land adds the batch to its memtable.
func (s engine) Land(w *commit.Write) { w.State.(*mem).add(w.First, w.Batch) }

// Show makes the batch visible.
func (s engine) Show(w *commit.Write) { s.visible.Store(uint64(w.Seq)) }

// Drop has nothing to do: the batch is in no memtable.
func (s engine) Drop(*commit.Write, *commit.Write) {}

// Full reports whether the active memtable has its size.
func (s engine) Full() bool { return s.active.staged >= s.opt.WriteBuffer }

// Cut begins a new memtable. The one before is written to a table in the
// background.
func (s engine) Cut(c *commit.Cut) {
	s.active.cut = c
	s.active = s.newMem()
	s.active.after = c.Seq
	s.change(func(st *state) {
		st.frozen = append([]*mem{st.active}, st.frozen...)
		st.active = s.active
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startFlush()
}

// Newest returns the newest visible state.
func (s engine) Newest() commit.Getter {
	return &reader{store: s.Store, fixed: kv.Seq(s.visible.Load())}
}

// Mend writes the memtables to tables.
func (s engine) Mend() error { return s.flush(context.Background()) }
