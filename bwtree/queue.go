package bwtree

import (
	"bytes"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// write is the descriptor of a batch: what it does and what became of it. It owns
// its slices, since others may look at it after its writer has returned.
type write struct {
	first, seq kv.Seq // of its operations; a batch without any has a number too
	deltas     []leaf.Delta
	encoding   []byte         // of the batch
	unlogged   bool           // it goes to no log
	ranges     bool           // it deletes ranges
	cond       *kv.Conditions // Keys and Spans; nil if there are none
	seen       *kv.Conditions // under which what was compared stays so
	level      kv.Durability

	next    atomic.Pointer[write]
	outcome atomic.Pointer[outcome] // nil until it is decided
	phase   atomic.Uint32

	ticket journal.Ticket // of the logger
}

// outcome is what was decided about a batch.
type outcome struct{ err error }

var accepted = new(outcome)

// The phases of a write that was accepted.
const (
	waiting = iota
	logged  // as durable as it asked for
	refused // by a full disk: it will never be read
	failed  // the disk failed: nobody knows
)

// newWrite copies a batch.
func newWrite(b *kv.Batch, level kv.Durability, cond, seen *kv.Conditions) *write {
	w := &write{level: level, cond: copyConditions(cond), seen: seen, deltas: make([]leaf.Delta, b.Len())}
	var own kv.Batch
	own.Append(b)
	w.encoding = own.Encoding()
	i := 0
	for op := range own.Ops() {
		d := &w.deltas[i]
		d.Kind, d.Key, d.Value, d.Merger = op.Kind, op.Key, op.Value, op.Merger
		if op.Kind == kv.OpDeleteRange {
			d.Value, w.ranges = op.Span().End, true
		}
		i++
	}
	return w
}

// copyConditions copies Keys and Spans.
func copyConditions(c *kv.Conditions) *kv.Conditions {
	if c == nil || len(c.Keys)+len(c.Spans) == 0 {
		return nil
	}
	n := &kv.Conditions{At: c.At, Keys: make([][]byte, len(c.Keys)), Spans: make([]kv.Span, len(c.Spans))}
	for i, key := range c.Keys {
		n.Keys[i] = bytes.Clone(key)
	}
	for i, s := range c.Spans {
		n.Spans[i] = kv.Span{Start: bytes.Clone(s.Start), End: bytes.Clone(s.End)}
	}
	return n
}

// number gives the operations their numbers, from first on. Nobody else may see w.
func (w *write) number(first kv.Seq) {
	w.first, w.seq = first, first+kv.Seq(max(len(w.deltas), 1))-1
	for i := range w.deltas {
		w.deltas[i].Seq = first + kv.Seq(i)
	}
}

// touches returns a key of c that w writes.
func (w *write) touches(c *kv.Conditions) ([]byte, bool) {
	for i := range w.deltas {
		if key, ok := touches(&w.deltas[i], c); ok {
			return key, true
		}
	}
	return nil, false
}

// queue is the writes in order. Its head is the newest that is visible.
type queue struct {
	published atomic.Pointer[write]
	tail      atomic.Pointer[write] // the last one or one before it
}

// init makes seq the newest visible number.
func (q *queue) init(seq kv.Seq) {
	w := &write{first: seq, seq: seq}
	w.outcome.Store(accepted)
	w.phase.Store(logged)
	q.published.Store(w)
	q.tail.Store(w)
}

// push puts a write at the end, which orders and numbers it.
func (q *queue) push(w *write) {
	for {
		last := q.tail.Load()
		if next := last.next.Load(); next != nil {
			step.At("move the tail")
			q.tail.CompareAndSwap(last, next)
			continue
		}
		w.number(last.seq + 1)
		step.At("push")
		if last.next.CompareAndSwap(nil, w) {
			step.At("move the tail")
			q.tail.CompareAndSwap(last, w)
			return
		}
	}
}

// last returns the last write.
func (q *queue) last() *write {
	for w := q.tail.Load(); ; {
		next := w.next.Load()
		if next == nil {
			return w
		}
		w = next
	}
}

// visible returns the newest visible number.
func (q *queue) visible() kv.Seq { return q.published.Load().seq }
