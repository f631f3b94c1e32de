package kvbench

// deleteRange deletes 100 ranges. Engines that cannot, scan and delete by batches:
// extra.native tells.
func deleteRange(r *runner, name string, threads int) ([]*Result, error) {
	r.loaded = false
	n := r.n()
	ranges, width := uint64(100), n/1000
	if width == 0 {
		ranges, width = 1, 1
	}
	native, ok := r.eng.(RangeDeleter)
	p := r.begin(name, threads)
	if ok {
		p.res.Extra["native"] = 1
	}
	for i := range ranges {
		first := i * (n / ranges)
		r.dead = append(r.dead, [2]uint64{first, min(first+width, n) - 1})
	}
	err := p.parallel(ranges, r.o.MaxSecs, func(w *worker, i uint64) (err error) {
		first, last := r.dead[i][0], r.dead[i][1]
		lo, hi := r.keys.key(nil, first), r.keys.missing(nil, last)
		if ok {
			err = native.DeleteRange(lo, hi)
		} else {
			err = deleteByScan(r.eng, lo, hi)
		}
		clear(r.ver[first : last+1])
		w.hits += last + 1 - first
		return err
	})
	if err != nil {
		return nil, err
	}
	r.dead = r.dead[:p.res.Ops]
	p.res.Extra["ranges_per_s"] = float64(p.res.Ops) / p.res.Secs
	p.res.Ops = p.hits
	r.live.Add(-int64(p.hits))
	for j := range r.inserted.Load() {
		if r.isDead(j) {
			r.live.Add(-1)
		}
	}
	return one(p.endFill(p.hits * keySize))
}

// deleteRandom deletes half of the keys; that some are missing since deleteRange
// does no harm.
func deleteRandom(r *runner, name string, threads int) ([]*Result, error) {
	if !r.usable {
		if err := r.load(); err != nil {
			return nil, err
		}
	}
	r.loaded, r.usable = false, false
	order := shuffled(r.n(), r.o.Seed+2)[:max(1, r.n()/2)]
	p := r.begin(name, threads)
	err := p.parallel(uint64(len(order)), r.o.MaxSecs, func(w *worker, i uint64) error {
		id := uint64(order[i])
		w.k = r.keys.key(w.k, id)
		if r.ver[id] > 0 {
			w.hits++
		}
		r.ver[id] = 0
		return r.eng.Delete(w.k)
	})
	if err != nil {
		return nil, err
	}
	r.live.Add(-int64(p.hits))
	return one(p.endFill(p.res.Ops * keySize))
}
