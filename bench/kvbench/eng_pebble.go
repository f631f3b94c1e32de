package kvbench

import (
	"context"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

type nopLogger struct{}

func (nopLogger) Infof(string, ...any)  {}
func (nopLogger) Errorf(string, ...any) {}
func (nopLogger) Fatalf(f string, a ...any) {
	panic("pebble: " + f)
}

type pebbleEng struct {
	db    *pebble.DB
	cache *pebble.Cache
	wo    *pebble.WriteOptions
	info  Info
}

// pebbleCache makes up for what Pebble alone charges to the cache: a mutable and
// an immutable memtable, or, where only reads come, the first small one.
func pebbleCache(c Config) int64 {
	if c.SmallCache {
		return c.Cache + 256<<10
	}
	return c.Cache + 2*c.WriteBuffer
}

// openPebble uses the settings of CockroachDB for level 0 and index blocks.
func openPebble(c Config) (Engine, error) {
	o := &pebble.Options{
		MemTableSize:                uint64(c.WriteBuffer),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000,
		LBaseMaxBytes:               256 << 20,
		MaxOpenFiles:                16384,
		Logger:                      nopLogger{},
		FormatMajorVersion:          pebble.FormatNewest,
		CompactionConcurrencyRange:  func() (int, int) { return 1, max(1, c.Workers) },
	}
	o.Cache = pebble.NewCache(pebbleCache(c))
	prof := sstable.NoCompression
	used := "none"
	switch c.Compression {
	case "snappy", "lz4":
		prof, used = sstable.SnappyCompression, "snappy"
	case "zstd":
		prof, used = sstable.ZstdCompression, "zstd"
	}
	for i := range o.Levels {
		l := &o.Levels[i]
		l.BlockSize = 4 << 10
		l.IndexBlockSize = 256 << 10
		l.Compression = func() *sstable.CompressionProfile { return prof }
		if c.BloomBits > 0 {
			l.FilterPolicy = bloom.FilterPolicy(c.BloomBits)
			l.FilterType = pebble.TableFilter
		}
	}
	db, err := pebble.Open(c.Dir, o)
	if err != nil {
		return nil, err
	}
	wo := pebble.NoSync
	if c.Sync {
		wo = pebble.Sync
	}
	return &pebbleEng{db: db, cache: o.Cache, wo: wo, info: Info{
		Version: moduleVersion("github.com/cockroachdb/pebble/v2"), Compression: used}}, nil
}

func (e *pebbleEng) Info() Info { return e.info }

func (e *pebbleEng) Get(key, dst []byte) ([]byte, bool, error) {
	v, cl, err := e.db.Get(key)
	if err == pebble.ErrNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	dst = append(dst[:0], v...)
	return dst, true, cl.Close()
}

func (e *pebbleEng) Put(k, v []byte) error           { return e.db.Set(k, v, e.wo) }
func (e *pebbleEng) Delete(k []byte) error           { return e.db.Delete(k, e.wo) }
func (e *pebbleEng) DeleteRange(lo, hi []byte) error { return e.db.DeleteRange(lo, hi, e.wo) }

func (e *pebbleEng) Write(b *Batch) error {
	w := e.db.NewBatchWithSize(len(b.Buf) + 64)
	err := b.Each(func(del bool, k, v []byte) error {
		if del {
			return w.Delete(k, nil)
		}
		return w.Set(k, v, nil)
	})
	if err == nil {
		err = w.Commit(e.wo)
	}
	if e2 := w.Close(); err == nil {
		err = e2
	}
	return err
}

type pebbleIter struct{ *pebble.Iterator }

func (i pebbleIter) Err() error { return i.Error() }

func (e *pebbleEng) NewIter(o IterOptions) (Iterator, error) {
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: o.Lower, UpperBound: o.Upper})
	if err != nil {
		return nil, err
	}
	return pebbleIter{it}, nil
}

func (e *pebbleEng) Flush() error { return e.db.Flush() }

func (e *pebbleEng) Compact() error {
	hi := make([]byte, 64)
	for i := range hi {
		hi[i] = 0xff
	}
	return e.db.Compact(context.Background(), nil, hi, true)
}

func (e *pebbleEng) Close() error {
	err := e.db.Close()
	e.cache.Unref()
	return err
}
