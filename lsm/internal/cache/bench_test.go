package cache

import (
	"math/rand/v2"
	"testing"
)

func filled(blocks uint64) *Cache {
	c := New(1 << 30)
	for i := range blocks {
		c.Add(i%16, i, make([]byte, 64), false)
	}
	return c
}

func BenchmarkGet(b *testing.B) {
	const blocks = 100000
	c := filled(blocks)
	b.Run("one-block", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.Get(1, 1)
			}
		})
	})
	b.Run("random", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := rand.Uint64(); pb.Next(); i += 0x9e3779b97f4a7c15 {
				n := i >> 32 * blocks >> 32
				if _, ok := c.Get(n%16, n); !ok {
					b.Error("missed")
					return
				}
			}
		})
	})
}

// BenchmarkAdd adds to a full cache, so that each call evicts.
func BenchmarkAdd(b *testing.B) {
	c := New(64 << 20)
	value := make([]byte, 4096)
	b.ReportAllocs()
	for i := range b.N {
		c.Add(uint64(i>>10), uint64(i), value, false)
	}
}
