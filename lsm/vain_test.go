package lsm

import (
	"fmt"
	"testing"

	"github.com/varvedb/varve/kv"
)

// covered returns a store with a table over another one, of which it has but the
// first and the last key.
func covered(t *testing.T, opt Options) *Store {
	t.Helper()
	opt.L0Trigger = 100
	s := open(t, opt)
	apply(t, s, func(b *kv.Batch) {
		for i := range 1000 {
			b.Put(fmt.Appendf(nil, "k%03d", i), []byte("below"))
		}
	})
	compact(t, s)
	put(t, s, "k000", "above")
	put(t, s, "k999", "above")
	flush(t, s)
	if n := levels(s); n[0] != 1 {
		t.Fatal("tables:", n)
	}
	return s
}

func TestATableThatGetsReadInVainIsCompacted(t *testing.T) {
	s := covered(t, Options{BloomBits: -1})
	for i := range 20_000 {
		holds(t, s, fmt.Sprintf("k%03d", 1+i%998), "below")
	}
	s.tasks.Wait()
	if n := levels(s); n[0] != 0 {
		t.Error("tables:", n)
	}
	holds(t, s, "k000", "above")
}

func TestATableThatSeeksPassIsCompacted(t *testing.T) {
	s := covered(t, Options{})
	for range 3000 {
		it := s.Iter(kv.IterOptions{})
		if !it.SeekGE([]byte("k500")) || it.Close() != nil {
			t.Fatal(it.Err())
		}
	}
	s.tasks.Wait()
	if n := levels(s); n[0] != 0 {
		t.Error("tables:", n)
	}
}

func TestWhatFiltersAnswerCostsATableNothing(t *testing.T) {
	s := covered(t, Options{BloomBits: 20})
	for i := range 20_000 {
		holds(t, s, fmt.Sprintf("k%03d", 1+i%998), "below")
	}
	s.tasks.Wait()
	if n := levels(s); n[0] != 1 {
		t.Error("tables:", n)
	}
}
