// Package ethdb makes a Varve store a key-value store of go-ethereum, so that
// programs written for github.com/ethereum/go-ethereum/ethdb can keep their data
// in it. It passes that project's own test suite.
package ethdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	eth "github.com/ethereum/go-ethereum/ethdb"
	"github.com/varvedb/varve/kv"
)

// ErrNotFound says that a key is absent. Only Get returns it.
var ErrNotFound = errors.New("not found")

// Options are the settings of a Database. The zero value is right for a
// database beside others in one store, whose writes are durable.
type Options struct {
	// Durability is that of every write, of a batch or not. The default is that
	// a write is on stable storage when it returns. The stores of go-ethereum
	// promise less and leave it to SyncKeyValue: kv.Buffered and kv.Process do
	// the same.
	Durability kv.Durability
	// Owned says that Close closes the store too.
	Owned bool
}

// Database keeps its entries in one keyspace of a store, and never reads or
// changes what is outside of it. It implements eth.KeyValueStore and may be used
// concurrently. After Close all that reads or writes fails with kv.ErrClosed.
//
// Every change, also of a range or by a batch, is atomic; DeleteRange never
// returns eth.ErrTooManyKeys. A key may be as long as the store allows less the
// 8 bytes of the keyspace; longer ones are refused with kv.ErrTooLarge.
type Database struct {
	store  kv.Store
	prefix []byte // of the keyspace
	opt    Options
	closed atomic.Bool
}

var _ eth.KeyValueStore = (*Database)(nil)

// New returns the database in keyspace id of store.
func New(store kv.Store, id uint64, opt Options) *Database {
	return &Database{store: store, prefix: kv.KeyspacePrefix(id), opt: opt}
}

// Has reports whether key is there.
func (d *Database) Has(key []byte) (bool, error) {
	if err := d.check(); err != nil {
		return false, err
	}
	return d.store.Has(d.key(key))
}

// Get returns the value of key, which belongs to the caller and is not nil, or
// ErrNotFound.
func (d *Database) Get(key []byte) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	val, ok, err := d.store.Get(d.key(key), []byte{})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrNotFound
	}
	return val, nil
}

// Put sets the value of key. A nil value is an empty one.
func (d *Database) Put(key, value []byte) error {
	var b kv.Batch
	b.Put(d.key(key), value)
	return d.apply(&b)
}

// Delete removes key. It is no error if the key is absent.
func (d *Database) Delete(key []byte) error {
	var b kv.Batch
	b.Delete(d.key(key))
	return d.apply(&b)
}

// DeleteRange removes the keys from start to before end. A nil start is before
// all keys of the database, a nil end after them. An empty or inverted range
// removes nothing.
func (d *Database) DeleteRange(start, end []byte) error {
	var b kv.Batch
	span := d.span(start, end)
	b.DeleteRange(span.Start, span.End)
	return d.apply(&b)
}

func (d *Database) apply(b *kv.Batch) error {
	if err := d.check(); err != nil {
		return err
	}
	_, err := d.store.Apply(context.Background(), b, kv.WriteOptions{Durability: d.opt.Durability})
	return err
}

// SyncKeyValue makes all writes so far durable.
func (d *Database) SyncKeyValue() error {
	if err := d.check(); err != nil {
		return err
	}
	if s, ok := d.store.(kv.Syncer); ok && d.store.Features().Syncer {
		return s.Sync(context.Background())
	}
	if d.opt.Durability != kv.Sync {
		return fmt.Errorf("sync: %w", errors.ErrUnsupported)
	}
	return nil
}

// Compact brings the keys from start to before limit to their smallest form, if
// the engine has more than one. A nil start is before all keys of the database,
// a nil limit after them.
func (d *Database) Compact(start, limit []byte) error {
	if err := d.check(); err != nil {
		return err
	}
	c, ok := d.store.(kv.Compactor)
	if !ok || !d.store.Features().Compactor {
		return nil
	}
	return c.Compact(context.Background(), d.span(start, limit), nil)
}

// Stat returns the counters of the store, which it may share with others, as
// text, a name and a number a line. It is empty for an engine that keeps none.
func (d *Database) Stat() (string, error) {
	if err := d.check(); err != nil {
		return "", err
	}
	if m, ok := d.store.(interface{ Metrics() kv.Metrics }); ok {
		return statText(m.Metrics()), nil
	}
	return "", nil
}

// Close ends the database, and the store if it owns it; then it returns the
// store's error, which names iterators that were not released. It is idempotent.
func (d *Database) Close() error {
	if d.closed.Swap(true) || !d.opt.Owned {
		return nil
	}
	return d.store.Close()
}

func (d *Database) check() error {
	if d.closed.Load() {
		return kv.ErrClosed
	}
	return nil
}

// key returns the key of the store for one of the database, in memory of its own.
func (d *Database) key(k []byte) []byte { return slices.Concat(d.prefix, k) }

// span returns the range of the store for one of the database, where nil is
// before and after all keys.
func (d *Database) span(start, end []byte) kv.Span {
	if end == nil {
		return kv.Span{Start: d.key(start), End: kv.PrefixEnd(d.prefix)}
	}
	return kv.Span{Start: d.key(start), End: d.key(end)}
}
