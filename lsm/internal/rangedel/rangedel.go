// Package rangedel holds range tombstones: deletions of all keys of a range.
//
// A tombstone (start, end, seq) deletes every entry with start ≤ key < end whose
// sequence number is below seq. A nil end is no bound. Tombstones overlap as
// they please; to be searched and stored they are fragmented: cut at each
// other's bounds, so that two pieces have either all keys in common or none. A
// [List] is such a fragmented form, immutable once made; a [Set] is the live
// tombstones of a memtable.
//
// # Bounds
//
// n tombstones have at most 2n distinct bounds and so at most 2n-1 fragments.
// What can grow is the sequence numbers, as n tombstones that overlap may lie
// n deep:
//
//   - A Set holds O(log n) numbers for each tombstone, however they overlap, and
//     never has them fragmented for a search.
//   - [Set.Visible] and [List.Visible], which is what is written to tables, keep
//     one number for each fragment and snapshot stripe.
//   - [Fragmented], [Merge] and [Set.List] keep all numbers. Neighbours whose
//     numbers are a run of one another's share memory, so that n tombstones that
//     are nested, stacked or staggered take O(n); n that overlap at random take
//     O(n²).
package rangedel

import (
	"bytes"

	"github.com/varvedb/varve/kv"
)

// Tombstone deletes the entries of the keys from Start to before End with
// sequence numbers below Seq. A nil End is no bound. A tombstone whose End is
// not nil and not above Start deletes nothing, nor does one whose Seq is 0.
type Tombstone struct {
	Start, End []byte
	Seq        kv.Seq
}

// covers reports whether key lies in the range.
func (t Tombstone) covers(key []byte) bool {
	return bytes.Compare(key, t.Start) >= 0 && below(key, t.End)
}

// empty reports whether the tombstone deletes nothing.
func (t Tombstone) empty() bool { return t.Seq == 0 || !below(t.Start, t.End) }

// Fragment is the tombstones that cover exactly the keys from Start to before
// End. A nil End is no bound.
type Fragment struct {
	Start, End []byte
	// Seqs are the sequence numbers, descending, without duplicates, never
	// empty. They may be shared with other fragments and are not changed.
	Seqs []kv.Seq
}

// At returns the newest sequence number that is at most at, 0 if there is none.
func (f Fragment) At(at kv.Seq) kv.Seq { return newest(f.Seqs, at) }

// Cover is what a reader of one state meets around a key: in all keys from Start
// to before End, the entries below Seq are deleted; with Seq 0, none is. A nil
// Start or End is no bound.
type Cover struct {
	Start, End []byte
	Seq        kv.Seq
}

// below reports whether key is before the bound end, nil being none.
func below(key, end []byte) bool { return end == nil || bytes.Compare(key, end) < 0 }

// newest returns the first of the descending seqs that is at most at, or 0.
func newest(seqs []kv.Seq, at kv.Seq) kv.Seq {
	if len(seqs) == 0 {
		return 0
	}
	if seqs[0] <= at { // nearly every reader is newer than the tombstones
		return seqs[0]
	}
	if i := firstAtMost(seqs, at); i < len(seqs) {
		return seqs[i]
	}
	return 0
}

// firstAtMost returns the index of the first of the descending seqs that is at
// most at.
func firstAtMost(seqs []kv.Seq, at kv.Seq) int {
	lo, hi := 0, len(seqs)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); seqs[mid] > at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
