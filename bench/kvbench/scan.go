package kvbench

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errEntrySize = errors.New("an entry has a wrong size")

func seekRandom(r *runner, name string, threads int) ([]*Result, error) {
	if err := r.warmUp(); err != nil {
		return nil, err
	}
	return one(r.seeks(name, threads))
}

func seekSmall(r *runner, name string, threads int) ([]*Result, error) {
	return r.withSmallCache(func() (*Result, error) { return r.seeks(name, threads) })
}

func (r *runner) seeks(name string, threads int) (*Result, error) {
	p := r.begin(name, threads)
	err := p.parallel(max(1, r.n()/5), r.o.MaxSecs, func(w *worker, _ uint64) error {
		return r.scanFrom(w, 11, w.rng.n(r.n()))
	})
	return p.endRead(), err
}

// scanFrom opens an iterator, seeks to an index, which must exist, and reads at
// most m entries.
func (r *runner) scanFrom(w *worker, m int, id uint64) error {
	w.k = r.keys.key(w.k, id)
	it, err := r.eng.NewIter(IterOptions{})
	if err != nil {
		return err
	}
	ok := it.SeekGE(w.k)
	if ok && (string(it.Key()) != string(w.k) || !r.vals.stampOK(it.Value(), id)) {
		err = errLost{id, "is not where a seek goes"}
	}
	for c := 0; ok && err == nil; ok = it.Next() {
		if err = w.look(r, it); err != nil {
			break
		}
		if c++; c == m {
			break
		}
	}
	return errors.Join(err, closeIter(it))
}

// look makes sure that the value of an entry is in memory.
func (w *worker) look(r *runner, it Iterator) error {
	v := it.Value()
	if len(it.Key()) != keySize || len(v) != r.vals.size {
		return errEntrySize
	}
	w.sum += uint64(v[0]) + uint64(v[len(v)-1])
	w.hits++
	return nil
}

func scan(reverse bool) runFunc {
	return func(r *runner, name string, threads int) ([]*Result, error) {
		if err := r.warmUp(); err != nil {
			return nil, err
		}
		return one(r.scan(name, reverse))
	}
}

func scanSmall(r *runner, name string, threads int) ([]*Result, error) {
	return r.withSmallCache(func() (*Result, error) { return r.scan(name, false) })
}

func (r *runner) scan(name string, reverse bool) (*Result, error) {
	p := r.begin(name, 1)
	w := &worker{of: 1}
	start := r.nanos()
	it, err := r.eng.NewIter(IterOptions{Reverse: reverse, Long: true})
	if err != nil {
		return nil, err
	}
	first, next := it.First, it.Next
	if reverse {
		first, next = it.Last, it.Prev
	}
	t0 := start
	for ok := first(); ok && err == nil; ok = next() {
		if err = w.look(r, it); w.hits%100 == 0 {
			t1 := r.nanos()
			p.h.add((t1 - t0) / 100)
			t0 = t1
		}
	}
	if err := errors.Join(err, closeIter(it)); err != nil {
		return nil, err
	}
	if w.hits != uint64(r.live.Load()) {
		return nil, fmt.Errorf("DATA LOSS: a scan finds %d entries of %d", w.hits, r.live.Load())
	}
	p.res.Ops, p.res.Secs = w.hits, float64(r.nanos()-start)/1e9
	return p.endRead(), nil
}

func prefixScan(r *runner, name string, threads int) ([]*Result, error) {
	if err := r.warmUp(); err != nil {
		return nil, err
	}
	p := r.begin(name, threads)
	err := p.parallel(max(1, min(2000, r.n()/10)), r.o.MaxSecs, func(w *worker, _ uint64) error {
		return r.scanPrefix(w, w.rng.n(r.keys.prefixes))
	})
	p.res.Extra["prefixes_per_s"] = float64(p.res.Ops) / p.res.Secs
	p.res.Ops = p.hits
	return one(p.endRead(), err)
}

func (r *runner) scanPrefix(w *worker, prefix uint64) error {
	word := r.keys.prefixWord(prefix)
	lower := binary.BigEndian.AppendUint64(nil, word)
	it, err := r.eng.NewIter(IterOptions{Lower: lower, Upper: binary.BigEndian.AppendUint64(nil, word+1)})
	if err != nil {
		return err
	}
	before := w.hits
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		err = w.look(r, it)
	}
	if err := errors.Join(err, closeIter(it)); err != nil {
		return err
	}
	lo, hi := r.keys.prefixRange(prefix)
	if n := w.hits - before; n < hi-lo || r.inserted.Load() == 0 && n != hi-lo {
		return fmt.Errorf("DATA LOSS: prefix %d has %d entries, want %d", prefix, n, hi-lo)
	}
	return nil
}
