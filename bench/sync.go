package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	bolt "go.etcd.io/bbolt"
)

// putter makes durable puts of 16-byte keys and 100-byte values.
type putter interface {
	put(key, val []byte) error
	close() error
}

// engine is a peer of the benchmark.
type engine struct {
	name string
	open func(dir string) (putter, error)
}

func syncEngines() []engine {
	return []engine{
		{"varve ref", openRef},
		{"bbolt Update", func(dir string) (putter, error) { return openBolt(dir, false) }},
		{"bbolt Batch", func(dir string) (putter, error) { return openBolt(dir, true) }},
	}
}

type refPutter struct{ *ref.Store }

func openRef(dir string) (putter, error) {
	s, err := ref.Open(context.Background(), &ref.Options{Dir: dir})
	return refPutter{s}, err
}

func (p refPutter) put(key, val []byte) error {
	var b kv.Batch
	b.Put(key, val)
	_, err := p.Apply(context.Background(), &b, kv.WriteOptions{})
	return err
}

func (p refPutter) close() error { return p.Close() }

type boltPutter struct {
	db    *bolt.DB
	batch bool
}

var bucket = []byte("b")

func openBolt(dir string, batch bool) (putter, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	db, err := bolt.Open(filepath.Join(dir, "db"), 0o644, &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	db.MaxBatchDelay = 2 * time.Millisecond
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	return boltPutter{db, batch}, err
}

func (p boltPutter) put(key, val []byte) error {
	update := p.db.Update
	if p.batch {
		update = p.db.Batch
	}
	return update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(key, val) })
}

func (p boltPutter) close() error { return p.db.Close() }

// syncTarget is how much more 16 goroutines must put than one, on the same disk.
const syncTarget = 6

// syncBench measures durable puts per second by the number of goroutines.
func syncBench(s settings) error {
	workers := []int{1, 4, 16, 64}
	engines := syncEngines()
	rates := map[[2]int][]float64{}
	for round := range s.rounds {
		for w, n := range workers {
			for e := range engines {
				at := (e + round) % len(engines) // nobody is always first
				dir := filepath.Join(s.dir, fmt.Sprintf("%d-%d-%d", round, w, at))
				rate, err := measureSync(engines[at], dir, n, s.per)
				if err != nil {
					return fmt.Errorf("%s: %w", engines[at].name, err)
				}
				rates[[2]int{at, w}] = append(rates[[2]int{at, w}], rate)
			}
		}
	}
	t := table{head: []string{"durable puts/s, 16 B + 100 B"}}
	for _, n := range workers {
		t.head = append(t.head, fmt.Sprintf("%d goroutines", n))
	}
	t.head = append(t.head, "16 against 1")
	for e, eng := range engines {
		row := []string{eng.name}
		for w := range workers {
			row = append(row, withSpread(rates[[2]int{e, w}]))
		}
		gain := median(rates[[2]int{e, 2}]) / median(rates[[2]int{e, 0}])
		t.rows = append(t.rows, append(row, fmt.Sprintf("%.1f×", gain)))
		if e == 0 {
			t.note = target("16 goroutines share syncs", gain, syncTarget)
		}
	}
	t.print(os.Stdout)
	if s.svg == "" {
		return nil
	}
	return os.WriteFile(s.svg, syncPlot(engines, workers, rates), 0o644)
}

func measureSync(e engine, dir string, workers int, per time.Duration) (float64, error) {
	p, err := e.open(dir)
	if err != nil {
		return 0, err
	}
	var puts atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	begin := time.Now()
	for w := range workers {
		wg.Go(func() {
			key, val := make([]byte, 16), make([]byte, 100)
			for i := uint64(0); time.Since(begin) < per; i++ {
				binary.BigEndian.PutUint64(key, i*0x9E3779B97F4A7C15)
				binary.BigEndian.PutUint64(key[8:], uint64(w))
				if err := p.put(key, val); err != nil {
					failed.Store(&err)
					return
				}
				puts.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	if err := p.close(); err != nil {
		return 0, err
	}
	return float64(puts.Load()) / took.Seconds(), os.RemoveAll(dir)
}
