package kvtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/varvedb/varve/kv"
)

func iterClauses() []clause {
	return []clause{
		{"each move arrives where it must, under each choice of options", iterMoves},
		{"the walk can turn at each key", iterTurns},
		{"a new iterator is not positioned", iterUnpositioned},
		{"past either end the iterator is not positioned, and can seek again", iterPastTheEnds},
		{"an iterator over nothing finds nothing", iterOverNothing},
		{"bounds and prefix mean their intersection", iterIntersection},
		{"Skip is asked for each key and passes over those it names", iterSkip},
		{"NextPrefix visits one key of each prefix", iterNextPrefix},
		{"the view does not change while writes go on", iterStable},
		{"the view is fixed no later than the first move", iterFixed},
		{"an iterator outlives the snapshot it was opened from", iterOutlivesSnapshot},
		{"Close is idempotent, and moves after it fail", iterClosed},
	}
}

// iterKeys are what the tests of iterators walk over: neighbours, prefixes of
// each other, the lowest and the highest bytes.
func iterKeys() []string {
	return []string{"", "\x00", "a", "a\x00", "aa", "ab", "b", "ba\xff", "ba\xff\xff", "bb", "d", "\xff", "\xff\xff"}
}

// iterProbes are keys at, just below and just above those of iterKeys.
func iterProbes() []string {
	probes := append(iterKeys(), "\x00\x00", "A", "a\x00\x00", "ac", "b\x00", "ba", "bc", "c", "e", "\xfe", "\xff\xff\xff")
	slices.Sort(probes)
	return probes
}

// iterFixture fills the store so that many keys have a past: overwritten,
// deleted, cleared.
func (s *subject) iterFixture() *content {
	want := newContent()
	for _, key := range iterProbes() {
		s.put(key, "past")
	}
	s.apply(func(b *kv.Batch) { b.DeleteRange([]byte("a"), []byte("e")) })
	for i, key := range iterKeys() {
		want.set(key, fmt.Sprint("value ", i))
	}
	for _, key := range iterProbes() {
		if val, ok := want.values[key]; ok {
			s.put(key, val)
		} else {
			s.del(key)
		}
	}
	return want
}

func iterOptions() []walkOptions {
	return []walkOptions{
		{}, {noFill: true}, {keysOnly: true}, {skip: 1}, {skip: 2, keysOnly: true},
		{lower: "a", bounded: [3]bool{true}},
		{lower: "a\x00\x00", upper: "bb", bounded: [3]bool{true, true}},
		{upper: "ba", bounded: [3]bool{false, true}, skip: 1},
		{upper: "", bounded: [3]bool{false, true}},
		{lower: "b", upper: "a", bounded: [3]bool{true, true}},
		{lower: "bc", upper: "c", bounded: [3]bool{true, true}},
		{lower: "\xff\xff", bounded: [3]bool{true}},
		{prefix: "a", bounded: [3]bool{false, false, true}},
		{prefix: "", bounded: [3]bool{false, false, true}},
		{prefix: "\xff", bounded: [3]bool{false, false, true}},
		{prefix: "nothing", bounded: [3]bool{false, false, true}},
		{lower: "aa", upper: "z", prefix: "a", bounded: [3]bool{true, true, true}},
		{upper: "aa", prefix: "a", bounded: [3]bool{false, true, true}, skip: 2},
		{lower: "b", prefix: "a", bounded: [3]bool{true, false, true}},
	}
}

func iterMoves(s *subject) {
	want := s.iterFixture()
	snap := s.snapshot()
	defer snap.Close()
	moves := []walkMove{{kind: moveFirst}, {kind: moveNext}, {kind: moveLast}, {kind: movePrev}}
	for _, key := range iterProbes() {
		for _, kind := range []moveKind{moveGE, moveLE, moveLT} {
			moves = append(moves, walkMove{kind: kind, key: key}, walkMove{kind: moveNext},
				walkMove{kind: kind, key: key}, walkMove{kind: movePrev})
		}
	}
	for _, opt := range iterOptions() {
		s.ok(compareWalk(s.store, want, opt, moves))
		s.ok(compareWalk(snap, want, opt, moves))
	}
}

func iterTurns(s *subject) {
	want := s.iterFixture()
	for _, opt := range iterOptions() {
		for _, key := range iterProbes() {
			turn := []walkMove{{kind: moveNext}, {kind: movePrev}, {kind: movePrev}, {kind: moveNext}, {kind: moveNext},
				{kind: moveNext}, {kind: movePrev}, {kind: movePrev}, {kind: movePrev}, {kind: moveNext}}
			s.ok(compareWalk(s.store, want, opt, append([]walkMove{{kind: moveGE, key: key}}, turn...)))
			s.ok(compareWalk(s.store, want, opt, append([]walkMove{{kind: moveLE, key: key}}, turn...)))
		}
	}
}

func iterUnpositioned(s *subject) {
	s.put("a", "1")
	it := s.store.Iter(kv.IterOptions{})
	defer it.Close()
	s.that(!it.Valid() && it.Key() == nil && it.Value() == nil, "Key and Value are nil before the first move")
	s.that(!it.Next() && !it.Prev() && !kv.NextPrefix(it, 1), "Next and Prev before the first seek report false")
	s.that(!it.Valid() && it.Key() == nil && it.Value() == nil && it.Err() == nil, "they leave it unpositioned, without error")
	s.that(it.First() && string(it.Key()) == "a", "it can still be positioned")
}

func iterPastTheEnds(s *subject) {
	want := s.iterFixture()
	for _, opt := range iterOptions() {
		s.ok(compareWalk(s.store, want, opt, []walkMove{{kind: moveLast}, {kind: moveNext}, {kind: moveNext}, {kind: movePrev},
			{kind: moveFirst}, {kind: movePrev}, {kind: movePrev}, {kind: moveNext}, {kind: moveLast},
			{kind: moveGE, key: "\xff\xff\xff"}, {kind: movePrev}, {kind: moveLT, key: ""}, {kind: moveNext}, {kind: moveFirst}}))
	}
}

func iterOverNothing(s *subject) {
	moves := []walkMove{{kind: moveFirst}, {kind: moveNext}, {kind: moveLast}, {kind: movePrev}, {kind: moveGE}, {kind: moveLE, key: "k"}, {kind: moveLT, key: "k"}}
	s.ok(compareWalk(s.store, newContent(), walkOptions{}, moves))
	s.put("k", "v")
	s.apply(func(b *kv.Batch) { b.DeleteRange(nil, nil) })
	s.ok(compareWalk(s.store, newContent(), walkOptions{}, moves))
}

func iterIntersection(s *subject) {
	s.put("a", "", "ab", "", "ac", "", "ad", "", "b", "")
	it := s.store.Iter(kv.IterOptions{Lower: []byte("ab\x00"), Upper: []byte("zzz"), Prefix: []byte("a")})
	defer it.Close()
	var got []string
	for ok := it.First(); ok; ok = it.Next() {
		got = append(got, string(it.Key()))
	}
	s.ok(it.Err())
	s.that(strings.Join(got, " ") == "ac ad", "the keys are ac ad, not %v", got)
	s.that(it.SeekGE([]byte("a")) && string(it.Key()) == "ac", "a seek below the range finds its first key")
	s.that(it.SeekLE([]byte("b")) && string(it.Key()) == "ad", "a seek above the range finds its last key")
}

func iterSkip(s *subject) {
	s.put("a", "1", "b", "2", "c", "3", "d", "4")
	asked := map[string]bool{}
	it := s.store.Iter(kv.IterOptions{Upper: []byte("d"), Skip: func(key []byte) bool {
		asked[string(key)] = true
		return string(key) != "b"
	}})
	defer it.Close()
	s.that(it.First() && string(it.Key()) == "b" && string(it.Value()) == "2", "the key that is not skipped is found")
	s.that(!it.Next() && it.Err() == nil, "there is no other")
	s.that(asked["a"] && asked["b"] && asked["c"], "all keys were asked for: %v", asked)
	s.that(it.Last() && string(it.Key()) == "b" && !it.Prev(), "backward too")
}

func iterNextPrefix(s *subject) {
	s.put("a", "", "aa1", "", "aa2", "", "ab", "", "b", "", "ba1", "", "ba2", "", "\xff\xff1", "", "\xff\xff2", "")
	for n, want := range []string{"a", "a b \xff\xff1", "a aa1 ab b ba1 \xff\xff1", "a aa1 aa2 ab b ba1 ba2 \xff\xff1 \xff\xff2"} {
		var got []string
		it := s.store.Iter(kv.IterOptions{})
		for ok := it.First(); ok; ok = kv.NextPrefix(it, n) {
			got = append(got, string(it.Key()))
		}
		s.that(!it.Valid(), "after the last prefix it is not positioned")
		s.ok(it.Close())
		s.that(strings.Join(got, " ") == want, "with %d bytes the keys are %q, not %q", n, want, got)
	}
}

func iterStable(s *subject) {
	want := s.iterFixture()
	it := s.store.Iter(kv.IterOptions{})
	twin := want.Iter(kv.IterOptions{})
	var moves []walkMove
	for _, key := range iterKeys() {
		moves = append(moves, walkMove{kind: moveGE, key: key}, walkMove{kind: moveNext})
	}
	for i, m := range moves {
		saw, err := walk(it, []walkMove{m}, false)
		s.ok(err)
		expected, _ := walk(twin, []walkMove{m}, false)
		s.ok(sameSight(fmt.Sprint("move ", i), saw, expected))
		switch i % 4 {
		case 0:
			s.put(iterKeys()[i/2], "changed", fmt.Sprint("new", i), "")
		case 1:
			s.del(iterKeys()[i/2])
		case 2:
			s.apply(func(b *kv.Batch) { b.DeleteRange(nil, []byte("b")) })
		case 3:
			s.merge(mergeAppend, iterKeys()[i/2], []byte("more"))
		}
	}
	s.ok(it.Close())
}

func iterFixed(s *subject) {
	s.put("a", "1")
	it := s.store.Iter(kv.IterOptions{})
	s.that(it.SeekGE(nil), "there is a key")
	s.put("a", "2", "b", "2")
	s.that(string(it.Value()) == "1" && !it.Next() && it.First() && string(it.Value()) == "1", "later writes are not seen")
	s.ok(it.Close())
	snap := s.snapshot()
	late := snap.Iter(kv.IterOptions{})
	s.put("a", "3")
	s.that(late.First() && string(late.Value()) == "2", "an iterator of a snapshot sees its state, however late it moves")
	s.ok(late.Close())
	s.ok(snap.Close())
}

func iterOutlivesSnapshot(s *subject) {
	s.put("a", "1", "b", "1")
	snap := s.snapshot()
	moved, fresh := snap.Iter(kv.IterOptions{}), snap.Iter(kv.IterOptions{})
	s.that(moved.First(), "there is a key")
	s.ok(snap.Close())
	s.put("a", "2", "b", "2", "c", "2")
	if f, ok := s.store.(kv.Flusher); ok {
		s.ok(f.Flush(s.t.Context()))
	}
	s.that(moved.Next() && string(moved.Value()) == "1" && !moved.Next(), "it goes on over the old state")
	s.that(fresh.Last() && string(fresh.Key()) == "b" && string(fresh.Value()) == "1", "also if it had not moved before")
	s.ok(moved.Close())
	s.ok(fresh.Close())
}

func iterClosed(s *subject) {
	s.put("a", "1", "b", "2")
	it := s.store.Iter(kv.IterOptions{})
	s.that(it.First(), "there is a key")
	s.ok(it.Close())
	s.ok(it.Close())
	s.that(!it.Valid() && it.Key() == nil && it.Value() == nil, "a closed iterator is not positioned")
	s.that(!it.Next() && !it.Prev(), "nor does it move")
	s.that(!it.First() && !it.Last() && !it.SeekGE(nil) && !it.SeekLE([]byte("b")) && !it.SeekLT([]byte("b")), "by any move")
	s.is(it.Err(), kv.ErrClosed)
	s.is(it.Close(), kv.ErrClosed)
}
