package kvtest

import (
	"fmt"

	"github.com/varvedb/varve/kv"
)

func snapshotClauses() []clause {
	return []clause{
		{"a snapshot does not change", snapshotStable},
		{"many snapshots are kept apart", snapshotsMany},
		{"sequence numbers of snapshots do not fall", snapshotSeq},
		{"a snapshot reads the same after a flush and a compaction", snapshotAndFlush},
		{"reads of a closed snapshot are ErrClosed", snapshotClosed},
	}
}

func snapshotStable(s *subject) {
	want := s.iterFixture()
	snap := s.snapshot()
	s.apply(func(b *kv.Batch) { b.DeleteRange(nil, nil) })
	s.put("new", "")
	s.ok(sameContent(snap, want))
	s.holds(s.store, "new", "")
	s.ok(snap.Close())
}

func snapshotsMany(s *subject) {
	const n = 200
	snaps := make([]kv.Snapshot, n)
	for i := range n {
		s.put("k", fmt.Sprint(i), fmt.Sprint("only", i), "")
		s.del(fmt.Sprint("only", i-1))
		snaps[i] = s.snapshot()
	}
	for i := range n { // close from both ends towards the middle
		at := i / 2
		if i%2 == 1 {
			at = n - 1 - i/2
		}
		s.holds(snaps[at], "k", fmt.Sprint(at), fmt.Sprint("only", at), "")
		s.ok(snaps[at].Close())
	}
}

func snapshotSeq(s *subject) {
	a, b := s.snapshot(), s.snapshot()
	s.that(a.Seq() == b.Seq(), "two snapshots of one state have one number, not %d and %d", a.Seq(), b.Seq())
	seq := s.put("k", "v")
	c := s.snapshot()
	s.that(c.Seq() >= seq && seq > b.Seq(), "%d, %d, %d rise", b.Seq(), seq, c.Seq())
	for _, snap := range []kv.Snapshot{a, b, c} {
		s.ok(snap.Close())
	}
}

func snapshotAndFlush(s *subject) {
	ctx := s.t.Context()
	want := s.iterFixture()
	snap := s.snapshot()
	defer snap.Close()
	for range 3 {
		s.apply(func(b *kv.Batch) { b.DeleteRange(nil, []byte("b")) })
		s.put("a", "new", "z", "new")
		s.merge(mergeAppend, "bb", []byte("!"))
		if f, ok := s.store.(kv.Flusher); ok {
			s.ok(f.Flush(ctx))
		}
		if c, ok := s.store.(kv.Compactor); ok && s.store.Features().Compactor {
			s.ok(c.Compact(ctx, kv.Span{}, nil))
		}
		s.ok(sameContent(snap, want))
	}
}

func snapshotClosed(s *subject) {
	s.put("k", "v")
	snap := s.snapshot()
	s.ok(snap.Close())
	s.ok(snap.Close())
	_, _, err := snap.Get([]byte("k"), nil)
	s.is(err, kv.ErrClosed)
	_, err = snap.Has([]byte("k"))
	s.is(err, kv.ErrClosed)
	s.is(snap.MultiGet([][]byte{[]byte("k")}, func(int, []byte, bool) error { return nil }), kv.ErrClosed)
	it := snap.Iter(kv.IterOptions{})
	s.that(!it.First(), "an iterator of a closed snapshot finds nothing")
	s.is(it.Err(), kv.ErrClosed)
	s.is(it.Close(), kv.ErrClosed)
}
