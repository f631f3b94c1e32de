package kvbench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
)

// runner holds an open engine and a model of what must be in it. Workers write
// disjoint indexes, so that the model needs no lock.
type runner struct {
	clock
	entrant Entrant
	o       Options
	base    string // holds the databases
	dir     string // of the open one
	eng     Engine
	cfg     Config
	threads int

	keys *keySpace
	vals *valGen
	zipf *zipfTable

	ver      []uint32 // of each index; 0 is absent
	inserted atomic.Uint64
	live     atomic.Int64
	loaded   bool        // all indexes present and settled
	usable   bool        // as loaded, but for deletions since
	dead     [][2]uint64 // records inserted at these indexes were deleted by range
	warm     bool
	serial   int    // of the database
	phases   uint64 // so that phases draw different keys
	dirty    uint64 // records written since the database was settled
}

func newRunner(e Entrant, o Options, base string) *runner {
	r := &runner{clock: newClock(), entrant: e, o: o, base: base, threads: 1}
	r.setSize(o.N, o.Value)
	return r
}

func (r *runner) setSize(n uint64, value int) {
	r.keys, r.vals, r.zipf = newKeySpace(n), newValGen(value), nil
	r.ver = make([]uint32, n)
}

func (r *runner) n() uint64 { return r.keys.n }

// record is the bytes of a key with its value.
func (r *runner) record() uint64 { return uint64(keySize + r.vals.size) }

func (r *runner) config() Config {
	return Config{Dir: r.dir, Cache: int64(r.o.CacheKiB) << 10, WriteBuffer: int64(r.o.WriteMiB) << 20, BloomBits: r.o.BloomBits,
		Compression: r.o.Compression, Threads: r.threads, Workers: r.o.Workers}
}

// fresh removes the database and opens an empty one.
func (r *runner) fresh(edit func(*Config)) error {
	if err := r.newDir(); err != nil {
		return err
	}
	return r.open(edit)
}

func (r *runner) newDir() error {
	if err := r.drop(); err != nil {
		return err
	}
	r.serial++
	r.dir = filepath.Join(r.base, strconv.Itoa(r.serial))
	clear(r.ver)
	r.inserted.Store(0)
	r.live.Store(0)
	return os.MkdirAll(r.dir, 0o755)
}

func (r *runner) drop() error {
	err := r.close()
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
	r.loaded, r.usable, r.warm, r.dead, r.dirty = false, false, false, nil, 0
	return err
}

func (r *runner) open(edit func(*Config)) (err error) {
	r.cfg = r.config()
	if edit != nil {
		edit(&r.cfg)
	}
	r.warm = false
	r.eng, err = r.entrant.open(r.cfg)
	return err
}

func (r *runner) close() error {
	if r.eng == nil {
		return nil
	}
	err := r.eng.Close()
	r.eng = nil
	return err
}

func (r *runner) reopen(edit func(*Config)) error {
	if err := r.close(); err != nil {
		return err
	}
	return r.open(edit)
}

// smallCache is the edit of a configuration for reading with a small cache.
func (r *runner) smallCache(c *Config) {
	c.Cache, c.SmallCache = int64(r.o.SmallKiB)<<10, true
}

// load makes a database with all indexes at version 1, in random order, settles
// and verifies it. One that is there is settled again if much was written, so
// that no workload leaves its debts to the next.
func (r *runner) load() error {
	if r.loaded {
		if r.dirty <= r.n()/8 {
			return nil
		}
		return r.settle()
	}
	if err := r.fresh(nil); err != nil {
		return err
	}
	if err := r.put(shuffled(r.n(), r.o.Seed)); err != nil {
		return err
	}
	if err := r.settle(); err != nil {
		return err
	}
	if _, err := r.verify(r.n(), true); err != nil {
		return err
	}
	r.loaded, r.usable = true, true
	return nil
}

// put writes version 1 of the indexes, by batches.
func (r *runner) put(indexes []uint32) error {
	if err := writeBatches(r.eng, r.keys, r.vals, indexes); err != nil {
		return err
	}
	for _, i := range indexes {
		r.ver[i] = 1
	}
	r.live.Add(int64(len(indexes)))
	return nil
}

// writeBatches writes version 1 of the indexes by batches of about 256 KiB, at
// most 1,000 records.
func writeBatches(e Engine, keys *keySpace, vals *valGen, indexes []uint32) error {
	per := min(1000, max(1, 256<<10/(keySize+vals.size)))
	var b Batch
	var k, v []byte
	for n, i := range indexes {
		k, v = keys.key(k, uint64(i)), vals.fill(v, uint64(i), 1)
		b.Put(k, v)
		if b.Count < per && n < len(indexes)-1 {
			continue
		}
		if err := e.Write(&b); err != nil {
			return err
		}
		b.Reset()
	}
	return nil
}

// settle brings the database to its best shape for reading.
func (r *runner) settle() error {
	r.dirty, r.warm = 0, false
	if err := r.eng.Flush(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := r.eng.Compact(); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	syncDir(r.base)
	return nil
}

// warmUp scans everything and reads at random for up to a second, so that caches
// are full.
func (r *runner) warmUp() error {
	if r.warm {
		return nil
	}
	if _, err := r.scanAll(); err != nil {
		return err
	}
	g := rng{s: 77}
	var k, dst []byte
	end := r.nanos() + 1e9
	for i := uint64(0); i < r.n() && (i&255 != 0 || r.nanos() < end); i++ {
		k = r.keys.key(k, g.n(r.n()))
		v, ok, err := r.eng.Get(k, dst)
		if err != nil {
			return err
		}
		if ok {
			dst = v
		}
	}
	r.warm = true
	return nil
}

func (r *runner) scanAll() (n int64, err error) {
	it, err := r.eng.NewIter(IterOptions{Long: true})
	if err != nil {
		return 0, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	return n, closeIter(it)
}
