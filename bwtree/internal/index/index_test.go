package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAnIndexIsLikeASortedSlice(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		x := New(2+rng.IntN(6), nil, 0)
		keys := []string{""}
		type old struct {
			x    *Index[int]
			keys []string
		}
		var olds []old
		for n := 1; n < 300; n++ {
			key := fmt.Sprint(rng.IntN(100))
			if i, found := slices.BinarySearch(keys, key); found && (n > 150 || rng.IntN(2) == 0) {
				x, keys = x.Delete([]byte(key)), slices.Delete(slices.Clone(keys), i, i+1)
			} else if !found {
				x, keys = x.Insert([]byte(key), n), slices.Insert(slices.Clone(keys), i, key)
			}
			agrees(t, x, keys, fmt.Sprint(rng.IntN(120)))
			if n%50 == 0 {
				olds = append(olds, old{x, keys})
			}
		}
		for _, o := range olds {
			agrees(t, o.x, o.keys, "5")
		}
		var all [][]byte
		for _, k := range keys {
			all = append(all, []byte(k))
		}
		agrees(t, Build(3, all, make([]int, len(all))), keys, "44")
	}
}

func agrees(t *testing.T, x *Index[int], keys []string, probe string) {
	t.Helper()
	i, found := slices.BinarySearch(keys, probe)
	if x.Has([]byte(probe)) != found || x.Len() != len(keys) {
		t.Fatalf("Has(%s) is %v, Len %d of %d", probe, !found, x.Len(), len(keys))
	}
	low, _, ok := x.Before([]byte(probe))
	if ok != (i > 0) || ok && string(low) != keys[i-1] {
		t.Fatalf("Before(%s) is %q %v", probe, low, ok)
	}
	after := i
	if found {
		after++
	}
	if next, ok := x.After([]byte(probe)); ok != (after < len(keys)) || ok && string(next) != keys[after] {
		t.Fatalf("After(%s) is %q %v", probe, next, ok)
	}
	if !found {
		i--
	}
	if low, _ := x.Floor([]byte(probe)); string(low) != keys[i] {
		t.Fatalf("Floor(%s) is %q, want %q", probe, low, keys[i])
	}
	var got []string
	var before []byte
	x.All(func(key []byte, _ int) bool {
		if len(got) > 0 && bytes.Compare(before, key) >= 0 {
			t.Fatal("out of order")
		}
		got, before = append(got, string(key)), key
		return true
	})
	if !slices.Equal(got, keys) {
		t.Fatalf("%q, want %q", got, keys)
	}
	if depth(x.root) < 0 {
		t.Fatal("a node is too large, or leaves are not at one depth")
	}
}

// depth returns the depth of a node, -1 if its leaves differ.
func depth(n *node[int]) int {
	d := 0
	for i, kid := range n.kids {
		k := depth(kid)
		if k < 0 || i > 0 && k+1 != d {
			return -1
		}
		d = k + 1
	}
	return d
}
