package kvtest

import (
	"context"
	"fmt"

	"github.com/varvedb/varve/kv"
)

func batchClauses() []clause {
	return []clause{
		{"operations work in order", batchOrder},
		{"a batch without operations gets a number", emptyBatch},
		{"a batch can be applied again, and filled again", batchReuse},
		{"sequence numbers rise", seqRises},
		{"a batch that could not be ordered changes nothing", nothingHalfDone},
		{"a context that has ended stops a batch before it is ordered", endedContext},
		{"a batch may be large", largeBatch},
	}
}

func batchOrder(s *subject) {
	key, end := []byte("k"), []byte("l")
	put := func(val string) func(*kv.Batch) { return func(b *kv.Batch) { b.Put(key, []byte(val)) } }
	del := func(b *kv.Batch) { b.Delete(key) }
	clr := func(b *kv.Batch) { b.DeleteRange(key, end) }
	app := func(b *kv.Batch) { b.Merge(mergeAppend, key, []byte("+")) }
	for i, c := range []struct {
		want string
		ops  []func(*kv.Batch)
	}{
		{"2", []func(*kv.Batch){put("1"), del, put("2")}},
		{absent, []func(*kv.Batch){put("1"), put("2"), del}},
		{"1", []func(*kv.Batch){clr, put("1")}},
		{absent, []func(*kv.Batch){put("1"), clr}},
		{"+", []func(*kv.Batch){clr, app}},
		{"+", []func(*kv.Batch){del, app}},
		{"+", []func(*kv.Batch){put("1"), app, clr, app}},
		{"1++", []func(*kv.Batch){put("1"), app, app}},
		{"old++", []func(*kv.Batch){app, app}},
		{"2+", []func(*kv.Batch){app, put("2"), app}},
		{absent, []func(*kv.Batch){app, clr}},
		{"3", []func(*kv.Batch){clr, put("1"), clr, put("2"), del, put("3")}},
	} {
		s.put("k", "old", "l", "stays")
		s.apply(func(b *kv.Batch) {
			for _, op := range c.ops {
				op(b)
			}
		})
		if got := s.value(s.store, "k"); got != c.want {
			s.t.Fatalf("batch %d leaves %q, want %q", i, got, c.want)
		}
		s.wants(s.store, "l", "stays")
	}
}

func emptyBatch(s *subject) {
	before := s.put("a", "1")
	seq := s.apply(func(*kv.Batch) {})
	s.that(seq > before, "%d comes after %d", seq, before)
	s.that(s.put("a", "2") > seq, "numbers go on")
	s.holds(s.store, "a", "2")
}

func batchReuse(s *subject) {
	ctx := context.Background()
	var b kv.Batch
	b.Merge(mergeAppend, []byte("k"), []byte("x"))
	for range 3 {
		_, err := s.store.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Process})
		s.ok(err)
	}
	s.wants(s.store, "k", "xxx")
	b.Reset()
	for i := range 50 {
		b.Put(fmt.Append(nil, i), fmt.Append(nil, "value ", i))
		_, err := s.store.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Process})
		s.ok(err)
		b.Reset() // the next one overwrites its memory
	}
	for i := range 50 {
		s.wants(s.store, fmt.Sprint(i), fmt.Sprint("value ", i))
	}
}

func seqRises(s *subject) {
	var last kv.Seq
	for i := range 20 {
		seq := s.put("k", fmt.Sprint(i))
		s.that(seq > last, "%d comes after %d", seq, last)
		snap := s.snapshot()
		s.that(snap.Seq() == seq, "the snapshot after batch %d has its number, not %d", seq, snap.Seq())
		s.ok(snap.Close())
		last = seq
	}
	if !s.e.Volatile {
		s.reopen()
		s.that(s.put("k", "again") > last, "numbers do not come back after reopening")
	}
}

func nothingHalfDone(s *subject) {
	s.put("a", "1")
	_, err := s.try(kv.WriteOptions{If: &kv.Conditions{Equal: []kv.KV{{Key: []byte("a"), Value: []byte("2")}}}},
		func(b *kv.Batch) {
			b.Put([]byte("a"), []byte("3"))
			b.Put([]byte("b"), []byte("3"))
			b.DeleteRange(nil, nil)
		})
	s.is(err, kv.ErrConflict)
	s.holds(s.store, "a", "1")
}

func endedContext(s *subject) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var b kv.Batch
	b.Put([]byte("k"), nil)
	_, err := s.store.Apply(ctx, &b, kv.WriteOptions{})
	s.is(err, context.Canceled)
	_, err = s.store.Snapshot(ctx)
	s.is(err, context.Canceled)
	s.holds(s.store)
	s.put("k", "v")
	s.holds(s.store, "k", "v")
}

func largeBatch(s *subject) {
	const n = 3000
	fill := func(b *kv.Batch) {
		for i := range n {
			b.Put(fmt.Appendf(nil, "%06d", i), fmt.Appendf(nil, "%0300d", i))
		}
		b.DeleteRange(fmt.Appendf(nil, "%06d", 100), fmt.Appendf(nil, "%06d", 200))
	}
	check := func() {
		count := 0
		it := s.store.Iter(kv.IterOptions{})
		for ok := it.First(); ok; ok = it.Next() {
			if want := string(it.Key()); len(it.Value()) != 300 || string(it.Value()[294:]) != want {
				s.t.Fatalf("key %s has value %s", want, short(it.Value()))
			}
			count++
		}
		s.ok(it.Close())
		s.that(count == n-100, "all keys are there, %d", count)
	}
	_, err := s.try(kv.WriteOptions{}, fill)
	s.ok(err)
	check()
	if !s.e.Volatile {
		s.reopen()
		check()
	}
}
