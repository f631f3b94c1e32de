package leaf

import (
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/step"
)

// Leaf is an image with deltas. All methods may be called concurrently, and none
// waits.
type Leaf struct {
	base  *Image
	state atomic.Uint32 // slots claimed, and whether it is sealed
	slots []atomic.Pointer[Delta]
	next  atomic.Pointer[Successor] // set after it was sealed
}

const sealedBit = 1 << 31

// dead fills the slots of a sealed leaf that were claimed and not filled.
var dead = new(Delta)

// Successor is what a sealed leaf becomes: one leaf; or, with Right, two; or, with
// Absorbed, one together with the leaf right of it; or, without Left, a part of the
// leaf left of it. Right and Absorbed are what leads to these leaves; the caller
// knows their type.
type Successor struct {
	Left      *Leaf
	Separator []byte // lowest key of the right or absorbed leaf
	Right     any
	Absorbed  any
}

// New returns a leaf with an image and room for so many deltas.
func New(base *Image, deltas int) *Leaf {
	return &Leaf{base: base, slots: make([]atomic.Pointer[Delta], deltas)}
}

// Empty returns the image of all keys, without one.
func Empty() *Image { return new(builder).build(0, 0, nil, nil, 0) }

// Base returns the image.
func (l *Leaf) Base() *Image { return l.base }

// Holds reports whether key is within the bounds of the leaf.
func (l *Leaf) Holds(key []byte) bool { return below(key, l.base.high) }

// Add adds a delta. It reports false if the leaf is sealed, as it also is once
// there is no room.
func (l *Leaf) Add(d *Delta) bool {
	for {
		state := l.state.Load()
		if state&sealedBit != 0 {
			return false
		}
		if int(state) == len(l.slots) {
			l.Seal()
			return false
		}
		step.At("claim")
		if !l.state.CompareAndSwap(state, state+1) {
			continue
		}
		step.At("publish")
		return l.slots[state].CompareAndSwap(nil, d)
	}
}

// Seal lets nobody add deltas any more.
func (l *Leaf) Seal() {
	for {
		state := l.state.Load()
		step.At("seal")
		if state&sealedBit != 0 || l.state.CompareAndSwap(state, state|sealedBit) {
			return
		}
	}
}

// SealIfPure seals a leaf that has no deltas, and reports whether that is so.
func (l *Leaf) SealIfPure() bool {
	step.At("seal if pure")
	return l.state.CompareAndSwap(0, sealedBit)
}

// Pure reports whether no deltas were added so far.
func (l *Leaf) Pure() bool { return l.state.Load()&^sealedBit == 0 }

// Next returns the successor, nil if there is none yet.
func (l *Leaf) Next() *Successor { return l.next.Load() }

// Succeed makes s the successor, unless there is one.
func (l *Leaf) Succeed(s *Successor) bool {
	step.At("succeed")
	return l.next.CompareAndSwap(nil, s)
}

// kill fills the slots that were claimed and not filled, so that their writers
// fail. The leaf is sealed; after it, its deltas do not change.
func (l *Leaf) kill() {
	for i := range l.claimed() {
		step.At("kill")
		l.slots[i].CompareAndSwap(nil, dead)
	}
}

func (l *Leaf) claimed() int { return int(l.state.Load() &^ sealedBit) }

// delta returns delta i, nil if there is none in its slot.
func (l *Leaf) delta(i int) *Delta {
	if d := l.slots[i].Load(); d != dead {
		return d
	}
	return nil
}

// Size is about how many bytes of memory the leaf takes without deltas.
func (l *Leaf) Size() int64 { return int64(cap(l.base.data)) + 8*int64(len(l.slots)) + leafCost }

// Size is about how many bytes of memory the delta takes.
func (d *Delta) Size() int64 { return int64(len(d.Key)+len(d.Value)) + deltaCost }

const (
	leafCost  = 400 // Leaf, Image, handle and the like
	deltaCost = 120
)
