package memtable

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// tableSize is when a benchmark begins a new table, in bytes.
const tableSize = 64 << 20

func benchKey(dst []byte, i uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst[:0], "keyspace"...), i)
}

func scatter(i uint64) uint64 { return i * 0x9e3779b97f4a7c15 }

func BenchmarkAdd(b *testing.B) {
	val := make([]byte, 100)
	adding := func(add func(t *Table, in *Inserter, i uint64)) func(*testing.B) {
		return func(b *testing.B) {
			var tab *Table
			var in Inserter
			for i := range uint64(b.N) {
				if tab == nil || tab.Bytes() > tableSize {
					tab = New(1)
					in.Init(tab)
				}
				add(tab, &in, i)
			}
		}
	}
	var key [16]byte
	b.Run("sequential", adding(func(t *Table, _ *Inserter, i uint64) {
		t.Add(benchKey(key[:0], i), entry.Trailer(i<<8), val)
	}))
	b.Run("sequential-inserter", adding(func(_ *Table, in *Inserter, i uint64) {
		in.Add(benchKey(key[:0], i), entry.Trailer(i<<8), val)
	}))
	b.Run("random", adding(func(t *Table, _ *Inserter, i uint64) {
		t.Add(benchKey(key[:0], scatter(i)), entry.Trailer(i<<8), val)
	}))
	b.Run("random-inserter", adding(func(_ *Table, in *Inserter, i uint64) {
		in.Add(benchKey(key[:0], scatter(i)), entry.Trailer(i<<8), val)
	}))
	b.Run("parallel", func(b *testing.B) {
		var tab atomic.Pointer[Table]
		tab.Store(New(1))
		b.RunParallel(func(pb *testing.PB) {
			var key [16]byte
			for i := rand.Uint64() >> 16; pb.Next(); i++ {
				t := tab.Load()
				if t.Bytes() > tableSize {
					tab.CompareAndSwap(t, New(1))
					t = tab.Load()
				}
				t.Add(benchKey(key[:0], scatter(i)), entry.Trailer(i<<8), val)
			}
		})
	})
}

func filled(n uint64) *Table {
	tab := New(1)
	for i := range n {
		tab.Add(benchKey(nil, scatter(i)), entry.Trailer(i<<8), make([]byte, 100))
	}
	return tab
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []uint64{1000, 400000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tab := filled(n)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				var key [16]byte
				for i := rand.Uint64() >> 16; pb.Next(); i += 7919 {
					if _, _, ok := tab.Get(benchKey(key[:0], scatter(i%n)), entry.Newest); !ok {
						b.Error("missed")
						return
					}
				}
			})
		})
	}
}

func BenchmarkNext(b *testing.B) {
	tab := filled(400000)
	it := tab.NewIter()
	b.ResetTimer()
	var sum int
	for range b.N {
		if !it.Next() {
			it.First()
		}
		sum += len(it.Key()) + len(it.Value())
	}
	_ = sum
}
