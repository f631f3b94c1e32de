package kvbench

type fillOptions struct {
	seq, sync bool
	batch     uint64  // records to a batch; 0 is single puts
	maxSecs   float64 // 0 is the limit of all
}

type runFunc = func(r *runner, name string, threads int) ([]*Result, error)

func fill(o fillOptions) runFunc {
	return func(r *runner, name string, threads int) ([]*Result, error) { return one(r.fill(name, threads, o)) }
}

func (r *runner) fill(name string, threads int, o fillOptions) (*Result, error) {
	if err := r.fresh(func(c *Config) { c.Sync = o.sync }); err != nil {
		return nil, err
	}
	order := shuffled(r.n(), r.o.Seed+1)
	if o.seq {
		order = ascending(r.n())
	}
	p := r.begin(name, threads)
	per := max(1, o.batch)
	batches := make([]Batch, threads)
	err := p.parallel((r.n()+per-1)/per, r.within(o.maxSecs), func(w *worker, i uint64) error {
		if o.batch == 0 {
			return r.update(w, uint64(order[i]))
		}
		return r.writeBatch(w, &batches[w.id], order[i*per:min((i+1)*per, r.n())])
	})
	if err != nil {
		return nil, err
	}
	p.res.Ops = p.hits
	r.live.Store(int64(p.hits))
	return p.endFill(p.hits * r.record())
}

// update writes the next version of an index.
func (r *runner) update(w *worker, id uint64) error {
	w.k = r.keys.key(w.k, id)
	w.v = r.vals.fill(w.v, id, r.ver[id]+1)
	if err := r.eng.Put(w.k, w.v); err != nil {
		return err
	}
	r.ver[id]++
	w.hits++
	return nil
}

func (r *runner) writeBatch(w *worker, b *Batch, indexes []uint32) error {
	b.Reset()
	for _, id := range indexes {
		w.k = r.keys.key(w.k, uint64(id))
		w.v = r.vals.fill(w.v, uint64(id), 1)
		b.Put(w.k, w.v)
	}
	if err := r.eng.Write(b); err != nil {
		return err
	}
	for _, id := range indexes {
		r.ver[id] = 1
	}
	w.hits += uint64(len(indexes))
	return nil
}

func overwrite(r *runner, name string, threads int) ([]*Result, error) {
	p := r.begin(name, threads)
	err := p.parallel(r.n(), r.o.MaxSecs, func(w *worker, _ uint64) error {
		return r.update(w, w.own(w.rng.n(r.n()), r.n()))
	})
	if err != nil {
		return nil, err
	}
	return one(p.endFill(p.res.Ops * r.record()))
}
