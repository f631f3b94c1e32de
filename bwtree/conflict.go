package bwtree

import (
	"bytes"
	"fmt"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/kv"
)

// The tree answers what a resolver would be asked: the newest version of a key
// stays as long as the key is there, and a deletion as long as a snapshot is older.
// Deletions of ranges are remembered besides, since they leave nothing where no key
// was. What may have been forgotten is ErrTooOld.

// rangeNode is a recent deletion of a range. Only next changes, to nil.
type rangeNode struct {
	span  kv.Span
	seq   kv.Seq
	count int // of the list from here on
	next  *rangeNode
}

// mostRanges is how many deletions of ranges are remembered.
const mostRanges = 1000

// noteRange remembers the deletion of a range, once or more often.
func (t *tree) noteRange(span kv.Span, seq kv.Seq) {
	for {
		old := t.ranges.Load()
		for n := old; n != nil; n = n.next {
			if n.seq == seq {
				return
			}
		}
		kept := t.prunedRanges(old)
		own := kv.Span{Start: bytes.Clone(span.Start), End: bytes.Clone(span.End)} // not of the batch
		node := &rangeNode{span: own, seq: seq, next: kept, count: 1}
		if kept != nil {
			node.count += kept.count
		}
		step.At("note a range")
		if t.ranges.CompareAndSwap(old, node) {
			return
		}
	}
}

// prunedRanges returns the list without those that no open snapshot asks for, if
// that makes it much shorter.
func (t *tree) prunedRanges(list *rangeNode) *rangeNode {
	if list == nil || list.count < 16 {
		return list
	}
	oldest := t.states.oldest(t.visible())
	var kept []*rangeNode
	var dropped kv.Seq
	for n := list; n != nil; n = n.next {
		if n.seq > oldest && len(kept) < mostRanges {
			kept = append(kept, n)
		} else {
			dropped = max(dropped, n.seq)
		}
	}
	t.forget(dropped)
	var head *rangeNode
	for i := len(kept) - 1; i >= 0; i-- {
		node := &rangeNode{span: kept[i].span, seq: kept[i].seq, next: head, count: 1}
		if head != nil {
			node.count += head.count
		}
		head = node
	}
	return head
}

// check returns nil if nothing that c names was written after c.At and below
// before, of what the tree holds. Errors: a *kv.ConflictError, kv.ErrTooOld, those
// of reading.
func (t *tree) check(c *kv.Conditions, before kv.Seq) error {
	for _, key := range c.Keys {
		if err := t.checkKey(key, c.At, before); err != nil {
			return err
		}
	}
	for _, s := range c.Spans {
		if s.End != nil && bytes.Compare(s.Start, s.End) >= 0 {
			continue
		}
		if err := t.checkSpan(s, c.At, before); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) checkKey(key []byte, at, before kv.Seq) error {
	l, _, err := t.newest(key)
	if err != nil {
		return err
	}
	if seq, written := l.WrittenAfter(key, at, before); written {
		return &kv.ConflictError{Key: bytes.Clone(key), Seq: seq}
	}
	if l.Knows(key, before) {
		return nil // and whatever came after is known too
	}
	return t.checkRanges(kv.Span{Start: key, End: kv.After(key)}, at, before)
}

func (t *tree) checkSpan(s kv.Span, at, before kv.Seq) error {
	for from := s.Start; ; {
		l, _, err := t.newest(from)
		if err != nil {
			return err
		}
		if seq, written := l.AnyAfter(s, at, before); written {
			return &kv.ConflictError{Key: bytes.Clone(s.Start), Seq: seq}
		}
		high := l.Base().High()
		if high == nil || s.End != nil && bytes.Compare(high, s.End) >= 0 {
			return t.checkRanges(s, at, before)
		}
		from = high
	}
}

// checkRanges looks at the deletions of ranges that left nothing in the tree, and
// at what may have been forgotten.
func (t *tree) checkRanges(s kv.Span, at, before kv.Seq) error {
	for n := t.ranges.Load(); n != nil; n = n.next {
		if n.seq > at && n.seq < before && overlap(n.span, s) {
			return &kv.ConflictError{Key: bytes.Clone(s.Start), Seq: n.seq}
		}
	}
	if forgotten := kv.Seq(t.forgotten.Load()); at < forgotten {
		return fmt.Errorf("%w: it reads state %d, deletions up to %d are forgotten", kv.ErrTooOld, at, forgotten)
	}
	return nil
}

func overlap(a, b kv.Span) bool {
	return (b.End == nil || bytes.Compare(a.Start, b.End) < 0) && (a.End == nil || bytes.Compare(b.Start, a.End) < 0)
}

// touches reports whether a change writes what c names.
func touches(d *leaf.Delta, c *kv.Conditions) ([]byte, bool) {
	span := kv.Span{Start: d.Key, End: kv.After(d.Key)}
	if d.Kind == kv.OpDeleteRange {
		span.End = d.Value
	}
	for _, key := range c.Keys {
		if span.Contains(key) {
			return key, true
		}
	}
	for _, s := range c.Spans {
		if (s.End == nil || bytes.Compare(s.Start, s.End) < 0) && overlap(span, s) {
			return s.Start, true
		}
	}
	return nil, false
}
