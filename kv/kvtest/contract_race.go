package kvtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/varvedb/varve/kv"
)

func raceClauses() []clause {
	return []clause{
		{"a batch is seen whole or not at all, and states do not go back", raceAtomic},
		{"a snapshot or iterator keeps its view beside writers", raceStable},
		{"a write is seen by everybody once Apply returned", raceVisible},
		{"counters lose no increment, however it is made", raceCounters},
	}
}

// raceKeys is how many keys each batch of the tests of concurrency writes.
const raceKeys = 8

func raceKey(i int) []byte { return append(kv.KeyspacePrefix(uint64(i%3)), byte(i)) }

// raceWrite writes the same number to all keys, each time a higher one.
func raceWrite(store kv.Store, rounds int, clock *atomic.Uint64, d kv.Durability) error {
	for range rounds {
		err := kv.Update(context.Background(), store, kv.WriteOptions{Durability: d}, func(tx *kv.Txn) error {
			if _, _, err := tx.Get(raceKey(0), nil); err != nil {
				return err
			}
			n := binary.BigEndian.AppendUint64(nil, clock.Add(1))
			if n[7]%5 == 0 {
				tx.DeleteRange(nil, nil)
			}
			for i := range raceKeys {
				tx.Put(raceKey(i), n)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// raceRead reads all keys of r and returns the number that all of them have.
func raceRead(r kv.Reader) (n uint64, err error) {
	it := r.Iter(kv.IterOptions{})
	defer it.Close()
	count := 0
	for ok := it.First(); ok; ok = it.Next() {
		if v := binary.BigEndian.Uint64(it.Value()); count > 0 && v != n {
			return 0, fmt.Errorf("a batch is half seen: %d beside %d", v, n)
		} else {
			n = v
		}
		count++
	}
	if it.Err() == nil && count != 0 && count != raceKeys {
		return 0, fmt.Errorf("a batch is half seen: %d keys of %d", count, raceKeys)
	}
	return n, it.Err()
}

// raceAround runs readers until the writers have ended.
func (s *subject) raceAround(writers []func() error, readers []func() error) {
	s.t.Helper()
	var bad errorList
	var writing, reading sync.WaitGroup
	var over atomic.Bool
	for _, w := range writers {
		writing.Go(func() { bad.add(w()) })
	}
	for _, r := range readers {
		reading.Go(func() {
			for !over.Load() {
				if err := r(); err != nil {
					bad.add(err)
					return
				}
			}
		})
	}
	writing.Wait()
	over.Store(true)
	reading.Wait()
	s.ok(bad.join())
}

func (s *subject) raceWriters() (list []func() error) {
	var clock atomic.Uint64
	for i := range 4 {
		d := []kv.Durability{kv.Process, kv.Buffered, kv.Sync, kv.Process}[i]
		list = append(list, func() error { return raceWrite(s.store, 25, &clock, d) })
	}
	return list
}

func raceAtomic(s *subject) {
	var readers []func() error
	for range 2 {
		var last kv.Seq
		readers = append(readers, func() error {
			if _, err := raceRead(s.store); err != nil {
				return err
			}
			snap, err := s.store.Snapshot(context.Background())
			if err != nil {
				return err
			}
			_, err = raceRead(snap)
			if snap.Seq() < last {
				err = fmt.Errorf("a snapshot of state %d after one of state %d", snap.Seq(), last)
			}
			last = snap.Seq()
			return errors.Join(err, snap.Close())
		})
	}
	s.raceAround(s.raceWriters(), readers)
}

func raceStable(s *subject) {
	s.apply(func(b *kv.Batch) {
		for i := range raceKeys {
			b.Put(raceKey(i), make([]byte, 8))
		}
	})
	reader := func() error {
		snap, err := s.store.Snapshot(context.Background())
		if err != nil {
			return err
		}
		it := snap.Iter(kv.IterOptions{})
		it.Last()
		first, err := raceRead(snap)
		for range 5 {
			again, err2 := raceRead(snap)
			err = errors.Join(err, err2)
			if again != first {
				err = errors.Join(err, fmt.Errorf("a snapshot read %d, then %d", first, again))
			}
		}
		err = errors.Join(err, snap.Close())
		for ok := it.Valid(); ok; ok = it.Prev() {
			if n := binary.BigEndian.Uint64(it.Value()); n != first {
				err = errors.Join(err, fmt.Errorf("an iterator of the snapshot read %d, then %d", first, n))
			}
		}
		return errors.Join(err, it.Close())
	}
	s.raceAround(s.raceWriters(), []func() error{reader, reader})
}

func raceVisible(s *subject) {
	ctx := context.Background()
	var newest atomic.Uint64
	writer := func(id int) func() error {
		return func() error {
			for i := range 60 {
				var b kv.Batch
				b.Put(fmt.Append(nil, "w", id), fmt.Append(nil, i))
				seq, err := s.store.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Durability(i % 3)})
				if err != nil {
					return err
				}
				for old := newest.Load(); old < uint64(seq) && !newest.CompareAndSwap(old, uint64(seq)); {
					old = newest.Load()
				}
				val, _, err := s.store.Get(fmt.Append(nil, "w", id), nil)
				if err != nil || string(val) != fmt.Sprint(i) {
					return fmt.Errorf("writer %d wrote %d and read %q: %v", id, i, val, err)
				}
			}
			return nil
		}
	}
	reader := func() error {
		acknowledged := newest.Load()
		snap, err := s.store.Snapshot(ctx)
		if err != nil {
			return err
		}
		if uint64(snap.Seq()) < acknowledged {
			err = fmt.Errorf("a snapshot of state %d, when write %d had returned", snap.Seq(), acknowledged)
		}
		return errors.Join(err, snap.Close())
	}
	s.raceAround([]func() error{writer(0), writer(1), writer(2), writer(3)}, []func() error{reader})
}

func raceCounters(s *subject) {
	ctx, rounds := context.Background(), 15
	opt := kv.WriteOptions{Durability: kv.Process}
	inc := func(old []byte, ok bool) int64 {
		n, _ := kv.DecodeAdd(old)
		return n + 1
	}
	byMerge := func() error {
		var b kv.Batch
		b.Merge(kv.MergeAdd, []byte("n"), kv.AppendAdd(nil, 1))
		_, err := s.store.Apply(ctx, &b, opt)
		return err
	}
	byUpdate := func() error {
		return kv.Update(ctx, s.store, opt, func(tx *kv.Txn) error {
			old, ok, err := tx.Get([]byte("n"), nil)
			tx.Put([]byte("n"), kv.AppendAdd(nil, inc(old, ok)))
			return err
		})
	}
	byFetch := func() error {
		_, _, err := kv.FetchAndUpdate(ctx, s.store, []byte("n"), opt, func(old []byte, ok bool) ([]byte, bool) {
			return kv.AppendAdd(nil, inc(old, ok)), true
		})
		return err
	}
	var writers []func() error
	for _, one := range []func() error{byMerge, byUpdate, byFetch, byUpdate} {
		writers = append(writers, func() (err error) {
			for i := 0; i < rounds && err == nil; i++ {
				err = one()
			}
			return err
		})
	}
	s.raceAround(writers, nil)
	s.wants(s.store, "n", sumOf(int64(4*rounds)))
}
