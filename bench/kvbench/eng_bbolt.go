package kvbench

import (
	"bytes"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

var boltBucket = []byte("kv")

type boltEng struct {
	db    *bbolt.DB
	group bool
	info  Info
}

// openBolt keeps the list of free pages in memory, as etcd does. One transaction
// per Put, as the interface demands.
func openBolt(c Config) (Engine, error) {
	o := *bbolt.DefaultOptions
	o.NoSync = !c.Sync
	o.NoGrowSync = !c.Sync
	o.NoFreelistSync = true
	o.FreelistType = bbolt.FreelistMapType
	o.Timeout = 5 * time.Second
	// With NoFreelistSync a writable open walks the whole file; read-only does not.
	o.ReadOnly = c.SmallCache
	db, err := bbolt.Open(filepath.Join(c.Dir, "bolt.db"), 0o644, &o)
	if err != nil {
		return nil, err
	}
	if !c.SmallCache {
		err = db.Update(func(t *bbolt.Tx) error {
			_, err := t.CreateBucketIfNotExists(boltBucket)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	e := &boltEng{db: db, info: Info{
		Version: moduleVersion("go.etcd.io/bbolt"), Compression: "none"}}
	// Group commit: bbolt's own db.Batch, closed as soon as every writer waits.
	if c.Sync && c.Threads > 1 {
		e.group = true
		db.MaxBatchSize = c.Threads
		db.MaxBatchDelay = 2 * time.Millisecond
	}
	return e, nil
}

func (e *boltEng) Info() Info { return e.info }

func (e *boltEng) update(f func(b *bbolt.Bucket) error) error {
	g := func(t *bbolt.Tx) error { return f(t.Bucket(boltBucket)) }
	if e.group {
		return e.db.Batch(g)
	}
	return e.db.Update(g)
}

func (e *boltEng) Get(key, dst []byte) (val []byte, found bool, err error) {
	err = e.db.View(func(t *bbolt.Tx) error {
		if v := t.Bucket(boltBucket).Get(key); v != nil {
			val, found = append(dst[:0], v...), true
		}
		return nil
	})
	return
}

// bbolt keeps a reference to the value (not the key) until commit, which
// happens before Update and Batch return.
func (e *boltEng) Put(k, v []byte) error {
	return e.update(func(b *bbolt.Bucket) error { return b.Put(k, v) })
}

func (e *boltEng) Delete(k []byte) error {
	return e.update(func(b *bbolt.Bucket) error { return b.Delete(k) })
}

func (e *boltEng) Write(w *Batch) error {
	return e.update(func(b *bbolt.Bucket) error {
		return w.Each(func(del bool, k, v []byte) error {
			if del {
				return b.Delete(k)
			}
			return b.Put(k, v)
		})
	})
}

type boltIter struct {
	t    *bbolt.Tx
	c    *bbolt.Cursor
	o    IterOptions
	k, v []byte
}

func (e *boltEng) NewIter(o IterOptions) (Iterator, error) {
	t, err := e.db.Begin(false)
	if err != nil {
		return nil, err
	}
	return &boltIter{t: t, c: t.Bucket(boltBucket).Cursor(), o: o}, nil
}

func (i *boltIter) set(k, v []byte) bool {
	if k != nil && (i.o.Upper != nil && bytes.Compare(k, i.o.Upper) >= 0 ||
		i.o.Lower != nil && bytes.Compare(k, i.o.Lower) < 0) {
		k = nil
	}
	i.k, i.v = k, v
	return k != nil
}

func (i *boltIter) First() bool {
	if i.o.Lower != nil {
		return i.set(i.c.Seek(i.o.Lower))
	}
	return i.set(i.c.First())
}

func (i *boltIter) Last() bool {
	if i.o.Upper != nil {
		return i.SeekLT(i.o.Upper)
	}
	return i.set(i.c.Last())
}

func (i *boltIter) SeekGE(key []byte) bool {
	if i.o.Lower != nil && bytes.Compare(key, i.o.Lower) < 0 {
		key = i.o.Lower
	}
	return i.set(i.c.Seek(key))
}

func (i *boltIter) SeekLT(key []byte) bool {
	if i.o.Upper != nil && bytes.Compare(key, i.o.Upper) > 0 {
		key = i.o.Upper
	}
	if k, _ := i.c.Seek(key); k == nil {
		return i.set(i.c.Last())
	}
	return i.set(i.c.Prev())
}

func (i *boltIter) Next() bool    { return i.set(i.c.Next()) }
func (i *boltIter) Prev() bool    { return i.set(i.c.Prev()) }
func (i *boltIter) Key() []byte   { return i.k }
func (i *boltIter) Value() []byte { return i.v }
func (i *boltIter) Err() error    { return nil }
func (i *boltIter) Close() error  { return i.t.Rollback() }

func (e *boltEng) Flush() error   { return e.db.Sync() }
func (e *boltEng) Compact() error { return nil }
func (e *boltEng) Close() error   { return e.db.Close() }
