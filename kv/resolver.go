package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/varvedb/varve/internal/ordmap"
)

// Resolver decides whether a conditional write may go ahead: it remembers which
// keys and ranges were written recently, by which sequence number, as the
// resolver of FoundationDB does. Every local engine has one and calls it inside
// the critical section that orders its batches; that section also guards it, so
// its methods, LastModified of a tracked keyspace apart, must not be called
// concurrently.
//
// It remembers what an open snapshot may ask for: writes above the oldest one,
// within a bound of bytes. What it has forgotten it answers with ErrTooOld,
// never with a wrong yes.
type Resolver struct {
	limit int // bytes of history

	points ordmap.Map[Seq]   // last write of each key
	ranges ordmap.Steps[Seq] // last range delete over each key
	order  []point           // of points, oldest first
	bytes  int
	floor  Seq // writes up to here may be forgotten
	last   Seq // newest recorded
	seen   Seq // newest visible
	ranged Seq // newest range delete

	pending []pendingWrite // ordered but not yet visible, and not indexed
	open    []openState    // of snapshots, oldest first

	opened   Seq // LastModified of keyspaces not written since the store was opened
	wide     Seq // newest range delete that crosses keyspaces
	modified map[uint64]*atomic.Uint64
}

// point is an entry of the history: a write of one key, or of a range.
type point struct {
	seq  Seq
	key  []byte // nil for a range
	cost int    // bytes that it takes
}

// pendingWrite is a batch whose writer still waits, so that its bytes stay.
type pendingWrite struct {
	seq Seq
	b   *Batch
}

// openState counts the snapshots of one state.
type openState struct {
	seq Seq
	n   int
}

// NewResolver returns a resolver for a store whose newest state is seq. It keeps
// about limit bytes of history; 0 is 4 MiB.
func NewResolver(seq Seq, limit int) *Resolver {
	if limit == 0 {
		limit = 4 << 20
	}
	return &Resolver{limit: limit, floor: seq, last: seq, seen: seq, opened: seq, wide: seq,
		modified: make(map[uint64]*atomic.Uint64)}
}

// Check returns nil if nothing that c names was written after c.At. Equal
// conditions are not its business. Errors: a *ConflictError, or ErrTooOld.
func (r *Resolver) Check(c *Conditions) error {
	if c.At >= r.last {
		return nil
	}
	for _, key := range c.Keys {
		if err := r.checkSpan(c.At, Span{key, nil}, true); err != nil {
			return err
		}
	}
	for _, s := range c.Spans {
		if s.End != nil && bytes.Compare(s.Start, s.End) >= 0 {
			continue
		}
		if err := r.checkSpan(c.At, s, false); err != nil {
			return err
		}
	}
	return nil
}

// checkSpan checks one span, or the key s.Start alone.
func (r *Resolver) checkSpan(at Seq, s Span, single bool) error {
	if r.untouched(at, s, single) {
		return nil
	}
	r.indexPending() // may forget, so before the floor is looked at
	if at < r.floor {
		return fmt.Errorf("%w: it reads state %d, writes up to %d are forgotten", ErrTooOld, at, r.floor)
	}
	seq, found := r.pointAfter(at, s, single)
	if !found {
		seq, found = r.rangeAfter(at, s, single)
	}
	if found {
		return &ConflictError{Key: bytes.Clone(s.Start), Seq: seq}
	}
	return nil
}

// untouched reports whether no batch after at wrote in the keyspace of s.
func (r *Resolver) untouched(at Seq, s Span, single bool) bool {
	id := keyspaceOf(s.Start)
	if !single && !withinKeyspace(id, s) {
		return false
	}
	return r.lastModified(id) <= at
}

func (r *Resolver) pointAfter(at Seq, s Span, single bool) (Seq, bool) {
	if single {
		seq, _ := r.points.Get(s.Start)
		return seq, seq > at
	}
	it := r.points.Iter()
	for ok := it.SeekGE(s.Start); ok && s.Contains(it.Key()); ok = it.Next() {
		if it.Value() > at {
			return it.Value(), true
		}
	}
	return 0, false
}

func (r *Resolver) rangeAfter(at Seq, s Span, single bool) (seq Seq, found bool) {
	if r.ranged <= at {
		return 0, false
	}
	newer := func(v Seq) bool { seq = v; return v > at }
	if single {
		return r.ranges.At(s.Start), newer(r.ranges.At(s.Start))
	}
	found = r.ranges.Any(s.Start, s.End, newer)
	return seq, found
}

// Record enters a batch that was ordered with number seq. Until Publish or
// Discard is called for it, b must not change.
func (r *Resolver) Record(seq Seq, b *Batch) {
	r.last = seq
	for op := range b.Ops() {
		r.touch(seq, op)
	}
	r.pending = append(r.pending, pendingWrite{seq, b})
	if len(r.open) > 0 {
		r.indexPending()
	}
}

// Publish says that the batches up to seq are visible.
func (r *Resolver) Publish(seq Seq) {
	r.seen = max(r.seen, seq)
	n := 0
	for n < len(r.pending) && r.pending[n].seq <= seq {
		r.floor = max(r.floor, r.pending[n].seq)
		n++
	}
	r.pending = append(r.pending[:0], r.pending[n:]...)
	r.prune()
}

// Discard says that the batches above seq have failed and will not be visible.
// Their numbers must not be used again.
func (r *Resolver) Discard(seq Seq) {
	for n := len(r.pending); n > 0 && r.pending[n-1].seq > seq; n-- {
		r.pending = r.pending[:n-1]
	}
}

// Open registers a snapshot of the newest visible state seq: what is written
// after it will be remembered until Release.
func (r *Resolver) Open(seq Seq) {
	r.indexPending()
	if n := len(r.open); n > 0 && r.open[n-1].seq == seq {
		r.open[n-1].n++
		return
	}
	r.open = append(r.open, openState{seq, 1})
}

// Release ends what Open began.
func (r *Resolver) Release(seq Seq) {
	for i := range r.open {
		if r.open[i].seq == seq {
			r.open[i].n--
		}
	}
	r.prune()
}

// OpenStates returns the number of registered snapshots.
func (r *Resolver) OpenStates() (n int) {
	for _, o := range r.open {
		n += o.n
	}
	return n
}

// States returns the numbers of the registered snapshots, rising.
func (r *Resolver) States() []Seq {
	list := make([]Seq, 0, len(r.open)+1)
	for _, o := range r.open {
		if o.n > 0 {
			list = append(list, o.seq)
		}
	}
	return list
}

// Track returns the last-modified number of a keyspace, which may be read
// concurrently.
func (r *Resolver) Track(id uint64) *atomic.Uint64 {
	if m, ok := r.modified[id]; ok {
		return m
	}
	m := new(atomic.Uint64)
	m.Store(uint64(max(r.opened, r.wide)))
	r.modified[id] = m
	return m
}

func (r *Resolver) lastModified(id uint64) Seq {
	if m, ok := r.modified[id]; ok {
		return Seq(m.Load())
	}
	return max(r.opened, r.wide)
}

// touch notes that op wrote in its keyspaces.
func (r *Resolver) touch(seq Seq, op Op) {
	id := keyspaceOf(op.Key)
	if op.Kind != OpDeleteRange || withinKeyspace(id, op.Span()) {
		r.Track(id).Store(uint64(seq))
		return
	}
	r.wide = seq
	for _, m := range r.modified {
		m.Store(uint64(seq))
	}
}

// indexPending moves the pending batches into the history.
func (r *Resolver) indexPending() {
	for _, p := range r.pending {
		for op := range p.b.Ops() {
			r.index(p.seq, op)
		}
	}
	r.pending = r.pending[:0]
	if r.bytes > r.limit {
		r.forget(r.limit / 2)
	}
}

func (r *Resolver) index(seq Seq, op Op) {
	p := point{seq: seq, cost: pointCost + len(op.Key)}
	if op.Kind == OpDeleteRange {
		p.cost += pointCost + len(op.Value)
		r.ranges.Set(clone(op.Key), bytes.Clone(op.Span().End), seq)
		r.ranged = seq
	} else {
		p.key = clone(op.Key)
		r.points.Set(p.key, seq)
	}
	r.bytes += p.cost
	r.order = append(r.order, p)
}

// pointCost is about what a point of the history takes beside its key.
const pointCost = 96

// forget drops the oldest history until it takes at most size bytes.
func (r *Resolver) forget(size int) {
	n := 0
	for n < len(r.order) && r.bytes > size {
		r.drop(r.order[n])
		n++
	}
	r.order = append(r.order[:0], r.order[n:]...)
	r.ranges.Map(func(seq Seq) Seq {
		if seq <= r.floor {
			return 0
		}
		return seq
	})
}

// prune drops the history that no open snapshot can ask for.
func (r *Resolver) prune() {
	for len(r.open) > 0 && r.open[0].n == 0 {
		r.open = r.open[1:]
	}
	oldest := r.seen
	if len(r.open) > 0 {
		oldest = r.open[0].seq
	}
	n := 0
	for n < len(r.order) && r.order[n].seq <= oldest {
		r.drop(r.order[n])
		n++
	}
	if n > 0 {
		r.order = append(r.order[:0], r.order[n:]...)
	}
	r.dropRanges()
}

// dropRanges drops the ranges once none of them can matter.
func (r *Resolver) dropRanges() {
	if r.ranged <= r.floor && r.ranges.Len() > 0 {
		r.ranges = ordmap.Steps[Seq]{}
	}
}

func (r *Resolver) drop(p point) {
	r.floor = max(r.floor, p.seq)
	r.bytes -= p.cost
	if p.key == nil {
		return
	}
	if seq, ok := r.points.Get(p.key); ok && seq == p.seq {
		r.points.Delete(p.key)
	}
}

// clone copies b; the copy is never nil.
func clone(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }

// keyspaceOf returns the id of the keyspace of key; shorter keys are taken as
// filled up with zeros.
func keyspaceOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

// withinKeyspace reports whether all keys of s are in the keyspace id, which is
// that of its start.
func withinKeyspace(id uint64, s Span) bool {
	if s.End == nil {
		return false
	}
	end := keyspaceOf(s.End)
	// An end that is the first key of the next keyspace: shorter keys of that
	// one, filled up with zeros, must not lie below it.
	first := len(s.End) > 0 && len(s.End) <= 8 && s.End[len(s.End)-1] != 0
	return end == id || end == id+1 && first
}
