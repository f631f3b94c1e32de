package kvbench

import (
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

type badgerEng struct {
	db   *badger.DB
	opts badger.Options
	info Info
}

func openBadger(c Config) (Engine, error) {
	o := badger.DefaultOptions(c.Dir)
	o.Logger = nil
	o.SyncWrites = c.Sync
	o.DetectConflicts = false // no other peer pays for optimistic transactions
	o.NumVersionsToKeep = 1
	o.MetricsEnabled = false
	o.MemTableSize = c.WriteBuffer
	o.ValueThreshold = min(o.ValueThreshold, c.WriteBuffer/8) // must fit a batch
	o.BaseLevelSize = 256 << 20
	o.BaseTableSize = 16 << 20
	o.BlockSize = 4 << 10
	o.BlockCacheSize = c.Cache
	o.IndexCacheSize = 0 // indexes and filters stay in memory
	o.NumCompactors = max(2, c.Workers)
	// 10 bits per key is 0.82 % false positives.
	o.BloomFalsePositive = 0.0082
	if c.BloomBits == 0 {
		o.BloomFalsePositive = 0
	}
	used := "none"
	o.Compression = options.None
	switch c.Compression {
	case "snappy", "lz4":
		o.Compression, used = options.Snappy, "snappy"
	case "zstd":
		o.Compression, used = options.ZSTD, "zstd"
	}
	db, err := badger.Open(o)
	if err != nil {
		return nil, err
	}
	return &badgerEng{db: db, opts: o, info: Info{
		Version: moduleVersion("github.com/dgraph-io/badger/v4"), Compression: used}}, nil
}

func (e *badgerEng) Info() Info { return e.info }

func (e *badgerEng) Get(key, dst []byte) ([]byte, bool, error) {
	t := e.db.NewTransaction(false)
	defer t.Discard()
	it, err := t.Get(key)
	if err == badger.ErrKeyNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	err = it.Value(func(v []byte) error { dst = append(dst[:0], v...); return nil })
	return dst, true, err
}

func (e *badgerEng) Put(k, v []byte) error {
	return e.db.Update(func(t *badger.Txn) error { return t.Set(k, v) })
}

func (e *badgerEng) Delete(k []byte) error {
	return e.db.Update(func(t *badger.Txn) error { return t.Delete(k) })
}

func (e *badgerEng) Write(b *Batch) error {
	return e.db.Update(func(t *badger.Txn) error {
		return b.Each(func(del bool, k, v []byte) error {
			if del {
				return t.Delete(k)
			}
			return t.Set(k, v)
		})
	})
}

type badgerIter struct {
	t   *badger.Txn
	it  *badger.Iterator
	o   IterOptions
	val []byte
	err error
}

func (e *badgerEng) NewIter(o IterOptions) (Iterator, error) {
	t := e.db.NewTransaction(false)
	bo := badger.DefaultIteratorOptions
	bo.PrefetchValues = false // values are inside the tables
	bo.Reverse = o.Reverse
	return &badgerIter{t: t, it: t.NewIterator(bo), o: o}, nil
}

func (i *badgerIter) ok() bool {
	if !i.it.Valid() {
		return false
	}
	if i.o.Upper == nil && i.o.Lower == nil {
		return true
	}
	k := i.it.Item().Key()
	if i.o.Reverse {
		return i.o.Lower == nil || string(k) >= string(i.o.Lower)
	}
	return i.o.Upper == nil || string(k) < string(i.o.Upper)
}

func (i *badgerIter) need(reverse bool) bool {
	if i.o.Reverse != reverse {
		i.err = errUnsupported // a badger iterator has one direction for life
		return false
	}
	return true
}

func (i *badgerIter) First() bool {
	if !i.need(false) {
		return false
	}
	if i.o.Lower != nil {
		i.it.Seek(i.o.Lower)
	} else {
		i.it.Rewind()
	}
	return i.ok()
}

func (i *badgerIter) Last() bool {
	if !i.need(true) {
		return false
	}
	if i.o.Upper != nil {
		return i.SeekLT(i.o.Upper)
	}
	i.it.Rewind()
	return i.ok()
}

func (i *badgerIter) SeekGE(key []byte) bool {
	if !i.need(false) {
		return false
	}
	if i.o.Lower != nil && string(key) < string(i.o.Lower) {
		key = i.o.Lower
	}
	i.it.Seek(key)
	return i.ok()
}

func (i *badgerIter) SeekLT(key []byte) bool {
	if !i.need(true) {
		return false
	}
	if i.o.Upper != nil && string(key) > string(i.o.Upper) {
		key = i.o.Upper
	}
	i.it.Seek(key) // largest <= key
	if i.it.Valid() && string(i.it.Item().Key()) == string(key) {
		i.it.Next()
	}
	return i.ok()
}

func (i *badgerIter) Next() bool {
	if !i.need(false) {
		return false
	}
	i.it.Next()
	return i.ok()
}

func (i *badgerIter) Prev() bool {
	if !i.need(true) {
		return false
	}
	i.it.Next()
	return i.ok()
}

func (i *badgerIter) Key() []byte { return i.it.Item().Key() }
func (i *badgerIter) Value() []byte {
	err := i.it.Item().Value(func(v []byte) error { i.val = v; return nil })
	if err != nil {
		i.err = err
	}
	return i.val
}
func (i *badgerIter) Err() error { return i.err }
func (i *badgerIter) Close() error {
	i.it.Close()
	i.t.Discard()
	return nil
}

// Flush: badger has no public memtable flush; Sync makes the logs durable.
func (e *badgerEng) Flush() error { return e.db.Sync() }

// Compact: Flatten compacts tables only, and only Close flushes the memtable,
// so the database is closed and opened again first.
func (e *badgerEng) Compact() error {
	if err := e.db.Close(); err != nil {
		return err
	}
	db, err := badger.Open(e.opts)
	if err != nil {
		return err
	}
	e.db = db
	return e.db.Flatten(2)
}
func (e *badgerEng) Close() error { return e.db.Close() }
