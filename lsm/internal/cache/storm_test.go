package cache

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// In a storm of readers and writers, a hit has the bytes of its key, the figures
// never exceed the bound, and what is left is sound.
func TestStorm(t *testing.T) {
	const capacity, workers, rounds = 4 << 20, 8, 10000
	c := New(capacity)
	var storm, watch sync.WaitGroup
	var done atomic.Bool
	for w := range workers {
		storm.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 3))
			for range rounds {
				step(t, c, rng)
			}
		})
	}
	watch.Go(func() {
		for !done.Load() {
			for i := range c.shards {
				var st Stats
				if c.shards[i].addTo(&st); st.Used > max(st.Capacity, st.Pinned+st.Capacity/8) {
					t.Errorf("%+v", st)
					return
				}
			}
		}
	})
	storm.Wait()
	done.Store(true)
	watch.Wait()
	if st := check(t, c); st.Evictions == 0 || st.Hits == 0 {
		t.Fatalf("%+v", st)
	}
}

// step does something at random, most often a read through the cache.
func step(t *testing.T, c *Cache, rng *rand.Rand) {
	k := key{rng.Uint64N(10), rng.Uint64N(1 + rng.Uint64N(1000))}
	if rng.IntN(500) == 0 {
		c.EvictFile(k.file)
		return
	}
	v, ok := c.Get(k.file, k.offset)
	if !ok {
		c.Add(k.file, k.offset, contents(k, rng.IntN(4<<10)), rng.IntN(1000) == 0)
		return
	}
	if (key{binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[8:])}) != k {
		t.Errorf("%v has the bytes of another block", k)
	}
}

// A block that is present is found by every Get, however much its neighbours
// come and go and the table grows and shrinks.
func TestAGetNeverMissesAPresentBlock(t *testing.T) {
	c := New(2 << 20) // one shard
	const present = 50
	for i := range uint64(present) {
		c.Add(1, i, nil, true)
	}
	var readers, churn sync.WaitGroup
	var done atomic.Bool
	churn.Go(func() {
		for file := uint64(2); !done.Load(); file++ {
			for i := range file % 7 * 50 {
				c.Add(file, i, nil, false)
			}
			c.EvictFile(file - file%3)
		}
	})
	for range 2 {
		readers.Go(func() {
			for i := range uint64(100000) {
				if _, ok := c.Get(1, i%present); !ok {
					t.Errorf("block %d is missed", i%present)
					return
				}
			}
		})
	}
	readers.Wait()
	done.Store(true)
	churn.Wait()
	check(t, c)
}
