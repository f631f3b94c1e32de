package lsm

import (
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/varvedb/varve/kv"
)

// liveHeap returns the bytes that are reachable.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
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

// The budget is that of the house: 64 MiB, and a tenth.
func TestTheHeapStaysWithinItsBudget(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("it writes much")
	}
	writes := 1500 // of 64 KiB in all each
	if os.Getenv("VARVE_SOAK") != "" {
		writes = 300_000
	}
	before := liveHeap()
	s := open(t, Options{Dir: t.TempDir()})
	var iters []kv.Iterator
	defer func() {
		for _, it := range iters {
			it.Close()
		}
	}()
	rng := rand.New(rand.NewChaCha8([32]byte{}))
	key, val := make([]byte, 16), make([]byte, 1000)
	var b kv.Batch
	highest := int64(0)
	for i := range writes {
		b.Reset()
		for range 64 {
			for j := range val {
				val[j] = byte(rng.Uint32())
			}
			copy(key, val)
			b.Put(key, val)
		}
		if _, err := s.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Process}); err != nil {
			t.Fatal(err)
		}
		for i == writes/2 && len(iters) < 100 {
			it := s.Iter(kv.IterOptions{})
			it.First()
			iters = append(iters, it)
		}
		if _, _, err := s.Get(key, nil); err != nil {
			t.Fatal(err)
		}
		if i%200 == 0 {
			highest = max(highest, liveHeap()-before)
		}
	}
	t.Logf("%.1f MiB", float64(highest)/(1<<20))
	if highest > 64<<20*11/10 {
		t.Errorf("the live heap reached %d bytes", highest)
	}
}
