package lsm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

func TestAnOpenIteratorKeepsNoMemtableThatWasFlushed(t *testing.T) {
	s := open(t, Options{})
	for i := range 1000 {
		put(t, s, fmt.Sprintf("k%03d", i), strings.Repeat("v", 100))
	}
	unmoved, first, last := s.Iter(kv.IterOptions{}), s.Iter(kv.IterOptions{}), s.Iter(kv.IterOptions{KeysOnly: true})
	defer unmoved.Close()
	defer first.Close()
	defer last.Close()
	if !first.First() || len(first.Value()) != 100 || !last.Last() {
		t.Fatal(first.Err(), last.Err())
	}
	table := weak.Make(s.active.points)
	block := weak.Make(s.active)
	flush(t, s)
	for tries := 0; table.Value() != nil || block.Value() != nil; tries++ {
		if tries == 100 {
			t.Fatal("the memtable is kept")
		}
		time.Sleep(time.Millisecond) // the flush may still be returning
		runtime.GC()
	}
	put(t, s, "a", "too new")
	put(t, s, "k001", "too new")
	if !unmoved.First() || string(unmoved.Key()) != "k000" {
		t.Errorf("at %q: %v", unmoved.Key(), unmoved.Err())
	}
	if !first.Next() || string(first.Key()) != "k001" || len(first.Value()) != 100 {
		t.Errorf("at %q: %v", first.Key(), first.Err())
	}
	if !last.Prev() || string(last.Key()) != "k998" {
		t.Errorf("at %q: %v", last.Key(), last.Err())
	}
}

func TestAnIteratorThatMovesLetsOldTablesGo(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, Options{Dir: "db", FS: disk})
	put(t, s, "a", "1")
	put(t, s, "b", "1")
	flush(t, s)
	it := s.Iter(kv.IterOptions{})
	defer it.Close()
	it.First()
	for i := range 5 {
		put(t, s, "b", fmt.Sprint(i))
		flush(t, s)
		compact(t, s)
	}
	s.tasks.Wait()
	before := tableFiles(t, disk)
	if !it.Next() || string(it.Key())+string(it.Value()) != "b1" {
		t.Fatalf("at %q, %q: %v", it.Key(), it.Value(), it.Err())
	}
	s.tasks.Wait()
	if after := tableFiles(t, disk); after >= before || after != int64(s.version().NumFiles()) {
		t.Errorf("%d tables, %d before, %d are needed", after, before, s.version().NumFiles())
	}
}

func tableFiles(t *testing.T, disk *vfs.Mem) (n int64) {
	t.Helper()
	names, err := disk.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := tableNumber(name); ok {
			n++
		}
	}
	return n
}

// Everything that changes under open iterators is small here, so that it changes
// often.
func TestIteratorsStandWhileEverythingChangesUnderThem(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := open(t, Options{WriteBuffer: 2000, L0Trigger: 2, LevelBase: 4000, LevelMultiplier: 2, TargetFile: 2000,
			BlockSize: 200 << (seed % 2 * 5), Memory: minMemory}) // large blocks leave room for few gears
		content := map[string]string{}
		var iters []*watchedIter
		for range 600 {
			changeAtRandom(t, s, rng, content)
			if len(iters) < 10 {
				iters = append(iters, watch(s, content))
			}
			w := iters[rng.IntN(len(iters))]
			if err := w.moveAtRandom(rng); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if rng.IntN(30) == 0 {
				if err := w.it.Close(); err != nil {
					t.Fatal(err)
				}
				iters = slices.DeleteFunc(iters, func(o *watchedIter) bool { return o == w })
			}
		}
		for _, w := range iters {
			w.it.Close()
		}
	}
}

func changeAtRandom(t *testing.T, s *Store, rng *rand.Rand, content map[string]string) {
	t.Helper()
	key := func() string { return fmt.Sprintf("k%03d", rng.IntN(300)) }
	apply(t, s, func(b *kv.Batch) {
		for range 1 + rng.IntN(5) {
			k := key()
			switch rng.IntN(12) {
			case 0:
				end := key()
				b.DeleteRange([]byte(k), []byte(end))
				maps.DeleteFunc(content, func(o, _ string) bool { return o >= k && o < end })
			case 1, 2:
				b.Delete([]byte(k))
				delete(content, k)
			case 3, 4:
				operand := fmt.Sprint(rng.IntN(1000))
				b.Merge(kv.MergeMax, []byte(k), []byte(operand))
				content[k] = max(content[k], operand)
			default:
				content[k] = fmt.Sprint(rng.Uint64())
				b.Put([]byte(k), []byte(content[k]))
			}
		}
	})
	if rng.IntN(100) == 0 {
		compact(t, s)
	}
}

// watchedIter is an iterator and what it must show.
type watchedIter struct {
	it   kv.Iterator
	keys []string
	vals map[string]string
	at   int // in keys; -1 and beyond the end are nowhere
}

func watch(s *Store, content map[string]string) *watchedIter {
	return &watchedIter{it: s.Iter(kv.IterOptions{}), keys: slices.Sorted(maps.Keys(content)), vals: maps.Clone(content), at: -1}
}

func (w *watchedIter) moveAtRandom(rng *rand.Rand) error {
	key := fmt.Sprintf("k%03d", rng.IntN(300))
	at, exact := slices.BinarySearch(w.keys, key)
	nowhere := w.at < 0 || w.at >= len(w.keys)
	switch move := rng.IntN(8); {
	case move == 0:
		w.it.First()
		w.at = 0
	case move == 1:
		w.it.Last()
		w.at = len(w.keys) - 1
	case move == 2:
		w.it.SeekGE([]byte(key))
		w.at = at
	case move == 3:
		w.it.SeekLE([]byte(key))
		if w.at = at; !exact {
			w.at = at - 1
		}
	case move < 6:
		if w.it.Next(); !nowhere {
			w.at++
		}
	default:
		if w.it.Prev(); !nowhere {
			w.at--
		}
	}
	return w.check(rng.IntN(2) == 0)
}

func (w *watchedIter) check(value bool) error {
	want := ""
	if w.at >= 0 && w.at < len(w.keys) {
		want = w.keys[w.at]
	}
	if string(w.it.Key()) != want || value && string(w.it.Value()) != w.vals[want] {
		return fmt.Errorf("at %q: %q, want %q: %q; %w", w.it.Key(), w.it.Value(), want, w.vals[want], w.it.Err())
	}
	return w.it.Err()
}

func TestManyOpenIteratorsMoveWithFewGears(t *testing.T) {
	s := open(t, Options{Memory: minMemory, L0Trigger: 100})
	const tables, keys, walks = 5, 50, 40
	for i := range tables {
		for k := range keys {
			put(t, s, fmt.Sprintf("k%03d", k), fmt.Sprint(i))
		}
		flush(t, s)
	}
	var iters []kv.Iterator
	for range walks {
		it := s.Iter(kv.IterOptions{})
		defer it.Close()
		iters = append(iters, it)
	}
	for k := range keys {
		for i, it := range iters {
			if it.Next(); k == 0 {
				it.First()
			}
			if string(it.Key()) != fmt.Sprintf("k%03d", k) || string(it.Value()) != fmt.Sprint(tables-1) {
				t.Fatalf("walk %d at %q, %q instead of key %d: %v", i, it.Key(), it.Value(), k, it.Err())
			}
		}
	}
	held, gears := int64(0), 0
	for _, it := range iters {
		if g := it.(*iterator).mooring.gear.Load(); g != nil {
			held += s.gearBytes(g)
			gears++
		}
	}
	if gears == 0 || gears == walks || held > minMemory/gearShare || held != s.gearHeld {
		t.Errorf("%d gears hold %d bytes, %d are counted", gears, held, s.gearHeld)
	}
}

func TestAnIteratorMovesWhileMemtablesAreWritten(t *testing.T) {
	s := open(t, Options{WriteBuffer: 4000})
	for i := range 100 {
		put(t, s, fmt.Sprintf("k%03d", i), "before")
	}
	it := s.Iter(kv.IterOptions{})
	defer it.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b kv.Batch
		for i := range 3000 {
			b.Reset()
			b.Put(fmt.Appendf(nil, "k%03d", i%100), []byte("after"))
			if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); err != nil {
				t.Error(err)
			}
		}
	}()
	for rounds := 0; ; rounds++ {
		n := 0
		for ok := it.First(); ok; ok = it.Next() {
			if string(it.Value()) != "before" {
				t.Fatalf("%q holds %q", it.Key(), it.Value())
			}
			n++
		}
		if n != 100 || it.Err() != nil {
			t.Fatal(n, it.Err())
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
