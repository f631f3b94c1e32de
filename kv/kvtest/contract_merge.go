package kvtest

import (
	"math"

	"github.com/varvedb/varve/kv"
)

func mergeClauses() []clause {
	return []clause{
		{"add, min, max and union combine", builtInMergers},
		{"operators of the program combine", userMerger},
		{"operators mix on one key", mixedMergers},
		{"a merge is seen by every way of reading", mergeSeenByAll},
		{"snapshots keep the value before a merge", mergeAndSnapshot},
		{"merges survive reopening", mergeReopen},
		{"an operand that does not fit is an error on read, until it is overwritten", badOperand},
		{"an unknown operator is an error on read that keeps the operands", unknownMerger},
	}
}

func unionOf(members ...string) string {
	var list [][]byte
	for _, m := range members {
		list = append(list, []byte(m))
	}
	return string(kv.AppendSet(nil, list...))
}

func sumOf(n int64) string { return string(kv.AppendAdd(nil, n)) }

func builtInMergers(s *subject) {
	s.merge(kv.MergeAdd, "add", []byte(sumOf(math.MaxInt64)))
	s.wants(s.store, "add", sumOf(math.MaxInt64))
	s.merge(kv.MergeAdd, "add", []byte(sumOf(2)))
	s.wants(s.store, "add", sumOf(math.MinInt64+1))
	for _, operand := range []string{"m", "z", "b", "", "bb"} {
		s.merge(kv.MergeMin, "min", []byte(operand))
		s.merge(kv.MergeMax, "max", []byte(operand))
	}
	s.wants(s.store, "min", "")
	s.wants(s.store, "max", "z")
	s.merge(kv.MergeUnion, "set", []byte(unionOf("b", "")))
	s.merge(kv.MergeUnion, "set", nil)
	s.merge(kv.MergeUnion, "set", []byte(unionOf("a", "b", "c")))
	s.wants(s.store, "set", unionOf("", "a", "b", "c"))
	s.merge(kv.MergeUnion, "empty", nil)
	s.wants(s.store, "empty", "")
}

func userMerger(s *subject) {
	s.merge(mergeAppend, "k", []byte("a"))
	s.merge(mergeAppend, "k", nil)
	s.merge(mergeAppend, "k", []byte("b"))
	s.wants(s.store, "k", "ab")
	s.del("k")
	s.merge(mergeAppend, "k", []byte("c"))
	s.wants(s.store, "k", "c")
}

func mixedMergers(s *subject) {
	s.put("k", "m")
	s.merge(mergeAppend, "k", []byte("n"))
	s.merge(kv.MergeMax, "k", []byte("mm"))
	s.merge(mergeAppend, "k", []byte("!"))
	s.merge(kv.MergeMin, "k", []byte("mo"))
	s.wants(s.store, "k", "mn!")
}

func mergeSeenByAll(s *subject) {
	s.put("a", "1", "k", "x", "z", "2")
	s.merge(mergeAppend, "k", []byte("y"))
	s.merge(mergeAppend, "n", []byte("new"))
	s.holds(s.store, "a", "1", "k", "xy", "n", "new", "z", "2")
	s.ok(s.store.MultiGet([][]byte{[]byte("k")}, func(_ int, val []byte, ok bool) error {
		s.that(ok && string(val) == "xy", "MultiGet sees the merge: %q", val)
		return nil
	}))
	s.ok(compareWalk(s.store, contentOf("a", "1", "k", "xy", "n", "new", "z", "2"), walkOptions{}, []walkMove{
		{kind: moveGE, key: "k"}, {kind: movePrev}, {kind: moveNext}, {kind: moveNext}, {kind: movePrev}, {kind: moveLE, key: "n"}, {kind: moveLT, key: "n"}}))
}

func contentOf(pairs ...string) *content {
	c := newContent()
	for i := 0; i < len(pairs); i += 2 {
		c.set(pairs[i], pairs[i+1])
	}
	return c
}

func mergeAndSnapshot(s *subject) {
	s.put("k", "0")
	var snaps []kv.Snapshot
	var want []string
	for range 5 {
		snaps, want = append(snaps, s.snapshot()), append(want, s.value(s.store, "k"))
		s.merge(mergeAppend, "k", []byte("+"))
	}
	for i, snap := range snaps {
		s.holds(snap, "k", want[i])
		s.ok(snap.Close())
	}
	s.wants(s.store, "k", "0+++++")
}

func mergeReopen(s *subject) {
	s.needsFiles()
	s.merge(mergeAppend, "k", []byte("a"))
	for range 3 {
		s.reopen()
		s.merge(mergeAppend, "k", []byte("b"))
		s.merge(kv.MergeAdd, "n", []byte(sumOf(1)))
	}
	s.reopen()
	s.holds(s.store, "k", "abbb", "n", sumOf(3))
}

// unreadable checks that all ways of reading the value of key report an error,
// and returns it.
func (s *subject) unreadable(r kv.Reader, key string) error {
	s.t.Helper()
	_, _, err := r.Get([]byte(key), nil)
	s.that(err != nil, "Get of %q reports an error", key)
	multi := r.MultiGet([][]byte{[]byte(key)}, func(int, []byte, bool) error { return nil })
	s.that(multi != nil, "MultiGet of %q reports an error", key)
	it := r.Iter(kv.IterOptions{})
	moved := it.SeekGE([]byte(key))
	s.that(!moved && it.Err() != nil && it.Key() == nil && !it.Next(), "an iterator stops at %q", key)
	s.that(it.Close() != nil, "Close reports the error that the iterator met")
	return err
}

func badOperand(s *subject) {
	s.put("a", "1", "k", "no number")
	s.merge(kv.MergeAdd, "k", []byte(sumOf(1)))
	s.unreadable(s.store, "k")
	s.wants(s.store, "a", "1")
	s.put("k", sumOf(5))
	s.merge(kv.MergeAdd, "k", []byte(sumOf(1)))
	s.holds(s.store, "a", "1", "k", sumOf(6))
	s.merge(kv.MergeAdd, "k", []byte("short"))
	s.unreadable(s.store, "k")
	tx := s.begin()
	_, _, err := tx.Get([]byte("k"), nil)
	s.that(err != nil, "a transaction sees the error too")
	s.that(tx.Abort() != nil, "Abort reports the read that failed")
	s.del("k")
	s.holds(s.store, "a", "1")
}

func unknownMerger(s *subject) {
	s.needsFiles()
	s.put("a", "1", "k", "base", "o", "x")
	s.merge(mergeAppend, "k", []byte("+1"))
	s.close()
	known := s.env.Mergers
	s.env.Mergers = kv.Mergers{}
	for i, operand := range []string{"+2", "+3"} { // twice, so that the operands go through the files
		s.open()
		s.merge(mergeAppend, "k", []byte(operand))
		s.merge(mergeAppend, "new", []byte(operand))
		s.is(s.unreadable(s.store, "k"), kv.ErrUnknownMerger)
		s.is(s.unreadable(s.store, "new"), kv.ErrUnknownMerger)
		s.wants(s.store, "a", "1")
		if f, ok := s.store.(kv.Flusher); ok && i == 0 {
			s.ok(f.Flush(s.t.Context()))
		}
		s.del("o")
		s.close()
	}
	s.env.Mergers = known
	s.open()
	s.holds(s.store, "a", "1", "k", "base+1+2+3", "new", "+2+3")
}
