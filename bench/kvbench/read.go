package kvbench

import "errors"

// keysOf is which keys are read.
type keysOf int

const (
	randomKeys keysOf = iota
	missingKeys
	hotKeys
)

var errFoundMissing = errors.New("found a key that was never written")

// get reads an index and looks at what comes. Unless must, it may be absent.
func (r *runner) get(w *worker, id uint64, must bool) error {
	w.k = r.keys.key(w.k, id)
	v, ok, err := r.eng.Get(w.k, w.dst)
	switch {
	case err != nil:
		return err
	case !ok && must:
		return errLost{id, "is absent"}
	case !ok:
		return nil
	}
	w.dst = v
	w.hits++
	good := r.vals.stampOK(v, id)
	if good && w.hits&63 == 0 {
		_, good = r.vals.check(v, id)
	}
	if !good {
		return errLost{id, "has a wrong value"}
	}
	return nil
}

func (r *runner) getMissing(w *worker, i uint64) error {
	w.k = r.keys.missing(w.k, i)
	_, ok, err := r.eng.Get(w.k, w.dst)
	if ok {
		return errFoundMissing
	}
	return err
}

func (r *runner) needZipf() {
	if r.zipf == nil {
		r.zipf = newZipfTable(r.n(), 1<<20, r.o.Seed)
	}
}

func readWarm(keys keysOf) runFunc {
	return func(r *runner, name string, threads int) ([]*Result, error) {
		if err := r.warmUp(); err != nil {
			return nil, err
		}
		if keys == hotKeys {
			r.needZipf()
		}
		p := r.begin(name, threads)
		err := p.read(keys, r.n())
		return one(p.endRead(), err)
	}
}

// read does ops gets.
func (p *phase) read(keys keysOf, ops uint64) error {
	r, n := p.r, p.r.n()
	return p.parallel(ops, r.o.MaxSecs, func(w *worker, i uint64) error {
		switch keys {
		case missingKeys:
			return r.getMissing(w, w.rng.n(n))
		case hotKeys:
			return r.get(w, r.zipf.hot(i+uint64(w.id)<<16, n), true)
		}
		return r.get(w, w.rng.n(n), true)
	})
}

func (p *phase) endRead() *Result {
	x := p.end(0)
	x.Verified = x.Ops
	return x
}

// withSmallCache opens the database with the small cache, brings its files into
// the page cache, and puts the usual cache back when f is done.
func (r *runner) withSmallCache(f func() (*Result, error)) ([]*Result, error) {
	if err := r.reopen(r.smallCache); err != nil {
		return nil, err
	}
	if _, err := r.scanAll(); err != nil {
		return nil, err
	}
	r.warm = true
	x, err := f()
	return one(x, errors.Join(err, r.reopen(nil)))
}

func readSmall(r *runner, name string, threads int) ([]*Result, error) {
	return r.withSmallCache(func() (*Result, error) {
		p := r.begin(name, threads)
		err := p.read(randomKeys, max(1, r.n()/2))
		return p.endRead(), err
	})
}

// coldBursts is how often the pages are dropped: reads warm the page cache, the
// more so the larger the readahead of an engine.
const coldBursts = 8

func readCold(r *runner, name string, threads int) ([]*Result, error) {
	var sum *phase
	for range coldBursts {
		p, err := r.coldBurst(name, threads, max(100, r.n()/1000))
		if err != nil {
			return nil, err
		}
		if sum != nil {
			p.add(sum)
		}
		sum = p
	}
	return one(sum.endRead(), r.reopen(nil))
}

// coldBurst reads a little after the pages were dropped. Opening is not timed.
func (r *runner) coldBurst(name string, threads int, ops uint64) (*phase, error) {
	if err := r.close(); err != nil {
		return nil, err
	}
	syncDir(r.dir)
	dropPages(r.dir)
	if err := r.open(r.smallCache); err != nil {
		return nil, err
	}
	p := r.begin(name, threads)
	err := p.read(randomKeys, min(ops, r.n()))
	p.stop()
	return p, err
}

// add adds the figures of an earlier burst.
func (p *phase) add(o *phase) {
	p.h.merge(&o.h)
	p.res.Ops += o.res.Ops
	p.res.Secs += o.res.Secs
	p.used = p.used.plus(o.used)
}
