package sst

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// benchEntries is n keys of 20 bytes with values of 100 bytes of which half
// compress.
func benchEntries(n int) (all []kvt) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		value := make([]byte, 100)
		for i := range 50 {
			value[i] = byte(rnd.Uint32())
		}
		all = append(all, put(fmt.Sprintf("user%016d", i*7), kv.Seq(i+1), string(value)))
	}
	return all
}

const benchSize = 100_000

// BenchmarkGet measures lookups whose blocks are cached, in random order.
func BenchmarkGet(b *testing.B) {
	all := benchEntries(benchSize)
	for _, hashed := range []bool{false, true} {
		for _, absent := range []bool{false, true} {
			b.Run(fmt.Sprintf("hashindex=%v/absent=%v", hashed, absent), func(b *testing.B) {
				r, _ := table(b, WriterOptions{HashIndex: hashed}, newCache(), all)
				keys := make([][]byte, 4096)
				for i := range keys {
					keys[i] = []byte(all[rand.IntN(len(all))].key)
					if absent {
						keys[i] = append(keys[i], '+')
					}
				}
				for _, k := range keys {
					_, _, _, _ = r.Get(k, entry.Newest)
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					_, _, ok, err := r.Get(keys[i%len(keys)], entry.Newest)
					if ok == absent || err != nil {
						b.Fatal(ok, err)
					}
					i++
				}
			})
		}
	}
}

// BenchmarkNext measures steps through a table that is cached, and one that is
// read from memory and decompressed.
func BenchmarkNext(b *testing.B) {
	all := benchEntries(benchSize)
	run := func(b *testing.B, r *Reader, opt IterOptions, first, next func(*Iter) bool) {
		it := r.NewIter(opt)
		for ok := first(it); ok; ok = next(it) {
			continue
		}
		b.ReportAllocs()
		b.SetBytes(120)
		for b.Loop() {
			if !next(it) {
				first(it)
			}
		}
		check(b, it.Err())
	}
	b.Run("cached", func(b *testing.B) {
		r, _ := table(b, WriterOptions{}, newCache(), all)
		run(b, r, IterOptions{}, (*Iter).First, (*Iter).Next)
	})
	b.Run("cached/backward", func(b *testing.B) {
		r, _ := table(b, WriterOptions{}, newCache(), all)
		run(b, r, IterOptions{}, (*Iter).Last, (*Iter).Prev)
	})
	for c := None; c <= Zstd; c++ {
		b.Run("uncached/"+c.String(), func(b *testing.B) {
			r, _ := table(b, WriterOptions{Compression: c}, nil, all)
			run(b, r, IterOptions{Sequential: true}, (*Iter).First, (*Iter).Next)
		})
	}
}

// BenchmarkSeek measures seeks in random order in a table that is cached.
func BenchmarkSeek(b *testing.B) {
	all := benchEntries(benchSize)
	r, _ := table(b, WriterOptions{}, newCache(), all)
	keys := make([][]byte, 4096)
	for i := range keys {
		keys[i] = []byte(all[rand.IntN(len(all))].key)
	}
	it := r.NewIter(IterOptions{})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if !it.SeekGE(keys[i%len(keys)], entry.Newest) {
			b.Fatal(it.Err())
		}
		i++
	}
}

// BenchmarkWrite measures the writing of entries.
func BenchmarkWrite(b *testing.B) {
	all := benchEntries(benchSize)
	for c := None; c <= Zstd; c++ {
		b.Run(c.String(), func(b *testing.B) {
			opt := WriterOptions{Compression: c}
			w := NewWriter(io.Discard, opt)
			keys, values := make([][]byte, len(all)), make([][]byte, len(all))
			for i, e := range all {
				keys[i], values[i] = []byte(e.key), []byte(e.value)
			}
			b.ReportAllocs()
			b.SetBytes(120)
			i := 0
			for b.Loop() {
				if i == len(all) {
					_, err := w.Finish()
					check(b, err)
					w.Reset(io.Discard, opt)
					i = 0
				}
				check(b, w.Add(keys[i], all[i].t, values[i]))
				i++
			}
		})
	}
}
