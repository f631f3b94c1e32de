package kvbench

import (
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/iterator"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
)

type goLevelEng struct {
	db   *leveldb.DB
	wo   *opt.WriteOptions
	info Info
}

func openGoLevel(c Config) (Engine, error) {
	o := &opt.Options{
		BlockCacheCapacity:     int(c.Cache),
		BlockSize:              4 << 10,
		WriteBuffer:            int(c.WriteBuffer),
		CompactionTableSize:    16 << 20,
		CompactionTotalSize:    256 << 20,
		OpenFilesCacheCapacity: 4096,
		Compression:            opt.NoCompression,
		DisableSeeksCompaction: true,
	}
	used := "none"
	if c.Compression != "none" {
		o.Compression, used = opt.SnappyCompression, "snappy"
	}
	if c.BloomBits > 0 {
		o.Filter = filter.NewBloomFilter(c.BloomBits)
	}
	db, err := leveldb.OpenFile(c.Dir, o)
	if err != nil {
		return nil, err
	}
	return &goLevelEng{db: db, wo: &opt.WriteOptions{Sync: c.Sync}, info: Info{
		Version: moduleVersion("github.com/syndtr/goleveldb"), Compression: used}}, nil
}

func (e *goLevelEng) Info() Info { return e.info }

// Get always makes a copy of its own.
func (e *goLevelEng) Get(key, _ []byte) ([]byte, bool, error) {
	v, err := e.db.Get(key, nil)
	if err == leveldb.ErrNotFound {
		return nil, false, nil
	}
	return v, err == nil, err
}

func (e *goLevelEng) Put(k, v []byte) error { return e.db.Put(k, v, e.wo) }
func (e *goLevelEng) Delete(k []byte) error { return e.db.Delete(k, e.wo) }

func (e *goLevelEng) Write(b *Batch) error {
	w := leveldb.MakeBatch(len(b.Buf) + 64)
	b.Each(func(del bool, k, v []byte) error {
		if del {
			w.Delete(k)
		} else {
			w.Put(k, v)
		}
		return nil
	})
	return e.db.Write(w, e.wo)
}

type goLevelIter struct {
	iterator.Iterator
}

func (i goLevelIter) SeekGE(key []byte) bool { return i.Seek(key) }
func (i goLevelIter) SeekLT(key []byte) bool {
	if !i.Seek(key) {
		return i.Last()
	}
	return i.Prev()
}
func (i goLevelIter) Err() error   { return i.Error() }
func (i goLevelIter) Close() error { i.Release(); return nil }

func (e *goLevelEng) NewIter(o IterOptions) (Iterator, error) {
	return goLevelIter{e.db.NewIterator(&util.Range{Start: o.Lower, Limit: o.Upper}, nil)}, nil
}

// Flush: opening a transaction flushes the memtable; there is no other call.
func (e *goLevelEng) Flush() error {
	t, err := e.db.OpenTransaction()
	if err != nil {
		return err
	}
	t.Discard()
	return nil
}
func (e *goLevelEng) Compact() error { return e.db.CompactRange(util.Range{}) }
func (e *goLevelEng) Close() error   { return e.db.Close() }
