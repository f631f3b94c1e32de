package varve_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
)

// TestEngineAndNodesTogetherStayWithinMemory fills a history with keys at random,
// so that memtables, blocks and nodes are all as many as they may be.
func TestEngineAndNodesTogetherStayWithinMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes much")
	}
	for _, memory := range []int64{32 << 20, 64 << 20} {
		before := liveHeap()
		db, err := varve.Open(t.TempDir(), &varve.Options{Engine: varve.LSM(nil), Memory: memory, Durability: varve.Process})
		if err != nil {
			t.Fatal(err)
		}
		m, err := varve.OpenVersionMap[uint64, string](db, "history")
		if err != nil {
			t.Fatal(err)
		}
		main, err := m.Main()
		if err != nil {
			t.Fatal(err)
		}
		rng, most := rand.New(rand.NewPCG(1, 2)), int64(0)
		var e version.Edits[uint64, string]
		for commit := range 150 {
			e.Reset()
			for range 1000 {
				e.Put(rng.Uint64(), "a value of some length")
			}
			if _, err := main.CommitEdits(&e, "more", nil); err != nil {
				t.Fatal(err)
			}
			if commit%10 == 9 {
				most = max(most, liveHeap()-before)
			}
		}
		t.Logf("%.1f of %d MiB", float64(most)/(1<<20), memory>>20)
		if most > memory/10*11 {
			t.Errorf("the live heap reached %d bytes, %d are allowed", most, memory/10*11)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

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
