package lsm

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
)

// interval collects the least and the greatest of the numbers that values begin
// with.
type interval struct{ block, table struct{ min, max uint64 } }

func newInterval() BlockCollector {
	v := &interval{}
	v.block.min, v.table.min = ^uint64(0), ^uint64(0)
	return v
}

func (v *interval) Add(_, value []byte) {
	n := binary.BigEndian.Uint64(value)
	v.block.min, v.block.max = min(v.block.min, n), max(v.block.max, n)
}

func (v *interval) FinishBlock(dst []byte) []byte {
	b := v.block
	v.table.min, v.table.max = min(v.table.min, b.min), max(v.table.max, b.max)
	v.block.min, v.block.max = ^uint64(0), 0
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, b.min), b.max)
}

func (v *interval) FinishTable(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, v.table.min), v.table.max)
}

// wants filters blocks with a number from least to greatest.
func wants(least, greatest uint64) BlockFilter {
	return BlockFilter{Property: "time", Wants: func(p []byte) bool {
		return binary.BigEndian.Uint64(p) <= greatest && binary.BigEndian.Uint64(p[8:]) >= least
	}}
}

func timed(n uint64, rest string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, n), rest...)
}

var timeProperty = []BlockProperty{{Name: "time", New: newInterval}}

func TestBlocksThatAreNotWantedAreNotRead(t *testing.T) {
	s := open(t, Options{BlockProperties: timeProperty, BlockSize: 512, TargetFile: 20_000})
	apply(t, s, func(b *kv.Batch) {
		for i := range 10_000 {
			b.Put(fmt.Appendf(nil, "k%06d", i), timed(uint64(i), "some more"))
		}
	})
	compact(t, s)
	if n := levels(s)[6]; n < 5 {
		t.Fatal(n, "tables")
	}
	read := func(walk func(kv.Iterator) int, filters ...BlockFilter) (entries int, blocks int64) {
		before := s.readers.cache.Stats()
		it := s.IterBlocks(kv.IterOptions{NoFill: true}, filters...)
		entries = walk(it)
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
		return entries, s.readers.cache.Stats().Misses - before.Misses
	}
	forward := func(it kv.Iterator) (n int) {
		for ok := it.First(); ok; ok = it.Next() {
			n++
		}
		return n
	}
	backward := func(it kv.Iterator) (n int) {
		for ok := it.Last(); ok; ok = it.Prev() {
			n++
		}
		return n
	}
	for name, walk := range map[string]func(kv.Iterator) int{"forward": forward, "backward": backward} {
		all, most := read(walk)
		few, least := read(walk, wants(5000, 5099))
		none, nothing := read(walk, wants(50_000, 60_000))
		t.Logf("%s: %d entries of %d blocks, %d of %d, %d of %d", name, all, most, few, least, none, nothing)
		if all != 10_000 || few < 100 || few > 1000 || least*5 > most || nothing*5 > most {
			t.Errorf("%s: %d entries of %d blocks, %d of %d, %d of %d", name, all, most, few, least, none, nothing)
		}
	}
}

// Whatever is passed over, nothing is shown that is not there, and everything
// that is wanted.
func TestPassingOverBlocksShowsNothingOld(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := open(t, Options{BlockProperties: timeProperty, WriteBuffer: 2000, L0Trigger: 2, LevelBase: 4000, LevelMultiplier: 2, TargetFile: 1500, BlockSize: 150})
		content := map[string][]byte{}
		var snap kv.Snapshot
		var then map[string][]byte
		for range 150 {
			apply(t, s, func(b *kv.Batch) {
				for range 8 {
					key := fmt.Sprintf("k%03d", rng.IntN(400))
					switch rng.IntN(15) {
					case 0:
						b.Delete([]byte(key))
						delete(content, key)
					case 1:
						end := fmt.Sprintf("k%03d", rng.IntN(400))
						b.DeleteRange([]byte(key), []byte(end))
						maps.DeleteFunc(content, func(o string, _ []byte) bool { return o >= key && o < end })
					default:
						content[key] = timed(uint64(rng.IntN(1000)), fmt.Sprint(rng.Uint64()))
						b.Put([]byte(key), content[key])
					}
				}
			})
			if rng.IntN(20) == 0 {
				compact(t, s)
			}
			if snap == nil && rng.IntN(30) == 0 {
				snap, then = mustSnapshot(t, s), maps.Clone(content)
			}
			least := uint64(rng.IntN(1000))
			checkWanted(t, s, content, least, least+100)
			if snap != nil {
				checkWanted(t, snap.(BlockIterator), then, least, least+100)
			}
		}
		if snap != nil {
			snap.Close()
		}
	}
}

func mustSnapshot(t *testing.T, s *Store) kv.Snapshot {
	t.Helper()
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func checkWanted(t *testing.T, r BlockIterator, content map[string][]byte, least, greatest uint64) {
	t.Helper()
	it := r.IterBlocks(kv.IterOptions{}, wants(least, greatest))
	defer it.Close()
	var there []string
	for ok := it.First(); ok; ok = it.Next() {
		there = append(there, string(it.Key()))
		if want, ok := content[there[len(there)-1]]; !ok || string(want) != string(it.Value()) {
			t.Fatalf("%s is shown with %q, it holds %q", it.Key(), it.Value(), want)
		}
	}
	var back []string
	for ok := it.Last(); ok; ok = it.Prev() {
		back = append(back, string(it.Key()))
		if want, ok := content[back[len(back)-1]]; !ok || string(want) != string(it.Value()) {
			t.Fatalf("backward %s is shown with %q, it holds %q", it.Key(), it.Value(), want)
		}
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	for key, val := range content {
		if n := binary.BigEndian.Uint64(val); n >= least && n <= greatest && (!slices.Contains(there, key) || !slices.Contains(back, key)) {
			t.Fatalf("%s is not shown", key)
		}
	}
}

func TestABlockPropertyNeedsANameOfItsOwn(t *testing.T) {
	for _, list := range [][]BlockProperty{{{Name: "", New: newInterval}}, {{Name: "a"}}, {{Name: "a", New: newInterval}, {Name: "a", New: newInterval}}} {
		if err := (&Options{BlockProperties: list}).Validate(); err == nil {
			t.Errorf("%v", list)
		}
	}
}
