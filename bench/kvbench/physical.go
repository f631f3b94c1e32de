package kvbench

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Physical prints what the disk and the memory under dir can do: no engine is
// faster than these. It writes a file of 256 MiB.
func Physical(w io.Writer, dir string) (err error) {
	if dir == "" {
		dir = os.TempDir()
	}
	path := filepath.Join(dir, "kvbench-physical-"+strconv.Itoa(os.Getpid()))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	p := &physical{clock: newClock(), w: w, f: f, dir: dir, block: make([]byte, 1<<20)}
	newValGen(len(p.block)).fill(p.block, 1, 1)
	for _, step := range []func() error{p.sequential, p.appends, p.overwrites, p.reads, p.memory} {
		if err := step(); err != nil {
			return fmt.Errorf("physical: %w", err)
		}
	}
	return nil
}

// physicalMiB is the size of the file: more than a disk takes at once.
const physicalMiB = 256

type physical struct {
	clock
	w     io.Writer
	f     *os.File
	dir   string
	block []byte // 1 MiB
}

func (p *physical) say(what, format string, a ...any) {
	fmt.Fprintf(p.w, "%-48s %s\n", what, fmt.Sprintf(format, a...))
}

// sequential writes the file, once into the page cache, once to the disk.
func (p *physical) sequential() error {
	for _, sync := range []bool{false, true} {
		syncDir(p.dir)
		begin := time.Now()
		for i := range int64(physicalMiB) {
			if _, err := p.f.WriteAt(p.block, i<<20); err != nil {
				return err
			}
		}
		what := "sequential write, page cache"
		if sync {
			what = "sequential write, one fsync at the end"
			if err := p.f.Sync(); err != nil {
				return err
			}
		}
		p.say(what, "%.0f MB/s", physicalMiB*1.048576/time.Since(begin).Seconds())
	}
	return nil
}

// latency times n calls of f.
func (p *physical) latency(what string, n int, f func() error) error {
	var h hist
	start := p.nanos()
	for t0 := start; h.n < uint64(n); {
		if err := f(); err != nil {
			return err
		}
		t1 := p.nanos()
		h.add(t1 - t0)
		t0 = t1
	}
	micros := func(q float64) float64 { return float64(h.quantile(q)) / 1e3 }
	p.say(what, "p50 %.1f µs  p99 %.1f µs  %.0f/s", micros(.5), micros(.99), float64(n)*1e9/float64(p.nanos()-start))
	return nil
}

func (p *physical) appends() error {
	at := int64(physicalMiB) << 20
	return p.latency("append 300 B and sync, the file grows", 1000, func() error {
		if _, err := p.f.WriteAt(p.block[:300], at); err != nil {
			return err
		}
		at += 300
		return datasync(p.f)
	})
}

func (p *physical) overwrites() error {
	at := int64(0)
	return p.latency("overwrite 4 KiB in place and sync", 1000, func() error {
		if _, err := p.f.WriteAt(p.block[:4096], at); err != nil {
			return err
		}
		at += 4096
		return datasync(p.f)
	})
}

func (p *physical) reads() error {
	g := rng{s: 5}
	page := make([]byte, 4096)
	read := func() error {
		_, err := p.f.ReadAt(page, int64(g.n(physicalMiB<<8))*4096)
		return err
	}
	if err := p.latency("read 4 KiB at random, page cache", 100_000, read); err != nil {
		return err
	}
	if err := p.f.Sync(); err != nil {
		return err
	}
	forget(p.f)
	return p.latency("read 4 KiB at random, page cache dropped", 2000, read)
}

func (p *physical) memory() error {
	to := make([]byte, len(p.block))
	begin := time.Now()
	for range 1000 {
		copy(to, p.block)
	}
	p.say("copy 1 MiB of memory", "%.1f GB/s", float64(1000*len(to))/1e9/time.Since(begin).Seconds())
	begin = time.Now()
	for range 1_000_000 {
		p.nanos()
	}
	p.say("look at the clock", "%.0f ns", float64(time.Since(begin).Nanoseconds())/1e6)
	return nil
}
