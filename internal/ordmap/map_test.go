package ordmap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is the map that a Map is compared with.
type model map[string]int

func (m model) keys() []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

func TestRandomChangesAgreeWithAModelAndLeaveClonesAlone(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var m Map[int]
		want := model{}
		var old Map[int]
		var oldWant []string
		for i := range 4000 {
			key := fmt.Sprintf("%0*d", 1+rng.IntN(4), rng.IntN(1500))
			if rng.IntN(100) < 45+int(seed) {
				_, replaced := m.Set([]byte(key), i)
				if _, was := want[key]; was != replaced {
					t.Fatalf("seed %d: set %q: replaced %v", seed, key, replaced)
				}
				want[key] = i
			} else {
				_, deleted := m.Delete([]byte(key))
				if _, was := want[key]; was != deleted {
					t.Fatalf("seed %d: delete %q: %v", seed, key, deleted)
				}
				delete(want, key)
			}
			if i == 2000 {
				old, oldWant = m.Clone(), want.keys()
			}
		}
		check(t, &m, want)
		if got := walk(&old); !slices.Equal(got, oldWant) {
			t.Fatalf("seed %d: the clone changed", seed)
		}
	}
}

func check(t *testing.T, m *Map[int], want model) {
	t.Helper()
	keys := want.keys()
	if m.Len() != len(keys) || !slices.Equal(walk(m), keys) {
		t.Fatalf("len %d, want %d; or the order differs", m.Len(), len(keys))
	}
	back := walkBack(m)
	slices.Reverse(back)
	if !slices.Equal(back, keys) {
		t.Fatal("backwards differs from forwards")
	}
	for k, v := range want {
		if got, ok := m.Get([]byte(k)); !ok || got != v {
			t.Fatalf("get %q: %d %v, want %d", k, got, ok, v)
		}
	}
	it := m.Iter()
	for i := range 2000 {
		key := fmt.Sprint(i)
		at, _ := slices.BinarySearch(keys, key)
		if ok := it.SeekGE([]byte(key)); ok != (at < len(keys)) || ok && string(it.Key()) != keys[at] {
			t.Fatalf("seek-ge %q", key)
		}
		if ok := it.SeekLT([]byte(key)); ok != (at > 0) || ok && string(it.Key()) != keys[at-1] {
			t.Fatalf("seek-lt %q", key)
		}
	}
}

func walk(m *Map[int]) (keys []string) {
	it := m.Iter()
	for ok := it.First(); ok; ok = it.Next() {
		keys = append(keys, string(it.Key()))
	}
	return keys
}

func walkBack(m *Map[int]) (keys []string) {
	it := m.Iter()
	for ok := it.Last(); ok; ok = it.Prev() {
		keys = append(keys, string(it.Key()))
	}
	return keys
}

func TestAnEmptyMapHasNothing(t *testing.T) {
	var m Map[int]
	m.Set([]byte("a"), 1)
	m.Delete([]byte("a"))
	it := m.Iter()
	if it.First() || it.Last() || it.SeekGE(nil) || it.SeekLT([]byte("z")) || m.Len() != 0 {
		t.Fatal("an entry in an empty map")
	}
}

func BenchmarkSet(b *testing.B) {
	var m Map[int]
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		m.Set(fmt.Appendf(bytes.Clone(nil), "%016x", rng.Uint64()), 1)
	}
}
