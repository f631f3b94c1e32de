package kvbench

import (
	"context"
	"strings"
	"sync"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/lsm"
)

// The engines of this module, through the interface that collections use. The
// keys are not prefixed with a keyspace. Where writes are not synced, the
// entrant of that name hands them to the system before it returns (Buffered),
// and the one named -process may keep them in its buffer (Process).

func lsmEntrant(name string, d Durability) Entrant {
	return Entrant{Name: name, Ours: true, Unsynced: d, open: func(c Config) (Engine, error) {
		s, err := lsm.Open(context.Background(), lsmOptions(c))
		if err != nil {
			return nil, err
		}
		return newVarve(s, c, d, strings.Replace(c.Compression, "snappy", "s2", 1)), nil
	}}
}

func refEntrant(name string, d Durability) Entrant {
	return Entrant{Name: name, Ours: true, Unsynced: d, Resident: true,
		Notes: "all content in memory: no cache, filter, compression, write buffer",
		open: func(c Config) (Engine, error) {
			s, err := ref.Open(context.Background(), &ref.Options{Dir: c.Dir})
			if err != nil {
				return nil, err
			}
			return newVarve(s, c, d, "none"), nil
		}}
}

func treeEntrant(name string, d Durability) Entrant {
	return Entrant{Name: name, Ours: true, Unsynced: d,
		Notes: "no filter, compression; the write buffer is the log between checkpoints",
		open: func(c Config) (Engine, error) {
			s, err := bwtree.Open(context.Background(), &bwtree.Options{Dir: c.Dir, CacheBytes: c.Cache, RedoBytes: c.WriteBuffer})
			if err != nil {
				return nil, err
			}
			return newVarve(s, c, d, "none"), nil
		}}
}

func lsmOptions(c Config) *lsm.Options {
	o := &lsm.Options{
		Dir:            c.Dir,
		WriteBuffer:    c.WriteBuffer,
		MaxMemtables:   4,
		BlockCache:     c.Cache,
		MaxOpenFiles:   16384,
		BlockSize:      4 << 10,
		BloomBits:      c.BloomBits,
		LevelBase:      256 << 20,
		MaxCompactions: max(1, c.Workers),
	}
	if c.BloomBits == 0 {
		o.BloomBits = -1
	}
	o.Compression = []lsm.Compression{lsmCompression(c.Compression)}
	return o
}

func lsmCompression(name string) lsm.Compression {
	switch name {
	case "none":
		return lsm.NoCompression
	case "snappy":
		return lsm.S2 // of the same family
	case "zstd":
		return lsm.Zstd
	}
	return lsm.LZ4
}

// varveEng measures a kv.Store.
type varveEng struct {
	s       kv.Store
	opt     kv.WriteOptions
	info    Info
	batches sync.Pool // of *kv.Batch
}

func newVarve(s kv.Store, c Config, unsynced Durability, compression string) *varveEng {
	e := &varveEng{s: s, info: Info{Version: "this", Compression: compression}}
	e.batches.New = func() any { return new(kv.Batch) }
	switch {
	case c.Sync:
		e.opt.Durability = kv.Sync
	case unsynced == Process:
		e.opt.Durability = kv.Process
	default:
		e.opt.Durability = kv.Buffered
	}
	return e
}

func (e *varveEng) Info() Info { return e.info }

func (e *varveEng) Get(key, dst []byte) ([]byte, bool, error) { return e.s.Get(key, dst) }

// apply fills a batch and writes it. A batch may be used again when Apply has
// returned.
func (e *varveEng) apply(fill func(*kv.Batch)) error {
	b := e.batches.Get().(*kv.Batch)
	b.Reset()
	fill(b)
	_, err := e.s.Apply(context.Background(), b, e.opt)
	e.batches.Put(b)
	return err
}

func (e *varveEng) Put(k, v []byte) error { return e.apply(func(b *kv.Batch) { b.Put(k, v) }) }

func (e *varveEng) Delete(k []byte) error { return e.apply(func(b *kv.Batch) { b.Delete(k) }) }

func (e *varveEng) DeleteRange(lo, hi []byte) error {
	return e.apply(func(b *kv.Batch) { b.DeleteRange(lo, hi) })
}

func (e *varveEng) Write(w *Batch) error {
	return e.apply(func(b *kv.Batch) {
		w.Each(func(del bool, k, v []byte) error {
			if del {
				b.Delete(k)
			} else {
				b.Put(k, v)
			}
			return nil
		})
	})
}

func (e *varveEng) NewIter(o IterOptions) (Iterator, error) {
	return e.s.Iter(kv.IterOptions{Lower: o.Lower, Upper: o.Upper}), nil
}

func (e *varveEng) Flush() error {
	if f, ok := e.s.(kv.Flusher); ok {
		return f.Flush(context.Background())
	}
	return nil
}

func (e *varveEng) Compact() error {
	if c, ok := e.s.(kv.Compactor); ok {
		return c.Compact(context.Background(), kv.Span{}, nil)
	}
	return nil
}

func (e *varveEng) Close() error { return e.s.Close() }
