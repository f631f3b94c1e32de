package lsm

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
)

func TestAMemtableIsCutWhereMuchOfItLiesBetweenTables(t *testing.T) {
	for _, c := range []struct{ covered, keys, want string }{
		{"", "a a b b", "a"},
		{"c-d", "a a a", "a"},
		{"c-d", "a a b b c d e e e e f", "a c e"},
		{"c-d", "a c d e e e e", "e"},
		{"c-d", "a b c e f g", "e"}, // too little is before c
		{"c-d g-h", "e e e f", "e"},
		{"c-d g-h", "e f h i i", ""},
		{"c-d g-h", "e e f i i i", "e i"}, // a table of both would lie over g-h
		{"a-c b-f h-h", "a b d f g g g h", "g h"},
		{"b-d", "a b c d e", ""},
		{"a-f", "a b c d e f", ""},
		{"c-c d-d", "c d e e e", "e"},
	} {
		p := &splitter{least: 3}
		v := &version.Version{}
		for i, span := range strings.Fields(c.covered) {
			f := &version.File{Number: uint64(i + 1), Smallest: []byte(span[:1]), Largest: []byte(span[2:])}
			v.Levels[0] = append(v.Levels[0], f)
		}
		p.covered = v.Covered()
		for _, key := range strings.Fields(c.keys) {
			p.pass([]byte(key), 1)
		}
		p.end(nil)
		var got []string
		for _, key := range p.cuts {
			got = append(got, string(key))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q beside %q: cut at %q instead of %q", c.keys, c.covered, got, c.want)
		}
	}
}

// Some keys rise, as those of logs and of histories do; others, before them and in
// the next keyspace, are written again and again.
func TestWhatRisesIsWrittenOnceWhateverElseIsWritten(t *testing.T) {
	const target = 64 << 10
	s := open(t, Options{WriteBuffer: target, TargetFile: target})
	rng := rand.New(rand.NewPCG(1, 2))
	value := func() string {
		var b []byte
		for range 12 {
			b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
		}
		return string(b)
	}
	const rising = 20_000
	for i := range rising {
		apply(t, s, func(b *kv.Batch) {
			b.Put(fmt.Appendf(kv.KeyspacePrefix(1), "m%08d", i), []byte(value()))
			if i%4 > 0 {
				return
			}
			b.Put(fmt.Appendf(kv.KeyspacePrefix(1), "a%d", rng.IntN(10)), []byte(value()))
			b.Put(fmt.Appendf(kv.KeyspacePrefix(2), "z%d", rng.IntN(10)), []byte(value()))
		})
	}
	flush(t, s)
	s.tasks.Wait()
	if all, again := s.flushBytes.Load(), s.compactedOut.Load(); again > 2*all {
		t.Errorf("%d bytes were flushed and %d written again", all, again)
	}
	it := s.Iter(kv.IterOptions{Prefix: append(kv.KeyspacePrefix(1), 'm')})
	defer it.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	if n != rising || it.Err() != nil {
		t.Errorf("%d of %d are there: %v", n, rising, it.Err())
	}
}

func TestDeletedRangesStayDeletedAcrossCuts(t *testing.T) {
	s := open(t, Options{TargetFile: 8 << 10})
	put(t, s, "m", "1")
	put(t, s, "x", "1")
	flush(t, s)
	apply(t, s, func(b *kv.Batch) {
		b.DeleteRange([]byte("c"), []byte("y"))
		for i := range 100 {
			b.Put(fmt.Appendf(nil, "a%02d", i), []byte(strings.Repeat("v", 100)))
			b.Put(fmt.Appendf(nil, "z%02d", i), []byte(strings.Repeat("v", 100)))
		}
	})
	flush(t, s)
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	compact(t, s)
	for _, r := range []kv.Reader{s, snap} {
		it := r.Iter(kv.IterOptions{})
		var keys []string
		for ok := it.First(); ok; ok = it.Next() {
			keys = append(keys, string(it.Key()[:1]))
		}
		it.Close()
		if got := slices.Compact(keys); len(keys) != 200 || len(got) != 2 {
			t.Errorf("%d keys of %q: %v", len(keys), got, it.Err())
		}
	}
}
