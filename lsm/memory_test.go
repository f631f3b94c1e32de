package lsm

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/varvedb/varve/kv"
)

// liveHeap returns about the bytes that are reachable: the least of three
// collections, since what tasks allocate while one runs is not freed by it.
func liveHeap() int64 {
	var m runtime.MemStats
	least := int64(math.MaxInt64)
	for range 3 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		least = min(least, int64(m.HeapAlloc))
	}
	return least
}

func TestReopeningAnEmptyStoreTakesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory")
	}
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := liveHeap()
	var begin, end runtime.MemStats
	runtime.ReadMemStats(&begin)
	_ = open(t, Options{Dir: dir})
	runtime.ReadMemStats(&end)
	if took := end.TotalAlloc - begin.TotalAlloc; took > 4<<20 {
		t.Errorf("opening allocates %d bytes", took)
	}
	if took := liveHeap() - before; took > 1<<20 {
		t.Errorf("an open store holds %d bytes", took)
	}
}

// heapBudget is that of the house: 64 MiB, and a tenth.
const heapBudget = 64 << 20 * 11 / 10

// The iterators are opened one after the other over the whole run, stay open, and
// are read from now and then. With VARVE_SOAK it goes on that long.
func TestTheHeapStaysWithinItsBudgetUnderOpenIterators(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("it writes much")
	}
	soak, err := time.ParseDuration(cmp.Or(os.Getenv("VARVE_SOAK"), "0"))
	if err != nil {
		t.Fatal(err)
	}
	run := newHeapRun(t)
	begin, now := time.Now(), time.Now()
	for i := 0; i < heapWrites || now.Sub(begin) < soak; i++ {
		run.write()
		due := i * len(run.iters) / heapWrites
		if soak > 0 {
			due = int(int64(len(run.iters)) * int64(now.Sub(begin)) / int64(soak))
		}
		if run.opened < min(due+1, len(run.iters)) {
			run.open()
		}
		if i%4 == 0 {
			run.read()
		}
		if i%200 == 0 {
			run.measure()
		}
		now = time.Now()
	}
	for range 1000 {
		run.read()
	}
	t.Logf("%d MiB written, %.1f MiB of heap", run.writes*heapBatch*heapValue>>20, float64(run.highest)/(1<<20))
	if run.highest > heapBudget {
		t.Errorf("the live heap reached %d bytes", run.highest)
	}
}

// A run writes at least 300 MiB: batches of values over a fixed set of keys.
const (
	heapWrites = 5000
	heapBatch  = 64
	heapValue  = 1000 // bytes
	heapKeys   = 20_000
	heapIters  = 100
)

// heapRun writes numbered values to keys, and knows for each iterator which
// number each key must show. What it needs itself is there from the beginning.
type heapRun struct {
	t       *testing.T
	s       *Store
	rng     *rand.Rand
	batch   kv.Batch
	value   []byte
	written []uint32            // by key; 0 is absent
	seen    [heapIters][]uint32 // written, at the opening of each iterator
	iters   [heapIters]kv.Iterator
	at      [heapIters]int // key that an iterator is at; -1 is nowhere
	opened  int
	writes  int
	before  int64
	highest int64
}

func newHeapRun(t *testing.T) *heapRun {
	r := &heapRun{t: t, rng: rand.New(rand.NewChaCha8([32]byte{})), value: make([]byte, heapValue), written: make([]uint32, heapKeys)}
	for i := range r.seen {
		r.seen[i] = make([]uint32, heapKeys)
	}
	r.before = liveHeap()
	r.s = open(t, Options{Dir: t.TempDir()})
	t.Cleanup(func() {
		for _, it := range r.iters[:r.opened] {
			it.Close()
		}
	})
	return r
}

func heapKey(i int) []byte { return binary.BigEndian.AppendUint64([]byte("keyspace"), uint64(i)) }

// fill makes the value of a number: it does not compress.
func (r *heapRun) fill(number uint32) []byte {
	x := uint64(number)*0x9E3779B97F4A7C15 + 1
	for i := 0; i+8 <= len(r.value); i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		binary.LittleEndian.PutUint64(r.value[i:], x)
	}
	return r.value
}

func (r *heapRun) write() {
	r.batch.Reset()
	for i := range heapBatch {
		key := r.rng.IntN(heapKeys)
		r.written[key] = uint32(r.writes*heapBatch + i + 1)
		r.batch.Put(heapKey(key), r.fill(r.written[key]))
	}
	if _, err := r.s.Apply(ctx, &r.batch, kv.WriteOptions{Durability: kv.Process}); err != nil {
		r.t.Fatal(err)
	}
	r.writes++
}

func (r *heapRun) open() {
	copy(r.seen[r.opened], r.written)
	r.iters[r.opened] = r.s.Iter(kv.IterOptions{})
	r.at[r.opened] = -1
	r.opened++
	if r.opened%2 == 0 { // the others wait for their first move
		r.move(r.opened - 1)
	}
}

func (r *heapRun) read() { r.move(r.rng.IntN(r.opened)) }

// move moves an iterator and compares.
func (r *heapRun) move(i int) {
	it, seen := r.iters[i], r.seen[i]
	if r.at[i] < 0 || r.rng.IntN(4) == 0 {
		r.at[i] = r.rng.IntN(heapKeys)
		it.SeekGE(heapKey(r.at[i]))
	} else {
		it.Next()
		r.at[i]++
	}
	for r.at[i] < heapKeys && seen[r.at[i]] == 0 {
		r.at[i]++
	}
	if r.at[i] == heapKeys {
		r.at[i] = -1
		if it.Valid() || it.Err() != nil {
			r.t.Fatalf("at %x instead of the end: %v", it.Key(), it.Err())
		}
		return
	}
	if !bytes.Equal(it.Key(), heapKey(r.at[i])) || !bytes.Equal(it.Value(), r.fill(seen[r.at[i]])) {
		r.t.Fatalf("iterator %d at %x instead of %x, or with another value: %v", i, it.Key(), heapKey(r.at[i]), it.Err())
	}
}

func (r *heapRun) measure() { r.highest = max(r.highest, liveHeap()-r.before) }
