package version

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestADiffIsWhatTwoMapsDifferIn compares random pairs of roots, related by
// steps, by branches, and not at all.
func TestADiffIsWhatTwoMapsDifferIn(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 2))
		tree, batch := scratchTree(t)
		roots, models := []Root{{}, {}}, []map[string]string{{}, {}}
		for birth := CommitID(1); birth < 40; birth++ {
			from := rng.IntN(len(roots))
			edits := randomEdits(rng, 1+rng.IntN(400), 2000)
			root := must(tree.Change(batch, birth).Apply(roots[from], edits))(t)
			roots, models = append(roots, root), append(models, apply(models[from], edits))
		}
		for range 50 {
			i, j := rng.IntN(len(roots)), rng.IntN(len(roots))
			got := map[string]string{}
			last := ""
			d := must(tree.diff(roots[i], roots[j]))(t)
			for {
				x, ok, err := d.next()
				check(t, err)
				if !ok {
					break
				}
				if string(x.key) <= last {
					t.Fatalf("seed %d: %q after %q", seed, x.key, last)
				}
				last = string(x.key)
				got[last] = side2text(t, tree, x.old) + "→" + side2text(t, tree, x.new)
			}
			if want := mapDiff(models[i], models[j]); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: from %d to %d: %v\nexpected %v", seed, i, j, got, want)
			}
			compareUnshared(t, tree, roots[i], roots[j])
		}
	}
}

func side2text(t *testing.T, tree *Tree, e entry) string {
	if e.key == nil {
		return "-"
	}
	return string(must(tree.value(&e))(t))
}

func mapDiff(a, b map[string]string) map[string]string {
	diff := map[string]string{}
	for k, v := range a {
		if w, ok := b[k]; !ok {
			diff[k] = v + "→-"
		} else if v != w {
			diff[k] = v + "→" + w
		}
	}
	for k, w := range b {
		if _, ok := a[k]; !ok {
			diff[k] = "-→" + w
		}
	}
	return diff
}

func compareUnshared(t *testing.T, tree *Tree, a, b Root) {
	t.Helper()
	inA, inB := nodesOf(t, tree, a), nodesOf(t, tree, b)
	lost := map[NodeID]bool{}
	check(t, tree.unshared(a, b, func(id NodeID) {
		if lost[id] || inB[id] || !inA[id] {
			t.Fatalf("node %s: told twice: %v, in a: %v, in b: %v", id, lost[id], inA[id], inB[id])
		}
		lost[id] = true
	}))
	for id := range inA {
		if !inB[id] && !lost[id] {
			t.Fatalf("node %s is not in b and was not told", id)
		}
	}
}

// TestADiffTouchesWhatChanged counts the nodes that are read.
func TestADiffTouchesWhatChanged(t *testing.T) {
	tree, batch := scratchTree(t)
	load := func(yield func(k, v []byte) bool) {
		for i := range 100_000 {
			if !yield(fmt.Appendf(nil, "%016d", i), []byte("value")) {
				return
			}
		}
	}
	a := must(tree.Change(batch, 1).Load(load))(t)
	var edits []Edit
	for i := range 10 {
		edits = append(edits, Edit{Key: fmt.Appendf(nil, "%016d", i*9999), Value: []byte("new")})
	}
	b := must(tree.Change(batch, 2).Apply(a, edits))(t)
	reads := &countingReader{Reader: batch}
	cold := NewTree(reads, testSpace, NewCache(0), Secret{1})
	d := must(cold.diff(a, b))(t)
	n := 0
	for {
		_, ok, err := d.next()
		check(t, err)
		if !ok {
			break
		}
		n++
	}
	if n != 10 || reads.gets > 2*10*int(a.Height+1) {
		t.Fatalf("%d differences, %d nodes read", n, reads.gets)
	}
}
