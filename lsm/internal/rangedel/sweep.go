package rangedel

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/varvedb/varve/kv"
)

// Fragmented returns the fragments of tombstones, which may overlap, be equal
// and come in any order; those that delete nothing are left out. Neighbours with
// the same sequence numbers are joined. The List keeps the keys, not the slice.
// It takes O(n log n) and the size of the result; the package comment says how
// large that is.
func Fragmented(tombstones []Tombstone) List {
	seqs := make([]kv.Seq, len(tombstones))
	var s sweep
	for i, t := range tombstones {
		if !t.empty() {
			seqs[i] = t.Seq
			s.add(Fragment{t.Start, t.End, seqs[i : i+1]})
		}
	}
	return s.run()
}

// Merge returns the union of several lists: each key is covered by the
// tombstones that cover it in any of them.
func Merge(lists ...List) List {
	if len(lists) == 1 {
		return lists[0]
	}
	var s sweep
	for _, l := range lists {
		for _, f := range l {
			s.add(f)
		}
	}
	return s.run()
}

// sweep moves a line over the bounds of pieces that overlap, and cuts a fragment
// wherever the set of sequence numbers that are open on the line changes.
type sweep struct {
	events []event
}

// event is a bound of a piece: its sequence numbers open or close at key.
type event struct {
	key   []byte
	close bool
	seqs  []kv.Seq
}

// add takes in a piece.
func (s *sweep) add(f Fragment) {
	s.events = append(s.events, event{f.Start, false, f.Seqs})
	if f.End != nil {
		s.events = append(s.events, event{f.End, true, f.Seqs})
	}
}

// order sorts events by key; at one key what opens comes first, so that a number
// which one piece ends and the next continues never leaves the set, and older
// numbers come before newer ones, so that most are added at the front.
func order(a, b event) int {
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c
	}
	if a.close != b.close {
		if b.close {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.seqs[0], b.seqs[0])
}

// run returns the fragments.
func (s *sweep) run() List {
	slices.SortFunc(s.events, order)
	var out List
	open := window{counts: make(map[kv.Seq]int)}
	for i := 0; i < len(s.events); {
		key := s.events[i].key
		for ; i < len(s.events) && bytes.Equal(s.events[i].key, key); i++ {
			open.apply(s.events[i])
		}
		var end []byte
		if i < len(s.events) {
			end = s.events[i].key
		}
		if open.len() > 0 {
			out = out.join(Fragment{key, end, open.take()})
		}
	}
	return out
}
