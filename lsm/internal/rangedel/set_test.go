package rangedel

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/varvedb/varve/kv"
)

func TestSetAnswersAsItsTombstonesDo(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 6))
		var s Set
		var m model
		if !s.Empty() || s.Len() != 0 || s.Bytes() != 0 || s.List() != nil || s.Visible(nil) != nil || s.Covering(nil, 9) != 0 {
			t.Fatal("the zero Set is not empty")
		}
		for range r.IntN(5) {
			for _, ts := range randomTombstones(r, 60) {
				m = append(m, ts)
				s.Add(ts.Start, ts.End, ts.Seq)
			}
			checkSet(t, &s, m, r)
		}
	}
}

// checkSet compares s with the model.
func checkSet(t *testing.T, s *Set, m model, r *rand.Rand) {
	t.Helper()
	check(t, s.List(), m)
	for _, key := range allKeys() {
		at := kv.Seq(r.IntN(21))
		if got, want := s.Covering(key, at), m.covering(key, at); got != want {
			t.Fatalf("Covering(%q, %d) = %d, want %d", key, at, got, want)
		}
	}
	checkAround(t, s.Around, m, kv.Seq(r.IntN(21)))
	stripes := randomStripes(r)
	if got, want := s.Visible(stripes), s.List().Visible(stripes); !equal(got, want) {
		t.Fatalf("Visible(%v) = %v, want %v", stripes, got, want)
	}
}

func TestSetCopiesKeys(t *testing.T) {
	var s Set
	start, end := k("a"), k("c")
	s.Add(start, end, 3)
	start[0], end[0] = 'x', 'y'
	if s.Covering(k("b"), 5) != 3 || s.Covering(k("x"), 5) != 0 {
		t.Fatal("the caller's slice was kept")
	}
}

func TestSetIgnoresTombstonesThatDeleteNothing(t *testing.T) {
	var s Set
	s.Add(k("b"), k("b"), 3)
	s.Add(k("b"), k("a"), 3)
	s.Add(nil, []byte{}, 3)
	s.Add(k("a"), k("b"), 0)
	if !s.Empty() || s.Len() != 0 {
		t.Fatal("not empty")
	}
}

// Of n tombstones that overlap at random n/2 lie over a key in the middle; a
// search, a flush and the memory must not feel the n²/2 pairs.
func TestFragmentingManyOverlappingTombstonesStaysSmall(t *testing.T) {
	const n = 20_000
	r := rand.New(rand.NewPCG(1, 7))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var s Set
	for i := range n {
		a, b := r.IntN(1<<30), r.IntN(1<<30)
		s.Add(fmt.Appendf(nil, "%010d", min(a, b)), fmt.Appendf(nil, "%010d", max(a, b)), kv.Seq(i+1))
		s.Covering(fmt.Appendf(nil, "%010d", a), kv.Seq(i)) // reads between adds do not make it slow
	}
	flushed := s.Visible([]kv.Seq{n / 2})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := after.HeapAlloc - before.HeapAlloc; got > 1000*n {
		t.Errorf("%d bytes for each tombstone", got/n)
	}
	if got := s.Bytes(); got > 600*n {
		t.Errorf("Bytes: %d for each tombstone", got/n)
	}
	numbers := 0
	for _, f := range flushed {
		numbers += len(f.Seqs)
	}
	if len(flushed) > 2*n || numbers > 4*n {
		t.Errorf("a flush writes %d fragments with %d numbers", len(flushed), numbers)
	}
	runtime.KeepAlive(&s)
}

func TestSetIsReadWhileItGrows(t *testing.T) {
	const n = 400
	var s Set
	var readers sync.WaitGroup
	added := make(chan kv.Seq, n)
	for range 2 {
		readers.Go(func() {
			for seq := range added {
				key := fmt.Appendf(nil, "%04d", seq)
				if got := s.Covering(key, seq); got != seq {
					t.Errorf("%d is covered by %d", seq, got)
				}
				if c := s.Around(key, seq); c.Seq != seq {
					t.Errorf("%d lies in %v", seq, c)
				}
				if seq%50 == 0 && s.List().Covering(key, seq) != seq {
					t.Errorf("List does not cover %d", seq)
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := w + 1; i <= n; i += 2 {
				s.Add(fmt.Appendf(nil, "%04d", i), fmt.Appendf(nil, "%04d", i+1), kv.Seq(i))
				added <- kv.Seq(i)
			}
		})
	}
	writers.Wait()
	close(added)
	readers.Wait()
	if s.Len() != n {
		t.Fatalf("%d tombstones", s.Len())
	}
}

func BenchmarkSetCovering(b *testing.B) {
	for _, n := range []int{1, 30, 1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 8))
			var s Set
			for i := range n {
				a := r.IntN(1 << 30)
				s.Add(fmt.Appendf(nil, "%010d", a), fmt.Appendf(nil, "%010d", a+1000), kv.Seq(i+1))
			}
			key := fmt.Appendf(nil, "%010d", 1<<29)
			for b.Loop() {
				s.Covering(key, kv.Seq(n))
			}
		})
	}
}
