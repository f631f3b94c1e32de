package kvbench

import (
	"sync/atomic"
	"time"
)

// mix is shares of operations in percent; what is left to 100 reads, changes and
// writes.
type mix struct {
	read, update, insert, scan int
	latest                     bool // reads go to what was inserted last
}

// ycsb runs a workload of the Yahoo! Cloud Serving Benchmark.
func ycsb(m mix) runFunc {
	return func(r *runner, name string, threads int) ([]*Result, error) {
		if err := r.warmUp(); err != nil {
			return nil, err
		}
		r.needZipf()
		ops := r.n()
		if m.scan > 0 {
			ops = max(1, ops/10)
		}
		p := r.begin(name, threads)
		var written atomic.Uint64
		err := p.parallel(ops, r.o.MaxSecs, func(w *worker, i uint64) error {
			wrote, err := r.mixed(w, i, m)
			if wrote {
				written.Add(1)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		return one(r.endMixed(p, written.Load()))
	}
}

func (r *runner) endMixed(p *phase, written uint64) (x *Result, err error) {
	x = p.end(written * r.record())
	r.dirty += written
	x.Verified, err = r.verify(5000, false)
	return x, err
}

// mixed does one operation and tells whether it wrote.
func (r *runner) mixed(w *worker, i uint64, m mix) (wrote bool, err error) {
	n := r.n()
	id := r.zipf.hot(i*7+uint64(w.id)<<16, n)
	switch c := int(w.rng.n(100)); {
	case c < m.read && m.latest:
		return false, r.getLatest(w, i)
	case c < m.read:
		return false, r.get(w, id, true)
	case c < m.read+m.update:
		return true, r.update(w, w.own(id, n))
	case c < m.read+m.update+m.insert:
		return true, r.insert(w)
	case c < m.read+m.update+m.insert+m.scan:
		return false, r.scanFrom(w, int(w.rng.n(100))+1, id)
	}
	id = w.own(id, n)
	if err := r.get(w, id, true); err != nil {
		return false, err
	}
	return true, r.update(w, id)
}

// getLatest reads an index by its age; with several goroutines the very last may
// still be on their way.
func (r *runner) getLatest(w *worker, i uint64) error {
	all := r.n() + r.inserted.Load()
	back := r.zipf.rank(i*7) + 1
	if w.of > 1 {
		back += uint64(w.of)
	}
	id := all - min(back, all)
	return r.get(w, id, w.of == 1 || id < r.n())
}

func (r *runner) insert(w *worker) error {
	id := r.n() + r.inserted.Add(1) - 1
	w.k = r.keys.key(w.k, id)
	w.v = r.vals.fill(w.v, id, 1)
	r.live.Add(1)
	return r.eng.Put(w.k, w.v)
}

// readWhileWriting throttles the writer to the same rate for all engines: a slow
// writer would look like a good reader. Unthrottled, both rates must be read.
func readWhileWriting(unthrottled bool) runFunc {
	return func(r *runner, name string, threads int) ([]*Result, error) {
		if err := r.warmUp(); err != nil {
			return nil, err
		}
		p := r.begin(name, threads)
		var stop atomic.Bool
		done := make(chan *worker)
		go func() { done <- r.write(&stop, unthrottled) }()
		err := p.parallel(1<<40, r.within(4), func(w *worker, _ uint64) error { return r.get(w, w.rng.n(r.n()), true) })
		stop.Store(true)
		w := <-done
		if err == nil {
			err = w.err
		}
		if err != nil {
			return nil, err
		}
		p.res.Extra["writes_per_s"] = float64(w.ops) / p.res.Secs
		p.res.Extra["write_p99_ns"] = float64(w.h.quantile(.99))
		return one(r.endMixed(p, w.ops))
	}
}

// write overwrites until it is stopped.
func (r *runner) write(stop *atomic.Bool, unthrottled bool) *worker {
	w := &worker{of: 1, rng: rng{s: 4242}}
	for start := r.nanos(); !stop.Load(); {
		t0 := r.nanos()
		due := float64(t0-start) / 1e9 * float64(r.o.WriteRate)
		if !unthrottled && float64(w.ops) >= due {
			time.Sleep(time.Millisecond)
			continue
		}
		if w.err = r.update(w, w.rng.n(r.n())); w.err != nil {
			break
		}
		w.h.add(r.nanos() - t0)
		w.ops++
	}
	return w
}
