package version

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
)

const testSpace = 2000

// must returns v, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func memory(t testing.TB) kv.Store {
	t.Helper()
	s := must(ref.Open(context.Background(), nil))(t)
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

// scratchTree is a tree on a batch in memory.
func scratchTree(t testing.TB) (*Tree, *kv.IndexedBatch) {
	b := kv.NewIndexedBatch(memory(t), kv.Mergers{})
	return NewTree(b, testSpace, NewCache(64<<10), Secret{1}), b
}

// randomEdits returns sorted edits of keys below n.
func randomEdits(rng *rand.Rand, count, n int) []Edit {
	byKey := map[string]Edit{}
	for range count {
		key := fmt.Appendf(nil, "key%05d", rng.IntN(n))
		if rng.IntN(40) == 0 {
			key = append(key, strings.Repeat("x", rng.IntN(2500))...)
		}
		e := Edit{Key: key, Delete: rng.IntN(3) == 0}
		if !e.Delete {
			e.Value = fmt.Appendf(nil, "%d", rng.IntN(5))
			if rng.IntN(20) == 0 {
				e.Value = bytes.Repeat(e.Value, rng.IntN(900))
			}
		}
		byKey[string(key)] = e
	}
	edits := slices.Collect(maps.Values(byKey))
	slices.SortFunc(edits, func(a, b Edit) int { return bytes.Compare(a.Key, b.Key) })
	return edits
}

func apply(m map[string]string, edits []Edit) map[string]string {
	m = maps.Clone(m)
	for _, e := range edits {
		if e.Delete {
			delete(m, string(e.Key))
		} else {
			m[string(e.Key)] = string(e.Value)
		}
	}
	return m
}

// TestATreeAgreesWithAMapAtEachRoot applies random batches, sometimes to older
// roots, and asks every root every question.
func TestATreeAgreesWithAMapAtEachRoot(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			tree, batch := scratchTree(t)
			roots, models := []Root{{}}, []map[string]string{{}}
			for birth := CommitID(1); birth < 60; birth++ {
				from := rng.IntN(len(roots))
				if rng.IntN(3) > 0 {
					from = len(roots) - 1
				}
				edits := randomEdits(rng, 1+rng.IntN(1<<rng.IntN(10)), 50+rng.IntN(3000))
				c := tree.Change(batch, birth)
				root := must(c.Apply(roots[from], edits))(t)
				roots, models = append(roots, root), append(models, apply(models[from], edits))
				if c.Bytes > 0 && c.Set+int64(len(c.Removed)) == 0 {
					t.Fatal("nodes were written for nothing")
				}
			}
			for i, root := range roots {
				compareTree(t, rng, tree, root, models[i])
			}
		})
	}
}

func compareTree(t *testing.T, rng *rand.Rand, tree *Tree, root Root, model map[string]string) {
	t.Helper()
	check(t, tree.Check(root, nil))
	keys := slices.Sorted(maps.Keys(model))
	if int(root.Count) != len(keys) {
		t.Fatalf("%d entries, expected %d", root.Count, len(keys))
	}
	c := tree.Cursor(root)
	i := 0
	for ok := c.First(); ok; ok = c.Next() {
		v := must(c.Value())(t)
		if string(c.Key()) != keys[i] || string(v) != model[keys[i]] {
			t.Fatalf("entry %d is %q, expected %q", i, c.Key(), keys[i])
		}
		i++
	}
	for ok := c.Last(); ok; ok = c.Prev() {
		i--
		if string(c.Key()) != keys[i] {
			t.Fatalf("backward: %q, expected %q", c.Key(), keys[i])
		}
	}
	check(t, c.Err())
	if i != 0 {
		t.Fatal("the walks differ in length")
	}
	for range 40 {
		probe := fmt.Appendf(nil, "key%05d", rng.IntN(3100))
		if len(keys) > 0 && rng.IntN(2) == 0 {
			probe = []byte(keys[rng.IntN(len(keys))])
		}
		at, there := slices.BinarySearch(keys, string(probe))
		v, ok, err := tree.Get(root, probe)
		if err != nil || ok != there || ok && string(v) != model[string(probe)] {
			t.Fatal("get", string(probe), ok, there, err)
		}
		if rank := must(tree.Rank(root, probe))(t); int(rank) != at {
			t.Fatalf("rank of %q is %d, expected %d", probe, rank, at)
		}
		k, _, ok, err := tree.Select(root, uint64(at))
		if err != nil || ok != (at < len(keys)) || ok && string(k) != keys[at] {
			t.Fatal("select", at, ok, err)
		}
		compareSeeks(t, c, keys, probe, at, there)
	}
}

func compareSeeks(t *testing.T, c *TreeCursor, keys []string, probe []byte, at int, there bool) {
	t.Helper()
	want := func(what string, ok bool, i int) {
		t.Helper()
		if exists := i >= 0 && i < len(keys); ok != exists || ok && string(c.Key()) != keys[i] {
			t.Fatalf("%s %q: %v %q", what, probe, ok, c.Key())
		}
	}
	want("SeekGE", c.SeekGE(probe), at)
	want("SeekLT", c.SeekLT(probe), at-1)
	if there {
		want("SeekLE", c.SeekLE(probe), at)
	} else {
		want("SeekLE", c.SeekLE(probe), at-1)
	}
}

func TestTheFingerprintDependsOnTheEntriesAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	tree, batch := scratchTree(t)
	model := apply(nil2map(), randomEdits(rng, 3000, 3000))
	keys := slices.Sorted(maps.Keys(model))
	loaded := must(tree.Change(batch, 1).Load(func(yield func(k, v []byte) bool) {
		for _, k := range keys {
			if !yield([]byte(k), []byte(model[k])) {
				return
			}
		}
	}))(t)
	compareTree(t, rng, tree, loaded, model)
	var grown Root
	rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for i, k := range keys {
		grown = must(tree.Change(batch, CommitID(i+2)).Insert(grown, []byte(k), []byte(model[k])))(t)
	}
	if !grown.Same(loaded) {
		t.Fatal("one content, two fingerprints")
	}
	less := must(tree.Change(batch, 9000).Remove(grown, []byte(keys[0])))(t)
	if less.Same(loaded) {
		t.Fatal("two contents, one fingerprint")
	}
	for i, k := range keys {
		grown = must(tree.Change(batch, CommitID(i+10000)).Remove(grown, []byte(k)))(t)
	}
	if grown != (Root{}) {
		t.Fatal("an emptied tree is not the empty tree", grown)
	}
}

func nil2map() map[string]string { return map[string]string{} }

// TestAChangeKnowsTheNodesItReplaces holds Dead against what is in both trees.
func TestAChangeKnowsTheNodesItReplaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	tree, batch := scratchTree(t)
	var root Root
	for birth := CommitID(1); birth < 80; birth++ {
		c := tree.Change(batch, birth)
		next := must(c.Apply(root, randomEdits(rng, 1+rng.IntN(300), 2000)))(t)
		before, after := nodesOf(t, tree, root), nodesOf(t, tree, next)
		dead := map[NodeID]bool{}
		for _, id := range c.Dead {
			dead[id] = true
		}
		for id := range before {
			if after[id] == dead[id] {
				t.Fatalf("birth %d: node %s in the new tree: %v, dead: %v", birth, id, after[id], dead[id])
			}
		}
		born := 0
		for id := range after {
			if !before[id] {
				born++
			}
		}
		if int64(born) != c.Nodes || len(dead) != len(c.Dead) {
			t.Fatalf("birth %d: %d nodes written, %d are in the tree", birth, c.Nodes, born)
		}
		root = next
	}
}

func nodesOf(t *testing.T, tree *Tree, root Root) map[NodeID]bool {
	t.Helper()
	set := map[NodeID]bool{}
	check(t, tree.Check(root, func(id NodeID) bool { set[id] = true; return true }))
	return set
}

// TestACommitOfScatteredEditsWritesLittle counts the bytes of nodes per edit.
func TestACommitOfScatteredEditsWritesLittle(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	tree, batch := scratchTree(t)
	const n = 100_000
	root := must(tree.Change(batch, 1).Load(func(yield func(k, v []byte) bool) {
		for i := range n {
			if !yield(fmt.Appendf(nil, "%016d", i), []byte("a value of 20 bytes.")) {
				return
			}
		}
	}))(t)
	for birth := CommitID(2); birth < 12; birth++ {
		byKey := map[string]Edit{}
		for len(byKey) < 1000 {
			k := fmt.Sprintf("%016d", rng.IntN(n))
			byKey[k] = Edit{Key: []byte(k), Value: fmt.Appendf(nil, "changed by %09d", birth)}
		}
		edits := slices.Collect(maps.Values(byKey))
		slices.SortFunc(edits, func(a, b Edit) int { return bytes.Compare(a.Key, b.Key) })
		c := tree.Change(batch, birth)
		root = must(c.Apply(root, edits))(t)
		if per := c.Bytes / 1000; per > 2560 {
			t.Fatalf("%d bytes of nodes per edit, at most 2.5 KiB are allowed", per)
		} else if birth == 11 {
			t.Logf("%d bytes of nodes per edit, height %d", per, root.Height)
		}
	}
}

func TestUnsortedEditsAreRefused(t *testing.T) {
	tree, batch := scratchTree(t)
	twice := []Edit{{Key: []byte("a")}, {Key: []byte("a")}}
	if _, err := tree.Change(batch, 1).Apply(Root{}, twice); !errors.Is(err, errUnsorted) {
		t.Fatal(err)
	}
}

func TestLongKeysDoNotBreakTheTree(t *testing.T) {
	tree, batch := scratchTree(t)
	var root Root
	for i := range 60 {
		key := append(bytes.Repeat([]byte("k"), 5000), byte(i))
		root = must(tree.Change(batch, CommitID(i+1)).Insert(root, key, key))(t)
	}
	check(t, tree.Check(root, nil))
	if root.Count != 60 {
		t.Fatal(root)
	}
}

// TestEachDamagedByteOfANodeIsNoticed flips every bit of stored nodes.
func TestEachDamagedByteOfANodeIsNoticed(t *testing.T) {
	tree, batch := scratchTree(t)
	root := must(tree.Change(batch, 1).Apply(Root{}, randomEdits(rand.New(rand.NewPCG(1, 2)), 200, 3000)))(t)
	for id := range nodesOf(t, tree, root) {
		data := must(tree.read(id))(t)
		for i := range data {
			bad := bytes.Clone(data)
			bad[i] ^= 1 << (i % 8)
			_, err := decodeNode(id, bad)
			_, err2 := decodeValue(id, bad)
			if err == nil || err2 == nil {
				t.Fatalf("node %s: byte %d of %d", id, i, len(data))
			}
		}
		if _, err := decodeNode(NodeID{id.Birth, id.Seq + 1}, data); err == nil {
			t.Fatal("a misplaced node was accepted")
		}
	}
	// One that is missing is named.
	batch.Delete(appendNodeKey(nil, testSpace, root.Node))
	_, _, err := NewTree(batch, testSpace, NewCache(0), Secret{1}).Get(root, []byte("key"))
	var damage *kv.CorruptionError
	if !errors.As(err, &damage) || !strings.Contains(damage.File, root.Node.String()) {
		t.Fatal(err)
	}
}

func FuzzDecodeNode(f *testing.F) {
	tree, batch := scratchTree(f)
	root, err := tree.Change(batch, 1).Apply(Root{}, randomEdits(rand.New(rand.NewPCG(1, 2)), 300, 3000))
	check(f, err)
	check(f, tree.Check(root, func(id NodeID) bool {
		data, err := tree.read(id)
		check(f, err)
		f.Add(data[:len(data)-4])
		return true
	}))
	f.Fuzz(func(t *testing.T, body []byte) {
		id := NodeID{1, 1}
		data := seal(id, bytes.Clone(body))
		decodeValue(id, data)
		n, err := decodeNode(id, data)
		if err != nil {
			return
		}
		if n.memory() > 6*len(data)+1024 {
			t.Fatalf("%d bytes decode to %d", len(data), n.memory())
		}
		for i := range n.len() {
			if j, found := n.search(n.key(i)); !found || j != i {
				t.Fatal("entry", i, "is not found")
			}
			if n.leaf() {
				n.entry(i)
			} else {
				n.kid(i)
			}
		}
	})
}
