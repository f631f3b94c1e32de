package kvtest

import (
	"context"
	"fmt"

	"github.com/varvedb/varve/kv"
)

func keyspaceClauses() []clause {
	return []clause{
		{"a write is visible when Apply returns, whatever its durability", durabilityVisible},
		{"Sync makes what came before durable, in order", syncAndOrder},
		{"a keyspace without log is read, and kept by a clean close", noLogKeyspace},
		{"LastModified moves with the writes of the keyspace", lastModified},
		{"LastModified is never too low", lastModifiedBound},
		{"Stats count what the keyspace holds", keyspaceStats},
	}
}

func durabilityVisible(s *subject) {
	var last kv.Seq
	for round := range 3 {
		for _, d := range []kv.Durability{kv.Process, kv.Buffered, kv.Sync, kv.Process, kv.Sync, kv.Buffered} {
			val := fmt.Sprint(round, d)
			seq, err := s.try(kv.WriteOptions{Durability: d}, func(b *kv.Batch) { b.Put([]byte("k"), []byte(val)) })
			s.ok(err)
			s.that(seq > last, "%v writes are numbered in order", d)
			s.wants(s.store, "k", val)
			last = seq
		}
	}
	if !s.e.Volatile {
		s.reopen()
		s.wants(s.store, "k", "2 Buffered")
	}
}

func syncAndOrder(s *subject) {
	sync, ok := s.store.(kv.Syncer)
	if !ok || !s.store.Features().Syncer {
		s.t.Skip("the engine has no Sync")
	}
	for i := range 10 {
		s.put("k", fmt.Sprint(i))
		s.ok(sync.Sync(s.t.Context()))
	}
	s.wants(s.store, "k", "9")
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	s.is(sync.Sync(ctx), context.Canceled)
}

func noLogKeyspace(s *subject) {
	const id = 77
	ks, err := s.store.Keyspace(id, kv.KeyspaceOptions{NoLog: true})
	s.ok(err)
	s.that(ks.ID() == id, "the keyspace knows its id: %d", ks.ID())
	key := func(rest string) string { return string(kv.KeyspacePrefix(id)) + rest }
	s.put(key("a"), "1")
	s.put("logged", "1")
	s.put(key("b"), "2", "both", "2")
	s.del(key("a"))
	s.merge(mergeAppend, key("c"), []byte("3"))
	s.apply(func(b *kv.Batch) { b.DeleteRange([]byte(key("x")), nil) })
	s.put("logged", "1", "both", "2")
	want := []string{key("b"), "2", key("c"), "3", "logged", "1", "both", "2"}
	s.holds(s.store, want...)
	if !s.e.Volatile {
		s.reopen()
		s.holds(s.store, want...)
	}
}

func (s *subject) keyspace(id uint64) kv.Keyspace {
	s.t.Helper()
	ks, err := s.store.Keyspace(id, kv.KeyspaceOptions{})
	s.ok(err)
	return ks
}

func lastModified(s *subject) {
	one, two, wide := s.keyspace(1), s.keyspace(2), s.keyspace(1<<63)
	key := func(id uint64, rest string) []byte { return append(kv.KeyspacePrefix(id), rest...) }
	for i, write := range []func(*kv.Batch){
		func(b *kv.Batch) { b.Put(key(1, "k"), nil) },
		func(b *kv.Batch) { b.Delete(key(1, "k")) },
		func(b *kv.Batch) { b.Merge(mergeAppend, key(1, ""), nil) },
		func(b *kv.Batch) { b.DeleteRange(kv.KeyspaceSpan(1).Start, kv.KeyspaceSpan(1).End) },
		func(b *kv.Batch) { b.DeleteRange(key(1, "a"), key(1, "b")) },
	} {
		before := two.LastModified()
		seq := s.apply(write)
		s.that(one.LastModified() == seq, "write %d, number %d, moves LastModified to %d", i, seq, one.LastModified())
		s.that(two.LastModified() == before && wide.LastModified() <= before, "and not that of others")
	}
	seq := s.apply(func(b *kv.Batch) { b.DeleteRange(key(1, "x"), key(2, "x")) })
	s.that(one.LastModified() >= seq && two.LastModified() >= seq, "a range delete across keyspaces moves both")
	seq = s.apply(func(b *kv.Batch) { b.DeleteRange(key(2, ""), nil) })
	s.that(two.LastModified() >= seq && wide.LastModified() >= seq, "one without end moves all above")
	s.that(s.keyspace(1<<62).LastModified() >= seq, "also those that nobody has asked for")
}

func lastModifiedBound(s *subject) {
	key := string(kv.KeyspacePrefix(5)) + "k"
	seq := s.put(key, "1")
	s.that(s.keyspace(5).LastModified() >= seq, "a keyspace asked for after a write knows of it")
	first, second := s.keyspace(5), s.keyspace(5)
	s.that(first.LastModified() == second.LastModified(), "two handles agree")
	if s.e.Volatile {
		return
	}
	seq = s.put(key, "2")
	s.reopen()
	ks := s.keyspace(5)
	s.that(ks.LastModified() >= seq, "after opening it is not below the last write: %d and %d", ks.LastModified(), seq)
	snap := s.snapshot()
	s.that(ks.LastModified() <= snap.Seq(), "nor above the newest state")
	s.ok(snap.Close())
}

func keyspaceStats(s *subject) {
	ks, other := s.keyspace(9), s.keyspace(10)
	st, err := ks.Stats(s.t.Context())
	s.ok(err)
	s.that(!st.Exact || st.Keys == 0 && st.Bytes == 0, "an empty keyspace: %+v", st)
	prefix := string(kv.KeyspacePrefix(9))
	for i := range 20 {
		s.put(prefix+fmt.Sprintf("%02d", i), "value")
	}
	s.apply(func(b *kv.Batch) { b.DeleteRange([]byte(prefix+"05"), []byte(prefix+"15")) })
	s.put(prefix+"00", "longer value")
	st, err = ks.Stats(s.t.Context())
	s.ok(err)
	s.that(!st.Exact || st.Keys == 10 && st.Bytes == 10*(8+2+5)+7, "ten keys: %+v", st)
	st, err = other.Stats(s.t.Context())
	s.ok(err)
	s.that(!st.Exact || st.Keys == 0, "the next keyspace is empty: %+v", st)
}
