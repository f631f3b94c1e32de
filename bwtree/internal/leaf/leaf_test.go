package leaf

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/varvedb/varve/kv"
)

// model is all versions ever written.
type model []*Delta

// get returns what a key held at a number, by the definition.
func (m model) get(key []byte, at kv.Seq) (val []byte, ok bool) {
	sorted := slices.Clone(m)
	slices.SortFunc(sorted, func(a, b *Delta) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, d := range sorted {
		switch {
		case d.Seq > at:
		case d.covers(key), d.Kind == kv.OpDelete && bytes.Equal(d.Key, key):
			val, ok = nil, false
		case !bytes.Equal(d.Key, key) || d.Kind == kv.OpDeleteRange:
		case d.Kind == kv.OpPut:
			val, ok = d.Value, true
		case d.Kind == kv.OpMerge:
			val, _ = kv.Mergers{}.Merge(d.Merger, nil, val, ok, d.Value)
			ok = true
		}
	}
	return val, ok
}

func randomDelta(rng *rand.Rand, seq kv.Seq) *Delta {
	key := func() []byte {
		return []byte([]string{"", "p", "pre", "prefix", "prefixe", "prefixed", "prefix\x00", "prefix\x00\x00", "q", "prefixlong"}[rng.IntN(10)])
	}
	d := &Delta{Seq: seq, Key: key()}
	switch rng.IntN(8) {
	case 0, 1:
		d.Kind = kv.OpDelete
	case 2:
		d.Kind, d.Value = kv.OpDeleteRange, key()
		if len(d.Value) == 0 {
			d.Value = nil
		}
	case 3, 4:
		d.Kind, d.Merger, d.Value = kv.OpMerge, kv.MergeAdd, kv.AppendAdd(nil, int64(seq))
	default:
		d.Kind, d.Value = kv.OpPut, kv.AppendAdd(nil, int64(1000*seq))
	}
	return d
}

// same checks that leaves hold what the model says at a number.
func same(t *testing.T, leaves []*Leaf, m model, at kv.Seq) {
	t.Helper()
	var all []Entry
	var w Walk
	for _, l := range leaves {
		list, err := l.Entries(nil, &w, at, kv.Mergers{}, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			all = append(all, Entry{bytes.Clone(e.Key), e.Value})
		}
	}
	n := 0
	for _, k := range []string{"", "p", "pre", "prefix", "prefix\x00", "prefix\x00\x00", "prefixe", "prefixed", "prefixlong", "q"} {
		key := []byte(k)
		want, there := m.get(key, at)
		i := slices.IndexFunc(leaves, func(l *Leaf) bool { return l.Holds(key) })
		got, ok, err := leaves[i].Get(key, at, kv.Mergers{}, nil)
		if err != nil || ok != there || !bytes.Equal(got, want) || leaves[i].Has(key, at) != there {
			t.Fatalf("%q at %d is %x %v %v, want %x %v", k, at, got, ok, err, want, there)
		}
		if there {
			if n >= len(all) || !bytes.Equal(all[n].Key, key) || !bytes.Equal(all[n].Value, want) {
				t.Fatalf("entry %d at %d is not %q: %q", n, at, k, all)
			}
			n++
		}
	}
	if n != len(all) {
		t.Fatalf("%d entries at %d, want %d", len(all), at, n)
	}
}

func TestAnyConsolidationsKeepWhatSomebodyReads(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		leaves := []*Leaf{New(Empty(), 1+rng.IntN(5))}
		var m model
		states := []kv.Seq{}
		lim := Limits{Keys: 1 + rng.IntN(8), Bytes: 1 << 20}
		for seq := kv.Seq(1); seq < 60; seq++ {
			d := randomDelta(rng, seq)
			m = append(m, d)
			leaves = put(leaves, d, Horizon{Cut: seq - 1 - kv.Seq(rng.IntN(int(min(seq, 3)))), States: states}, lim, rng)
			if len(leaves) > 1 && rng.IntN(3) == 0 {
				leaves = absorb(leaves, rng.IntN(len(leaves)-1), Horizon{Cut: seq, States: states})
			}
			if rng.IntN(6) == 0 {
				states = append(slices.Clone(states), seq)
			}
			if len(states) > 0 && rng.IntN(8) == 0 {
				i := rng.IntN(len(states))
				states = slices.Delete(slices.Clone(states), i, i+1)
			}
			for _, at := range append(slices.Clone(states), seq) {
				same(t, leaves, m, at)
			}
			for _, l := range leaves {
				if _, err := Decode(l.base.data); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		}
		for _, at := range states {
			var at2 []*Leaf
			for _, l := range leaves {
				at2 = append(at2, New(l.At(l.base.low, at, kv.Mergers{}), 1))
			}
			same(t, at2, m, at)
		}
	}
}

// absorb makes one of two neighbours.
func absorb(leaves []*Leaf, i int, h Horizon) []*Leaf {
	leaves[i].Seal()
	leaves[i+1].Seal()
	r := leaves[i].Absorb(leaves[i+1], h, kv.Mergers{})
	return slices.Replace(slices.Clone(leaves), i, i+2, New(r.Left, len(leaves[i].slots)))
}

// put adds a delta to all leaves that it concerns, and consolidates full ones.
func put(leaves []*Leaf, d *Delta, h Horizon, lim Limits, rng *rand.Rand) (after []*Leaf) {
	h.States = slices.DeleteFunc(slices.Clone(h.States), func(s kv.Seq) bool { return s > h.Cut })
	done := false
	for _, l := range leaves {
		concerns := l.Holds(d.Key) && !done && bytes.Compare(d.Key, l.base.low) >= 0
		if d.Kind == kv.OpDeleteRange {
			concerns = overlap(d.span(), kv.Span{Start: l.base.low, End: l.base.high})
		}
		if !concerns || l.Add(d) {
			after = append(after, l)
			continue
		}
		r := l.Consolidate(d, h, kv.Mergers{}, lim)
		after = append(after, New(r.Left, len(l.slots)))
		if r.Right != nil {
			after = append(after, New(r.Right, len(l.slots)))
		}
	}
	return after
}

func TestNothingIsDroppedWhileASnapshotIsOpening(t *testing.T) {
	l := New(Empty(), 3)
	for seq := kv.Seq(1); seq <= 3; seq++ {
		l.Add(&Delta{Seq: seq, Kind: kv.OpPut, Key: []byte("k"), Value: []byte{byte(seq)}})
	}
	l.Seal()
	if r := l.Consolidate(nil, Horizon{Cut: 3, Held: true}, kv.Mergers{}, Limits{100, 1 << 20}); r.Left.Len() != 3 {
		t.Fatal(r.Left.Len())
	}
	if r := l.Consolidate(nil, Horizon{Cut: 3, States: []kv.Seq{2}}, kv.Mergers{}, Limits{100, 1 << 20}); r.Left.Len() != 2 {
		t.Fatal(r.Left.Len())
	}
}

func TestAForgottenDeletionIsReported(t *testing.T) {
	l := New(Empty(), 3)
	l.Add(&Delta{Seq: 1, Kind: kv.OpPut, Key: []byte("k"), Value: []byte("v")})
	l.Add(&Delta{Seq: 2, Kind: kv.OpDelete, Key: []byte("k")})
	l.Seal()
	r := l.Consolidate(nil, Horizon{Cut: 2}, kv.Mergers{}, Limits{100, 1 << 20})
	if r.Left.Len() != 0 || r.Forgotten != 2 {
		t.Fatal(r.Left.Len(), r.Forgotten)
	}
	r = l.Consolidate(nil, Horizon{Cut: 2, States: []kv.Seq{1}}, kv.Mergers{}, Limits{100, 1 << 20})
	if seq, ok := New(r.Left, 1).WrittenAfter([]byte("k"), 1, 100); !ok || seq != 2 || r.Forgotten != 0 {
		t.Fatal("the deletion was forgotten although a snapshot is older")
	}
}

// A write that was consolidated and published must not come back as it is carried
// by somebody who was slow.
func TestALateCarriedWriteIsNotTaken(t *testing.T) {
	l := New(Empty(), 2)
	d := &Delta{Seq: 1, Kind: kv.OpPut, Key: []byte("k"), Value: []byte("v")}
	l.Add(d)
	l.Add(&Delta{Seq: 2, Kind: kv.OpDelete, Key: []byte("k")})
	l.Seal()
	next := New(l.Consolidate(nil, Horizon{Cut: 2}, kv.Mergers{}, Limits{100, 1 << 20}).Left, 2)
	next.Seal()
	if r := next.Consolidate(d, Horizon{Cut: 3}, kv.Mergers{}, Limits{100, 1 << 20}); r.Left.Len() != 0 {
		t.Fatal("it is there again")
	}
}

func TestConcurrentAddsAreThereOrRefused(t *testing.T) {
	for range 200 {
		l := New(Empty(), 8)
		var wait sync.WaitGroup
		added := make([]bool, 12)
		for i := range added {
			wait.Go(func() {
				added[i] = l.Add(&Delta{Seq: kv.Seq(i + 1), Kind: kv.OpPut, Key: fmt.Append(nil, i), Value: []byte{1}})
			})
		}
		wait.Go(func() { l.Seal(); l.kill() })
		wait.Wait()
		r := l.Consolidate(nil, Horizon{}, kv.Mergers{}, Limits{100, 1 << 20})
		next := New(r.Left, 1)
		for i, ok := range added {
			if next.Has(fmt.Append(nil, i), 1000) != ok {
				t.Fatalf("delta %d: added is %v", i, ok)
			}
		}
	}
}

func TestAGetAllocatesNothing(t *testing.T) {
	l := New(Empty(), 32)
	for i := range 32 {
		l.Add(&Delta{Seq: kv.Seq(i + 1), Kind: kv.OpPut, Key: fmt.Appendf(nil, "key %d", i), Value: make([]byte, 100)})
	}
	l.Seal()
	next := New(l.Consolidate(nil, Horizon{Cut: 100}, kv.Mergers{}, Limits{100, 1 << 20}).Left, 8)
	next.Add(&Delta{Seq: 200, Kind: kv.OpPut, Key: []byte("key 3"), Value: make([]byte, 100)})
	buf, key := make([]byte, 0, 200), []byte("key 17")
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok, err := next.Get(key, 300, kv.Mergers{}, buf); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	l := New(Empty(), 3)
	l.Add(&Delta{Seq: 1, Kind: kv.OpPut, Key: []byte("prefix a"), Value: []byte("v")})
	l.Add(&Delta{Seq: 200, Kind: kv.OpMerge, Merger: 300, Key: []byte("prefix b"), Value: []byte("op")})
	l.Add(&Delta{Seq: 300, Kind: kv.OpDelete, Key: []byte("prefix b")})
	l.Seal()
	f.Add(l.Consolidate(nil, Horizon{Held: true}, kv.Mergers{}, Limits{100, 1 << 20}).Left.data)
	f.Add(Empty().data)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		l := New(m, 2)
		var w Walk
		list, err := l.Entries(nil, &w, ^kv.Seq(0), kv.Mergers{}, true)
		if err != nil || len(list) > m.Len() {
			t.Fatal(len(list), err)
		}
		for _, e := range list {
			if !l.Has(e.Key, ^kv.Seq(0)) {
				t.Fatalf("%q is not found", e.Key)
			}
		}
		l.AnyAfter(kv.Span{}, 0, 1<<40)
		l.Seal()
		l.Consolidate(nil, Horizon{Cut: ^kv.Seq(0)}, kv.Mergers{}, Limits{4, 100})
	})
}
