package kvbench

import "fmt"

// errLost is a record that is not what was written.
type errLost struct {
	index uint64
	what  string
}

func (e errLost) Error() string { return fmt.Sprintf("DATA LOSS: index %d %s", e.index, e.what) }

// verify reads sample indexes, all if sample is at least n, and compares every
// byte and the version with the model. It does the same for inserted records,
// and, if scan is set, checks order and number of all keys.
func (r *runner) verify(sample uint64, scan bool) (done uint64, err error) {
	g := rng{s: r.o.Seed*7 + 13}
	var c checker
	for s := range min(sample, r.n()) {
		i := s
		if sample < r.n() {
			i = g.n(r.n())
		}
		if err := c.check(r, i, r.ver[i], true); err != nil {
			return c.done, err
		}
	}
	inserted := r.inserted.Load()
	for range min(sample, inserted) {
		j, want := g.n(inserted), uint32(1)
		if r.isDead(j) {
			want = 0
		}
		if err := c.check(r, r.n()+j, want, false); err != nil {
			return c.done, err
		}
	}
	if scan {
		err = r.verifyOrder()
	}
	return c.done, err
}

// checker keeps the buffers of checks and counts them.
type checker struct {
	k, dst []byte
	done   uint64
}

// check compares one record; want 0 is absent. Unless exact, any version is good.
func (c *checker) check(r *runner, i uint64, want uint32, exact bool) error {
	c.k = r.keys.key(c.k, i)
	v, ok, err := r.eng.Get(c.k, c.dst)
	if err != nil {
		return err
	}
	if ok != (want > 0) {
		return errLost{i, fmt.Sprintf("present=%v, want version %d", ok, want)}
	}
	c.done++
	if !ok {
		return nil
	}
	c.dst = v
	if ver, good := r.vals.check(v, i); !good || exact && ver != want {
		return errLost{i, fmt.Sprintf("has version %d (intact=%v), want %d", ver, good, want)}
	}
	return nil
}

// isDead reports whether the jth inserted record was deleted by range.
func (r *runner) isDead(j uint64) bool {
	p := r.keys.parent(j)
	for _, d := range r.dead {
		if p >= d[0] && p < d[1] {
			return true
		}
	}
	return false
}

func (r *runner) verifyOrder() error {
	it, err := r.eng.NewIter(IterOptions{Long: true})
	if err != nil {
		return err
	}
	var prev []byte
	var n int64
	for ok := it.First(); ok; ok = it.Next() {
		if n > 0 && string(prev) >= string(it.Key()) {
			it.Close()
			return fmt.Errorf("scan out of order at entry %d", n)
		}
		prev = append(prev[:0], it.Key()...)
		n++
	}
	if err := closeIter(it); err != nil {
		return err
	}
	if n != r.live.Load() {
		return fmt.Errorf("DATA LOSS: a scan finds %d keys of %d", n, r.live.Load())
	}
	return nil
}
