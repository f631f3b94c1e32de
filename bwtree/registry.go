package bwtree

import (
	"slices"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/kv"
)

// registry is the numbers that snapshots read, in slots that are claimed without
// waiting. models/internal/protocol/snapshot.go is the protocol.
type registry struct{ first slots }

type slots struct {
	list [32]slot
	next atomic.Pointer[slots]
}

// slot holds the number of a snapshot, or one of these.
type slot struct{ number atomic.Uint64 }

const (
	slotFree    = 0
	slotPending = ^uint64(0) // it holds everything
)

// open claims a slot. Until set is called nothing is dropped.
func (r *registry) open() *slot {
	for b := &r.first; ; b = b.next.Load() {
		for i := range b.list {
			step.At("register")
			if s := &b.list[i]; s.number.Load() == slotFree && s.number.CompareAndSwap(slotFree, slotPending) {
				return s
			}
		}
		if b.next.Load() == nil {
			step.At("add slots")
			b.next.CompareAndSwap(nil, new(slots))
		}
	}
}

// set says which number the slot holds: one that was visible after open.
func (s *slot) set(seq kv.Seq) {
	step.At("say which")
	s.number.Store(uint64(seq))
}

func (s *slot) release() { s.number.Store(slotFree) }

// horizon returns what somebody may read, if cut was the newest visible number
// before the call.
func (r *registry) horizon(cut kv.Seq) leaf.Horizon {
	h := leaf.Horizon{Cut: cut}
	step.At("read the slots")
	for b := &r.first; b != nil; b = b.next.Load() {
		for i := range b.list {
			switch n := b.list[i].number.Load(); n {
			case slotFree:
			case slotPending:
				h.Held = true
			default:
				if kv.Seq(n) < cut {
					h.States = append(h.States, kv.Seq(n))
				}
			}
		}
	}
	slices.Sort(h.States)
	h.States = slices.Compact(h.States)
	return h
}

// oldest returns the lowest number that somebody may read, 0 if that is not known.
func (r *registry) oldest(cut kv.Seq) kv.Seq {
	h := r.horizon(cut)
	switch {
	case h.Held:
		return 0
	case len(h.States) > 0:
		return h.States[0]
	}
	return cut
}
