package bwtree

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// pagesOf returns how many pages there are.
func pagesOf(s *Store) int { return s.tree.index.Load().Len() }

func TestATreeShrinksWhenItIsEmptied(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, &Options{Dir: "db", FS: vfs.NewMem(), Fanout: 8, Deltas: 4})
	if err != nil {
		t.Fatal(err)
	}
	key := func(i int) []byte { return fmt.Appendf(nil, "%05d", i) }
	var b kv.Batch
	for i := range 2000 {
		b.Put(key(i), key(i))
	}
	apply := func() {
		if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		b.Reset()
	}
	apply()
	grown := pagesOf(s)
	if grown < 200 {
		t.Fatal("pages:", grown)
	}
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		if i%100 != 0 {
			b.Delete(key(i))
		}
	}
	apply()
	if val, ok, err := snap.Get(key(777), nil); !ok || err != nil || string(val) != "00777" {
		t.Fatal("the snapshot has lost a key:", ok, err)
	}
	if err := snap.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Compact(ctx, kv.Span{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := pagesOf(s); n > 12 {
		t.Errorf("%d pages for 20 keys, of %d", n, grown)
	}
	for i := range 2000 {
		if has, err := s.Has(key(i)); err != nil || has != (i%100 == 0) {
			t.Fatal(i, has, err)
		}
	}
	if err := s.Verify(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Goroutines fill and empty the same ranges, so that leaves are split and merged
// into each other all the time; each knows what must be in its own keys.
func TestSplitsAndMergesAmongEachOtherLoseNothing(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, &Options{Dir: "db", FS: vfs.NewMem(), Fanout: 4, Deltas: 2, CacheBytes: 20_000, RedoBytes: 50_000})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			for round := range 12 {
				for i := range 40 {
					var b kv.Batch
					key := fmt.Appendf(nil, "%02d/%d", i, w)
					if round%2 == 0 {
						b.Put(key, fmt.Append(nil, round))
					} else {
						b.Delete(key)
					}
					if _, err := s.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Process}); err != nil {
						t.Error(err)
						return
					}
					if has, err := s.Has(key); err != nil || has != (round%2 == 0) {
						t.Errorf("round %d, %s: %v %v", round, key, has, err)
						return
					}
				}
				for i := range 40 {
					key := fmt.Appendf(nil, "%02d/%d", i, w)
					if has, err := s.Has(key); err != nil || has != (round%2 == 0) {
						t.Errorf("after round %d, %s: %v %v", round, key, has, err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
	if s.tree.merges.Load() == 0 {
		t.Error("nothing was merged")
	}
	it := s.Iter(kv.IterOptions{})
	if it.First() {
		t.Errorf("%q is there", it.Key())
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Verify(ctx, nil); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
