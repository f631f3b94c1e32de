package kvtest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/varvedb/varve/kv"
)

func indexedClauses() []clause {
	return []clause{
		{"reads see the writes of the batch", indexedReads},
		{"its iterator sees writes, deletes, range deletes and merges in their place", indexedIter},
		{"it reads as the store does once it is applied", indexedLikeApplied},
		{"its iterators keep their view while it changes", indexedViews},
		{"Append and Reset are seen", indexedAppend},
	}
}

func (s *subject) indexed(r kv.Reader) *kv.IndexedBatch { return kv.NewIndexedBatch(r, s.env.Mergers) }

func indexedReads(s *subject) {
	s.put("a", "1", "b", "1", "c", "1", "d", "1")
	snap := s.snapshot()
	defer snap.Close()
	b := s.indexed(snap)
	s.holds(b, "a", "1", "b", "1", "c", "1", "d", "1")
	b.Put([]byte("a"), []byte("2"))
	b.Delete([]byte("b"))
	b.Merge(mergeAppend, []byte("c"), []byte("+"))
	b.Merge(mergeAppend, []byte("e"), []byte("+"))
	b.Put([]byte(""), nil)
	s.holds(b, "", "", "a", "2", "c", "1+", "d", "1", "e", "+")
	b.DeleteRange([]byte("c"), nil)
	b.Merge(mergeAppend, []byte("d"), []byte("!"))
	s.holds(b, "", "", "a", "2", "d", "!")
	s.holds(s.store, "a", "1", "b", "1", "c", "1", "d", "1")
	dst := make([]byte, 8, 16)
	for _, key := range []string{"a", "d"} {
		val, ok, err := b.Get([]byte(key), dst)
		s.that(ok && err == nil && &val[0] == &dst[0], "Get uses the room that it is given")
		clear(val)
	}
	s.wants(b, "a", "2")
}

func indexedIter(s *subject) {
	want := s.iterFixture()
	snap := s.snapshot()
	defer snap.Close()
	b := s.indexed(snap)
	for _, w := range []modelWrite{
		{kind: kv.OpPut, key: "a", value: "over"}, {kind: kv.OpPut, key: "c", value: "new"}, {kind: kv.OpDelete, key: "aa"},
		{kind: kv.OpMerge, merger: mergeAppend, key: "d", value: "+"}, {kind: kv.OpMerge, merger: mergeAppend, key: "e", value: "+"},
		{kind: kv.OpDeleteRange, key: "ba", end: "bb"}, {kind: kv.OpPut, key: "ba\xff", value: "back"}, {kind: kv.OpDeleteRange, key: "\xff\xff", open: true},
		{kind: kv.OpPut, key: "", value: ""}, {kind: kv.OpDelete, key: "never there"},
	} {
		w.enter(b)
		s.ok(want.do(w))
		for _, opt := range iterOptions() {
			for _, key := range []string{"", "a", "aa", "ba", "ba\xff", "bb", "d", "\xff\xff\xff"} {
				s.ok(compareWalk(b, want, opt, []walkMove{{kind: moveFirst}, {kind: moveGE, key: key}, {kind: moveNext}, {kind: moveNext},
					{kind: movePrev}, {kind: movePrev}, {kind: movePrev}, {kind: moveNext}, {kind: moveLT, key: key}, {kind: movePrev},
					{kind: moveNext}, {kind: moveNext}, {kind: moveLE, key: key}, {kind: moveNext}, {kind: moveLast}, {kind: movePrev}}))
			}
		}
	}
}

func indexedLikeApplied(s *subject) {
	rng := rand.New(rand.NewPCG(s.env.Seed, 1))
	g := &historyGen{rng: rng}
	for round := range 30 {
		snap := s.snapshot()
		b := s.indexed(snap)
		for range 1 + rng.IntN(12) {
			g.write().enter(b)
		}
		before, err := snapshotContent(b)
		s.ok(err)
		_, err = s.store.Apply(context.Background(), &b.Batch, kv.WriteOptions{Durability: kv.Process})
		s.ok(err)
		if err := sameContent(s.store, before); err != nil {
			s.t.Fatalf("round %d: the indexed batch read other than what it did: %v", round, err)
		}
		s.ok(snap.Close())
	}
}

// snapshotContent reads all that r holds.
func snapshotContent(r kv.Reader) (*content, error) {
	c := newContent()
	it := r.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		c.set(string(it.Key()), string(it.Value()))
	}
	return c, it.Close()
}

func indexedViews(s *subject) {
	s.put("a", "1", "m", "1", "z", "1")
	snap := s.snapshot()
	defer snap.Close()
	b, want := s.indexed(snap), contentOf("a", "1", "m", "1", "z", "1")
	var its []kv.Iterator
	var twins []kv.Iterator
	for i := range 6 {
		it, twin := b.Iter(kv.IterOptions{}), want.Iter(kv.IterOptions{})
		s.that(it.First() == twin.First(), "iterator %d starts", i)
		its, twins = append(its, it), append(twins, twin)
		for _, w := range []modelWrite{{kind: kv.OpPut, key: fmt.Sprint("k", i)}, {kind: kv.OpMerge, merger: mergeAppend, key: "m", value: "+"},
			{kind: kv.OpDelete, key: fmt.Sprint("k", i-2)}, {kind: kv.OpDeleteRange, key: "z", open: true}} {
			w.enter(b)
			s.ok(want.do(w))
		}
	}
	for i := range its {
		moves := []walkMove{{kind: moveNext}, {kind: moveNext}, {kind: moveNext}, {kind: movePrev}, {kind: moveLast}, {kind: movePrev}}
		saw, err := walk(its[i], moves, false)
		s.ok(err)
		expected, _ := walk(twins[i], moves, false)
		s.ok(sameSight(fmt.Sprint("iterator ", i), saw, expected))
		s.ok(its[i].Close())
	}
}

func indexedAppend(s *subject) {
	s.put("a", "1", "b", "1")
	snap := s.snapshot()
	defer snap.Close()
	b := s.indexed(snap)
	var more kv.Batch
	more.Delete([]byte("a"))
	more.Put([]byte("c"), []byte("2"))
	b.Append(&more)
	s.holds(b, "b", "1", "c", "2")
	b.Reset()
	s.holds(b, "a", "1", "b", "1")
	b.Put([]byte("c"), []byte("3"))
	s.holds(b, "a", "1", "b", "1", "c", "3")
}
