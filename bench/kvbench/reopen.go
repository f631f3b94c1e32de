package kvbench

import (
	"fmt"
	"os"
)

// reopen measures recovery: another process writes 3/4 of a write buffer durably
// and is killed; timed are Open and the first Get.
func reopen(r *runner, name string, threads int) ([]*Result, error) {
	if err := r.newDir(); err != nil {
		return nil, err
	}
	count := min(r.n(), uint64(r.o.WriteMiB)<<20*3/4/r.record())
	if err := crashIn(order{Engine: r.entrant.Name, Options: r.o, Dir: r.dir, Crash: count}); err != nil {
		return nil, err
	}
	written := crashed(r.o, count)
	for _, i := range written {
		r.ver[i] = 1
	}
	r.live.Store(int64(count))
	resetPeakMemory()
	before, t0 := usageNow(), r.nanos()
	if err := r.open(nil); err != nil {
		return nil, fmt.Errorf("recovery: %w", err)
	}
	opened := r.nanos() - t0
	if err := r.get(new(worker), uint64(written[0]), true); err != nil {
		return nil, err
	}
	took := r.nanos() - t0
	used := usageNow().since(before)
	p := r.begin(name, threads)
	p.used, p.res.Ops, p.res.Secs = used, count, float64(took)/1e9
	p.h.add(took)
	p.res.Extra["open_ms"] = float64(opened) / 1e6
	x := p.end(0)
	x.Durability = Sync
	var err error
	x.Verified, err = r.verify(r.n(), true)
	return one(x, err)
}

// crashed lists the indexes that were written before the crash.
func crashed(o Options, count uint64) []uint32 { return shuffled(o.N, o.Seed+3)[:count] }

// crashIn runs a process that ends in crash. Only one that failed says something.
func crashIn(o order) error {
	cmd, err := child(o)
	if err != nil {
		return err
	}
	out, err := cmd.CombinedOutput()
	if err == nil || len(out) > 0 {
		return fmt.Errorf("the process that crashes: %v %s", err, out)
	}
	return nil
}

// crash writes durably and kills this process.
func crash(o order) error {
	e, err := Find(o.Engine)
	if err != nil {
		return err
	}
	r := newRunner(e, o.Options, "")
	r.dir = o.Dir
	if err := r.open(func(c *Config) { c.Sync = true }); err != nil {
		return err
	}
	if err := writeBatches(r.eng, r.keys, r.vals, crashed(o.Options, o.Crash)); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {}
}
