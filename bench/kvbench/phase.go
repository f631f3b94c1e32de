package kvbench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
)

// worker is one measuring goroutine with its buffers.
type worker struct {
	id, of int
	h      hist
	ops    uint64 // timed operations
	hits   uint64 // records that they touched
	rng    rng
	k, v   []byte
	dst    []byte
	sum    uint64 // of bytes that were looked at
	err    error
}

// own moves an index to the share of the worker, so that only one worker ever
// writes it and the model stays exact.
func (w *worker) own(i, n uint64) uint64 {
	of := uint64(w.of)
	i += uint64(w.id) - i%of
	if i >= n {
		i -= of
	}
	return i
}

// phase is a timed stretch.
type phase struct {
	r     *runner
	res   *Result
	begin usage
	used  usage
	prof  *os.File // nil without profile
	h     hist
	hits  uint64
}

// begin starts a phase. Garbage of what came before is collected first.
func (r *runner) begin(name string, threads int) *phase {
	runtime.GC()
	resetPeakMemory()
	r.phases++
	d := r.entrant.Unsynced
	if r.cfg.Sync {
		d = Sync
	}
	info := r.eng.Info()
	return &phase{r: r, prof: r.profile(name, threads), begin: usageNow(), res: &Result{Engine: r.entrant.Name, Version: info.Version, Workload: name, Threads: threads,
		N: r.n(), Value: r.vals.size, Durability: d, Compression: info.Compression, CacheKiB: int(r.cfg.Cache >> 10),
		Extra: map[string]float64{}}}
}

// parallel runs body for i in [0,ops), split over the goroutines, until maxSecs
// have passed. Each call of body is one timed operation.
func (p *phase) parallel(ops uint64, maxSecs float64, body func(w *worker, i uint64) error) error {
	r, t := p.r, p.res.Threads
	ws := make([]*worker, t)
	start := r.nanos()
	var wg sync.WaitGroup
	for i := range ws {
		w := &worker{id: i, of: t, rng: rng{s: r.o.Seed<<32 + uint64(i)<<20 + uint64(r.serial) + r.phases<<40}}
		ws[i] = w
		wg.Go(func() { w.run(r.clock, start, ops, int64(maxSecs*1e9), body) })
	}
	wg.Wait()
	p.res.Secs = float64(r.nanos()-start) / 1e9
	for _, w := range ws {
		if w.err != nil {
			return w.err
		}
		p.h.merge(&w.h)
		p.res.Ops += w.ops
		p.hits += w.hits
	}
	return nil
}

func (w *worker) run(c clock, start int64, ops uint64, limit int64, body func(w *worker, i uint64) error) {
	t0 := c.nanos()
	for i := uint64(w.id); i < ops; i += uint64(w.of) {
		if w.err = body(w, i); w.err != nil {
			return
		}
		t1 := c.nanos()
		w.h.add(t1 - t0)
		w.ops++
		if t0 = t1; limit > 0 && t1-start > limit {
			return
		}
	}
}

// stop ends what is counted, if it was not ended before.
func (p *phase) stop() {
	if p.used == (usage{}) {
		p.used = usageNow().since(p.begin)
		if p.prof != nil {
			pprof.StopCPUProfile()
			p.prof.Close()
		}
	}
}

// profile starts a CPU profile, if that was asked for; without a file there is
// none.
func (r *runner) profile(name string, threads int) *os.File {
	if r.o.Profile == "" {
		return nil
	}
	f, err := os.Create(filepath.Join(r.o.Profile, fmt.Sprintf("%s-%s@%d.pprof", r.entrant.Name, name, threads)))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		return nil
	}
	return f
}

// end fills in the figures; written is the bytes of keys and values that were
// written.
func (p *phase) end(written uint64) *Result {
	p.stop()
	x, u := p.res, p.used
	ops := float64(max(1, x.Ops))
	x.OpsPerS = float64(x.Ops) / x.Secs
	x.P50, x.P99, x.P999 = p.h.quantile(.5), p.h.quantile(.99), p.h.quantile(.999)
	x.CPUPerOp = u.cpu * 1e6 / ops
	x.AllocPerOp = float64(u.allocated) / ops
	x.WritePerOp, x.ReadPerOp = float64(u.written)/ops, float64(u.read)/ops
	x.PeakBytes, x.Disk = peakMemory(), diskBytes(p.r.dir)
	if live := p.r.live.Load(); live > 0 {
		x.SpaceAmp = float64(x.Disk) / float64(uint64(live)*p.r.record())
	}
	if written == 0 {
		x.Durability = ""
		return x
	}
	x.WriteAmp = float64(u.written) / float64(written)
	return x
}

// endFill ends a phase that wrote: with a Flush, timed apart, then the figures,
// then a Compact.
func (p *phase) endFill(written uint64) (*Result, error) {
	r := p.r
	t0 := r.nanos()
	if err := r.eng.Flush(); err != nil {
		return nil, err
	}
	flush := float64(r.nanos()-t0) / 1e9
	x := p.end(written)
	x.FlushSecs, x.FlushedPerS = flush, float64(x.Ops)/(x.Secs+flush)
	if err := r.eng.Compact(); err != nil {
		return nil, err
	}
	x.CompactedAmp = float64(usageNow().written-p.begin.written) / float64(max(1, written))
	r.warm, r.dirty = false, 0
	var err error
	x.Verified, err = r.verify(20000, true)
	return x, err
}

// one is a list of one result.
func one(x *Result, err error) ([]*Result, error) {
	if err != nil {
		return nil, err
	}
	return []*Result{x}, nil
}

// within is the smaller limit of seconds; 0 is none.
func (r *runner) within(secs float64) float64 {
	if secs == 0 || r.o.MaxSecs > 0 && r.o.MaxSecs < secs {
		return r.o.MaxSecs
	}
	return secs
}
