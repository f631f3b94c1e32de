package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
)

// microCase is one operation that is timed alone.
type microCase struct {
	name string
	f    func(b *testing.B)
}

// microBench prints time and allocations of each case, interleaved over rounds.
func microBench(s settings, title string, cases []microCase) error {
	testing.Init()
	ns := make([][]float64, len(cases))
	last := make([]testing.BenchmarkResult, len(cases))
	for range s.rounds {
		for i, c := range cases {
			last[i] = testing.Benchmark(c.f)
			ns[i] = append(ns[i], float64(last[i].T.Nanoseconds())/float64(last[i].N))
		}
	}
	t := table{head: []string{title, "ns/op", "B/op", "allocs/op"}}
	for i, c := range cases {
		t.rows = append(t.rows, []string{c.name, withSpread(ns[i]), fmt.Sprint(last[i].AllocedBytesPerOp()), fmt.Sprint(last[i].AllocsPerOp())})
	}
	t.print(os.Stdout)
	return nil
}

type point struct {
	Country, City string
	Year          int
}

type person struct {
	Name  string
	Born  int
	Tags  []string
	Since time.Time
}

func codecCases() []microCase {
	return []microCase{
		{"append key int64", func(b *testing.B) { appendKey(b, int64(-1234567)) }},
		{"append key string of 16", func(b *testing.B) { appendKey(b, "0123456789abcdef") }},
		{"append key struct of 3", func(b *testing.B) { appendKey(b, point{"fr", "lyon", 2026}) }},
		{"append value int", func(b *testing.B) { appendValue(b, 1234567) }},
		{"append value struct of 4 (CBOR)", func(b *testing.B) {
			appendValue(b, person{"ada", 1815, []string{"a", "b"}, time.Unix(0, 0)})
		}},
	}
}

func appendKey[K any](b *testing.B, k K) {
	c, err := codec.KeyOf[K]()
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = c.Append(buf[:0], k); err != nil {
			b.Fatal(err)
		}
	}
}

func appendValue[V any](b *testing.B, v V) {
	c, err := codec.ValueOf[V]()
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = c.Append(buf[:0], v); err != nil {
			b.Fatal(err)
		}
	}
}

const mapKeys = 100_000

// mapCases measures collections on a database in memory with 100,000 entries.
func mapCases() (cases []microCase, done func(), err error) {
	db, err := varve.Open("", nil)
	if err != nil {
		return nil, nil, err
	}
	m, err := varve.OpenOrderedMap[int, int](db, "m")
	if err != nil {
		return nil, nil, err
	}
	counted, err := varve.OpenOrderedMap[int, int](db, "counted", varve.Counted())
	if err != nil {
		return nil, nil, err
	}
	err = m.PutAll(func(yield func(int, int) bool) {
		for i := range mapKeys {
			if !yield(i, i) {
				return
			}
		}
	})
	next := 0
	at := func() int { next = (next + 7919) % mapKeys; return next }
	each := func(f func() error) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	return []microCase{
		{"Get", each(func() error { _, _, err := m.Get(at()); return err })},
		{"Put", each(func() error { return m.Put(at(), 1) })},
		{"Put, Counted", each(func() error { return counted.Put(at(), 1) })},
		{"Update", each(func() error {
			return m.Update(at(), func(old int, ok bool) (int, bool) { return old + 1, true })
		})},
		{"Floor", each(func() error { _, _, _, err := m.Floor(at()); return err })},
		{"Range of 100", each(func() error {
			k := at()
			c := m.Range(varve.From(k), varve.Below(k+100))
			for range c.All() {
			}
			return c.Err()
		})},
	}, func() { db.Close() }, err
}
