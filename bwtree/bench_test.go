package bwtree_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
)

const benchKeys = 200_000

func benchKey(buf []byte, i uint64) []byte {
	return binary.BigEndian.AppendUint64(append(buf[:0], "keyspace"...), i*0x9e3779b97f4a7c15)
}

// filled returns a store on the disk with many keys, all of them in memory.
func filled(b *testing.B) *bwtree.Store {
	s := open(b, &bwtree.Options{Dir: b.TempDir(), CacheBytes: 256 << 20, RedoBytes: 256 << 20})
	b.Cleanup(func() { s.Close() })
	val := make([]byte, 100)
	var batch kv.Batch
	for i := range uint64(benchKeys) {
		batch.Put(benchKey(nil, i), val)
		if batch.Len() == 100 {
			_, err := s.Apply(context.Background(), &batch, kv.WriteOptions{Durability: kv.Process})
			check(b, err)
			batch.Reset()
		}
	}
	return s
}

func BenchmarkGet(b *testing.B) {
	s := filled(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var key, val []byte
		for pb.Next() {
			key = benchKey(key, rand.Uint64N(benchKeys))
			var ok bool
			if val, ok, _ = s.Get(key, val); !ok {
				b.Fatal("a key is missing")
			}
		}
	})
}

func BenchmarkPut(b *testing.B) {
	for _, d := range []kv.Durability{kv.Process, kv.Buffered} {
		b.Run(fmt.Sprint(d), func(b *testing.B) {
			s := filled(b)
			val := make([]byte, 100)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				var batch kv.Batch
				var key []byte
				for pb.Next() {
					batch.Reset()
					key = benchKey(key, rand.Uint64N(benchKeys))
					batch.Put(key, val)
					if _, err := s.Apply(context.Background(), &batch, kv.WriteOptions{Durability: d}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func BenchmarkScan(b *testing.B) {
	s := filled(b)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		it := s.Iter(kv.IterOptions{})
		for ok := it.First(); ok && n < b.N; ok = it.Next() {
			n++
		}
		check(b, it.Close())
	}
}
