package ethdb

import (
	"slices"

	eth "github.com/ethereum/go-ethereum/ethdb"
	"github.com/varvedb/varve/kv"
)

// iterator walks the entries of a Database forward. At its end, or after an
// error, it releases what it holds, since some callers then do not; before that
// Release is up to them.
type iterator struct {
	entries kv.Iterator // once released, one that has nothing but the error
	prefix  int         // length of the keyspace's prefix
	fresh   bool        // entries is at the first one, which Next has yet to announce
}

// NewIterator returns an iterator over the keys that begin with prefix, from the
// first that is not below prefix followed by start. It sees the state at its
// making, whatever is written meanwhile, and must be released.
func (d *Database) NewIterator(prefix, start []byte) eth.Iterator {
	if err := d.check(); err != nil {
		return &iterator{entries: kv.FailedIterator(err)}
	}
	within := d.key(prefix)
	entries := d.store.Iter(kv.IterOptions{Prefix: within, Lower: slices.Concat(within, start)})
	it := &iterator{entries: entries, prefix: len(d.prefix), fresh: true}
	if !entries.First() { // fixes the state
		it.Release()
	}
	return it
}

// Next moves to the next entry, at first to the first one, and reports whether
// there is one.
func (it *iterator) Next() bool {
	if it.fresh {
		it.fresh = false
		return it.entries.Valid()
	}
	if it.entries.Next() {
		return true
	}
	it.Release()
	return false
}

// Error returns the first error met, also after Release.
func (it *iterator) Error() error { return it.entries.Err() }

// Key returns the key of the entry, valid until the next move or Release. It is
// nil only where there is no entry.
func (it *iterator) Key() []byte {
	if it.fresh || !it.entries.Valid() {
		return nil
	}
	return it.entries.Key()[it.prefix:]
}

// Value returns the value of the entry, valid until the next move or Release. It
// is nil only where there is no entry.
func (it *iterator) Value() []byte {
	if it.fresh || !it.entries.Valid() {
		return nil
	}
	return it.entries.Value()
}

// Release ends the iterator. It is idempotent.
func (it *iterator) Release() { it.entries = kv.FailedIterator(it.entries.Close()) }
