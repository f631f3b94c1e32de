package bwtree

import (
	"bytes"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
)

// A small leaf is merged into the one left of it. Its successor says so; from then
// on nobody writes to it, and whoever meets it helps: the left leaf is sealed, and
// gets a successor that has absorbed both. Then the page is taken out of the index,
// and last the left page swapped, which opens the range again. The leftmost leaf is
// never merged, so helping goes left and ends.

// mergeIfSmall merges a page whose leaf is l into the one left of it, if it is
// small, and that one in memory and small enough.
func (t *tree) mergeIfSmall(p *page, l *leaf.Leaf) {
	low := l.Base().Low()
	if len(low) == 0 || l.Base().Len() > t.opt.Fanout/4 || len(l.Base().Bytes()) > t.opt.LeafBytes/4 && l.Base().Len() > 0 {
		return
	}
	_, before, ok := t.index.Load().Before(low)
	if !ok {
		return
	}
	left, _, resident := t.cache.Peek(before)
	if !resident || !t.fitsInto(left, l) {
		return
	}
	l.Seal()
	step.At("merge")
	if l.Succeed(&leaf.Successor{}) {
		t.merges.Add(1)
		// An error is met again by whoever needs the leaf.
		_ = t.mergeLeft(p, l)
	}
}

// fitsInto reports whether a leaf has room for another one. An empty one always
// fits.
func (t *tree) fitsInto(left, l *leaf.Leaf) bool {
	a, b := left.Base(), l.Base()
	return b.Len() == 0 ||
		4*(a.Len()+b.Len()) <= 3*t.opt.Fanout && 4*(len(a.Bytes())+len(b.Bytes())) <= 3*t.opt.LeafBytes
}

// mergeLeft does what is left to do to merge a page, whose leaf l has a successor
// that says so, into the one left of it.
func (t *tree) mergeLeft(p *page, l *leaf.Leaf) error {
	low := l.Base().Low()
	for {
		x := t.index.Load()
		if now, _, ok := t.cache.Peek(p); !ok || now != l {
			return nil // it is done
		}
		_, before, _ := x.Before(low)
		left, _, err := t.cache.Get(before)
		if err != nil {
			if t.index.Load() != x {
				continue // that one was merged too
			}
			return err
		}
		if !t.current(low, p) {
			return nil // it is merged, and the left leaf may be one that came after
		}
		next := left.Next()
		if next == nil && !bytes.Equal(left.Base().High(), low) {
			continue // the index is older than the leaf
		}
		if next == nil {
			left.Seal()
			next = t.absorb(left, p, l)
		}
		if err := t.install(before, left, next); err != nil {
			return err
		}
	}
}

// absorb returns the successor of a sealed leaf, made of it and the one right of it
// if nobody made another.
func (t *tree) absorb(left *leaf.Leaf, p *page, l *leaf.Leaf) *leaf.Successor {
	h := t.states.horizon(t.visible())
	r := left.Absorb(l, h, t.opt.Mergers)
	t.forget(r.Forgotten)
	step.At("absorb")
	left.Succeed(&leaf.Successor{Left: leaf.New(r.Left, t.opt.Deltas), Separator: bytes.Clone(l.Base().Low()), Absorbed: p})
	return left.Next()
}
