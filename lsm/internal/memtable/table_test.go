package memtable

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// record is an entry of the model, a sorted slice.
type record struct {
	key   []byte
	tr    entry.Trailer
	value []byte
}

func find(model []record, key []byte, tr entry.Trailer) (int, bool) {
	return slices.BinarySearchFunc(model, tr, func(r record, tr entry.Trailer) int {
		return entry.Compare(r.key, r.tr, key, tr)
	})
}

func same(r record, key []byte, tr entry.Trailer, value []byte) bool {
	return bytes.Equal(r.key, key) && r.tr == tr && bytes.Equal(r.value, value)
}

// randomKey draws from few keys, so that there are many versions of each, and
// the empty one and prefixes of others are among them.
func randomKey(rng *rand.Rand) []byte {
	key := []byte("aaabab\x00\xffa")[rng.IntN(3):]
	return key[:rng.IntN(len(key)+1)]
}

func randomValue(rng *rand.Rand) []byte {
	size := rng.IntN(20)
	switch rng.IntN(200) {
	case 3, 4, 5, 6, 7:
		size = inlineValue - 5 + rng.IntN(10)
	case 0:
		size = rng.IntN(600 << 10)
	case 1, 2:
		size = rng.IntN(40 << 10)
	}
	v := make([]byte, size)
	for i := 0; i < size; i += 1 + i/8 {
		v[i] = byte(rng.Uint32())
	}
	return v
}

func randomTrailer(rng *rand.Rand) entry.Trailer {
	switch rng.IntN(20) {
	case 0:
		return entry.Newest
	case 1:
		return entry.Oldest
	}
	return entry.Trailer(rng.Uint64N(50)<<8 | rng.Uint64N(3))
}

func TestRandomOperationsAgreeWithAModel(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tab := New(seed)
		var in Inserter
		in.Init(tab)
		var model []record
		it := tab.NewIter()
		at := -1 // of the iterator in the model
		for range 3000 {
			key, tr := randomKey(rng), randomTrailer(rng)
			i, present := find(model, key, tr)
			var ok bool
			switch op := rng.IntN(12); op {
			case 0, 1:
				value := randomValue(rng)
				if op == 0 {
					tab.Add(key, tr, value)
				} else {
					in.Add(key, tr, value)
				}
				if !present {
					model = slices.Insert(model, i, record{bytes.Clone(key), tr, bytes.Clone(value)})
					if at >= i {
						at++
					}
				}
				clear(value)
				continue
			case 2, 3:
				gotTr, value, ok := tab.Get(key, tr)
				want := i < len(model) && bytes.Equal(model[i].key, key)
				if ok != want || ok && !same(model[i], key, gotTr, value) {
					t.Fatalf("seed %d: get %q at %v: %v %v, want %v", seed, key, tr, gotTr, ok, want)
				}
				continue
			case 4:
				ok, at = it.First(), 0
			case 5:
				ok, at = it.Last(), len(model)-1
			case 6:
				ok, at = it.SeekGE(key, tr), i
			case 7:
				ok, at = it.SeekLT(key, tr), i-1
			case 8, 9:
				if ok = it.Next(); at >= 0 {
					at++
				}
			default:
				ok = it.Prev()
				at = max(at-1, -1)
			}
			if at == len(model) {
				at = -1
			}
			if ok != (at >= 0) || ok != it.Valid() {
				t.Fatalf("seed %d: at an entry: %v, valid %v, want %d of %d", seed, ok, it.Valid(), at, len(model))
			}
			if ok && !same(model[at], it.Key(), it.Trailer(), it.Value()) {
				t.Fatalf("seed %d: at %q %v, want %q %v", seed, it.Key(), it.Trailer(), model[at].key, model[at].tr)
			}
		}
		check(t, tab, model)
		if it.Err() != nil || it.Close() != nil || it.Close() != nil {
			t.Fatal("an iterator failed")
		}
	}
}

// check compares a whole table with a model, and its accounts with its blocks.
func check(t *testing.T, tab *Table, model []record) {
	t.Helper()
	it := tab.NewIter()
	i := 0
	for ok := it.First(); ok; ok = it.Next() {
		if i == len(model) || !same(model[i], it.Key(), it.Trailer(), it.Value()) {
			t.Fatalf("entry %d of %d is %q %v", i, len(model), it.Key(), it.Trailer())
		}
		i++
	}
	if i != len(model) || tab.Len() != int64(i) || tab.Empty() != (i == 0) {
		t.Fatalf("%d entries, Len is %d, want %d", i, tab.Len(), len(model))
	}
	checkLevels(t, tab)
	checkAccounts(t, tab)
}

// checkLevels walks each level: it is sorted, and has the entries of its height.
func checkLevels(t *testing.T, tab *Table) {
	t.Helper()
	var want [maxHeight + 1]int
	for addr := tab.arena.node(head).next(0); addr != end; addr = tab.arena.node(addr).next(0) {
		want[tab.arena.node(addr).height()]++
	}
	for level := maxHeight - 1; level >= 0; level-- {
		want[level] += want[level+1]
		n, count := tab.arena.node(head), 0
		for addr := n.next(level); addr != end; addr = n.next(level) {
			next := tab.arena.node(addr)
			if count++; count > 1 && !n.before(next.key(), next.trailer()) {
				t.Fatalf("level %d: %q %v is before %q %v", level, n.key(), n.trailer(), next.key(), next.trailer())
			}
			n = next
		}
		if count != want[level+1] || count > 0 && int(tab.height.Load()) <= level {
			t.Fatalf("level %d of %d has %d entries, want %d", level, tab.height.Load(), count, want[level+1])
		}
	}
}

func whole8(bytes int64) int64 { return (bytes + 7) / 8 * 8 }

func checkAccounts(t *testing.T, tab *Table) {
	t.Helper()
	var blocks, entries int64
	for _, words := range *tab.arena.directory.Load() {
		blocks += 4 * int64(cap(words))
	}
	for addr := tab.arena.node(head).next(0); addr != end; {
		n := tab.arena.node(addr)
		value := int64(len(tab.arena.value(n)))
		entries += whole8(nodeSize(n.height(), len(n.key()), int(value)))
		if value > inlineValue {
			entries += whole8(value)
		}
		addr = n.next(0)
	}
	if tab.Bytes() != blocks || tab.Used() != entries {
		t.Fatalf("Bytes is %d, want %d; Used is %d, want %d", tab.Bytes(), blocks, tab.Used(), entries)
	}
}

func TestAnEmptyTableIsSmall(t *testing.T) {
	tab := New(1)
	if tab.Bytes() != 16<<10 || tab.Used() != 0 || tab.Len() != 0 || !tab.Empty() {
		t.Fatalf("%d bytes, %d used, %d entries", tab.Bytes(), tab.Used(), tab.Len())
	}
	it := tab.NewIter()
	if it.First() || it.Last() || it.Next() || it.Prev() || it.SeekGE(nil, entry.Newest) || it.SeekLT([]byte("z"), 0) {
		t.Fatal("an empty table has an entry")
	}
	if _, _, ok := tab.Get(nil, entry.Newest); ok {
		t.Fatal("an empty table has an entry")
	}
}

func TestTheFirstOfTwoEqualEntriesIsKept(t *testing.T) {
	tab := New(1)
	tr := entry.MakeTrailer(7, entry.Put)
	tab.Add([]byte("k"), tr, []byte("first"))
	used := tab.Used()
	tab.Add([]byte("k"), tr, []byte("second"))
	if _, v, ok := tab.Get([]byte("k"), tr); !ok || string(v) != "first" || tab.Len() != 1 || tab.Used() != used {
		t.Fatalf("%q %v, %d entries", v, ok, tab.Len())
	}
}

func TestBlocksGrowAndLargeEntriesHaveTheirOwn(t *testing.T) {
	tab := New(1)
	var model []record
	sizes := []int{0, 20 << 10, 1, 64<<10 - 100, 64 << 10, 300 << 10, 3 << 20, 5, 60 << 10, 250 << 10}
	for i, size := range append(sizes, slices.Repeat([]int{1000}, 2000)...) {
		r := record{fmt.Appendf(nil, "%05d", i), 256, bytes.Repeat([]byte{byte(i)}, size)}
		tab.Add(r.key, r.tr, r.value)
		model = append(model, r)
	}
	big := record{bytes.Repeat([]byte("x"), 1<<20), 256, nil}
	tab.Add(big.key, big.tr, big.value)
	check(t, tab, append(model, big))
	if waste := tab.Bytes() - tab.Used(); waste > 600<<10 {
		t.Fatalf("%d of %d bytes are not used", waste, tab.Bytes())
	}
}

// What Bytes counts is what the heap gives, but for the small things beside.
func TestBytesIsWhatTheHeapGives(t *testing.T) {
	key, value := make([]byte, 8), make([]byte, 70001)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tab := New(1)
	for i := range entry.Trailer(100) {
		tab.Add(key, 2*i, value)
		tab.Add(key, 2*i+1, value[:5000])
	}
	runtime.ReadMemStats(&after)
	got, want := int64(after.TotalAlloc-before.TotalAlloc), tab.Bytes()
	if got < want || got > want+32<<10 {
		t.Fatalf("the heap gave %d bytes, Bytes is %d", got, want)
	}
}

func TestTheSameSeedGivesTheSameTable(t *testing.T) {
	build := func(seed uint64) *Table {
		tab := New(seed)
		for i := range uint64(5000) {
			tab.Add(fmt.Appendf(nil, "%x", i*0x9e3779b97f4a7c15), entry.Trailer(i<<8), nil)
		}
		return tab
	}
	a, b, c := build(1), build(1), build(2)
	if a.Used() != b.Used() || a.Used() == c.Used() {
		t.Fatalf("%d, %d and %d bytes used", a.Used(), b.Used(), c.Used())
	}
}

func TestHeightsAreGeometric(t *testing.T) {
	tab := New(5)
	var counts [maxHeight + 1]int
	const n = 1 << 18
	for i := range int64(n) {
		counts[tab.draw(i)]++
	}
	for h, p := 1, 0.75; h <= 5; h, p = h+1, p/4 {
		if got := float64(counts[h]) / n; got < 0.9*p || got > 1.1*p {
			t.Fatalf("height %d has a share of %v, want %v", h, got, p)
		}
	}
}

func TestReadsDoNotAllocate(t *testing.T) {
	tab := New(1)
	for i := range 1000 {
		tab.Add(fmt.Appendf(nil, "%04d", i), 256, []byte("value"))
	}
	key := []byte("0500")
	var it Iter
	it.Init(tab)
	n := testing.AllocsPerRun(100, func() {
		tab.Get(key, entry.Newest)
		it.SeekGE(key, entry.Newest)
		it.Next()
		it.Prev()
		it.SeekLT(key, entry.Newest)
		it.Last()
		it.First()
	})
	if n != 0 {
		t.Fatalf("%v allocations", n)
	}
	n = testing.AllocsPerRun(100, func() { tab.Add(key, entry.Trailer(tab.Len()<<8), key) })
	if n != 0 {
		t.Fatalf("Add: %v allocations", n)
	}
}

// A table works up to the last address, and does not begin again at the first.
func TestAddressesEnd(t *testing.T) {
	tab := New(1)
	var model []record
	add := func(i int) {
		r := record{fmt.Appendf(nil, "%03d", i), 256, make([]byte, 100<<10)}
		tab.Add(r.key, r.tr, r.value)
		model = append(model, r)
	}
	add(0)
	blocks := make([][]uint32, maxBlocks-20)
	copy(blocks, *tab.arena.directory.Load())
	tab.arena.directory.Store(&blocks)
	for i := range 20 {
		add(1 + i)
	}
	check(t, tab, model)
	defer func() {
		if recover() == nil {
			t.Fatal("a table took more blocks than it has numbers for")
		}
	}()
	add(21)
}

// What an inserter remembers of the levels may be of different times: a level that
// it had to link twice knows of an entry that the one below does not.
func TestAnInserterLooksAgainAtHighLevels(t *testing.T) {
	for seed := range uint64(300) {
		tab := New(seed)
		var in Inserter
		in.Init(tab)
		in.Add([]byte("z"), 256, nil)
		in.Add([]byte("a"), 256, nil)
		tab.Add([]byte("m"), 256, nil)
		m, _ := tab.search([]byte("n"), 256)
		for level := 1; level < min(in.height, tab.arena.node(m).height()); level++ {
			in.next[level] = m
		}
		in.Add([]byte("t"), 256, nil)
		checkLevels(t, tab)
	}
}
