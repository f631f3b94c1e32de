package lsm

import (
	"encoding/binary"
	"testing"

	"github.com/varvedb/varve/kv"
)

// benchKeys is how many keys the benchmarks that read have.
const benchKeys = 200_000

func benchKey(dst []byte, i uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst[:0], "keyspace"...), i*0x9E3779B97F4A7C15)
}

// loaded returns a store with benchKeys keys in tables.
func loaded(b *testing.B) *Store {
	b.Helper()
	s, err := Open(ctx, &Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	val := make([]byte, 100)
	var batch kv.Batch
	for i := range uint64(benchKeys) {
		binary.BigEndian.PutUint64(val, i*i)
		batch.Put(benchKey(nil, i), val)
		if batch.Len() == 1000 {
			if _, err := s.Apply(ctx, &batch, kv.WriteOptions{Durability: kv.Process}); err != nil {
				b.Fatal(err)
			}
			batch.Reset()
		}
	}
	if err := s.Compact(ctx, kv.Span{}, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return s
}

func BenchmarkPut(b *testing.B) {
	for _, d := range []kv.Durability{kv.Buffered, kv.Process} {
		b.Run(d.String(), func(b *testing.B) { benchmarkPut(b, d) })
	}
}

func benchmarkPut(b *testing.B, d kv.Durability) {
	s, err := Open(ctx, &Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	val, key := make([]byte, 100), []byte(nil)
	var batch kv.Batch
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		key = benchKey(key, i)
		batch.Reset()
		batch.Put(key, val)
		if _, err := s.Apply(ctx, &batch, kv.WriteOptions{Durability: d}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := loaded(b)
	var key, dst []byte
	for i := uint64(0); b.Loop(); i++ {
		key = benchKey(key, i*7919%benchKeys)
		var ok bool
		var err error
		if dst, ok, err = s.Get(key, dst); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkGetAbsent(b *testing.B) {
	s := loaded(b)
	var key []byte
	for i := uint64(0); b.Loop(); i++ {
		key = benchKey(key, benchKeys+i)
		if _, ok, err := s.Get(key, nil); ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkIterSeekAndTen(b *testing.B) {
	s := loaded(b)
	var key []byte
	for i := uint64(0); b.Loop(); i++ {
		key = benchKey(key, i*7919%benchKeys)
		it := s.Iter(kv.IterOptions{})
		n := 0
		for ok := it.SeekGE(key); ok && n < 10; ok = it.Next() {
			n++
		}
		if err := it.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewIter(b *testing.B) {
	s := loaded(b)
	for b.Loop() {
		if err := s.Iter(kv.IterOptions{}).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	s := loaded(b)
	it := s.Iter(kv.IterOptions{})
	defer it.Close()
	it.First()
	for b.Loop() {
		if !it.Next() && !it.First() {
			b.Fatal(it.Err())
		}
	}
}

// BenchmarkReopenEmpty opens an empty store on the disk again.
func BenchmarkReopenEmpty(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		s, err := Open(ctx, &Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// The iterator copies what lies in memtables.
func BenchmarkNextInMemtable(b *testing.B) {
	s, err := Open(ctx, &Options{WriteBuffer: 64 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var batch kv.Batch
	for i := range uint64(benchKeys) {
		batch.Put(benchKey(nil, i), make([]byte, 100))
	}
	if _, err := s.Apply(ctx, &batch, kv.WriteOptions{}); err != nil {
		b.Fatal(err)
	}
	it := s.Iter(kv.IterOptions{})
	defer it.Close()
	it.First()
	b.ReportAllocs()
	for b.Loop() {
		if !it.Next() && !it.First() {
			b.Fatal(it.Err())
		}
	}
}
