// Package datastore makes a Varve store a datastore of the ipfs project, so that
// programs written for github.com/ipfs/go-datastore can keep their data in it.
// It passes that project's own test suite.
package datastore

import (
	"context"
	"errors"
	"fmt"

	ds "github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	"github.com/varvedb/varve/kv"
)

// Datastore keeps its entries in one keyspace of a store. It implements
// ds.Batching and ds.PersistentDatastore, and may be used concurrently. Puts and
// deletes are durable when they return.
type Datastore struct {
	store kv.Store
	id    uint64
	owned bool
}

var (
	_ ds.Batching            = (*Datastore)(nil)
	_ ds.PersistentDatastore = (*Datastore)(nil)
)

// New returns a datastore in keyspace id of store. If owned, Close closes the
// store.
func New(store kv.Store, id uint64, owned bool) *Datastore {
	return &Datastore{store: store, id: id, owned: owned}
}

func (d *Datastore) key(k ds.Key) []byte {
	return append(kv.KeyspacePrefix(d.id), k.String()...)
}

// Get returns the value of key, or ds.ErrNotFound.
func (d *Datastore) Get(_ context.Context, key ds.Key) ([]byte, error) {
	val, ok, err := d.store.Get(d.key(key), []byte{})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ds.ErrNotFound
	}
	return val, nil
}

// Has reports whether key is there.
func (d *Datastore) Has(_ context.Context, key ds.Key) (bool, error) {
	return d.store.Has(d.key(key))
}

// GetSize returns the length of the value of key, or -1 and ds.ErrNotFound.
func (d *Datastore) GetSize(ctx context.Context, key ds.Key) (int, error) {
	val, err := d.Get(ctx, key)
	if err != nil {
		return -1, err
	}
	return len(val), nil
}

// Put sets the value of key.
func (d *Datastore) Put(ctx context.Context, key ds.Key, value []byte) error {
	var b kv.Batch
	b.Put(d.key(key), value)
	return d.apply(ctx, &b)
}

// Delete removes key.
func (d *Datastore) Delete(ctx context.Context, key ds.Key) error {
	var b kv.Batch
	b.Delete(d.key(key))
	return d.apply(ctx, &b)
}

func (d *Datastore) apply(ctx context.Context, b *kv.Batch) error {
	_, err := d.store.Apply(ctx, b, kv.WriteOptions{})
	return err
}

// Sync makes everything durable.
func (d *Datastore) Sync(ctx context.Context, _ ds.Key) error {
	if s, ok := d.store.(kv.Syncer); ok {
		return s.Sync(ctx)
	}
	return nil
}

// Close closes the store if the datastore owns it.
func (d *Datastore) Close() error {
	if !d.owned {
		return nil
	}
	return d.store.Close()
}

// DiskUsage returns the bytes of the keyspace's keys and values.
func (d *Datastore) DiskUsage(ctx context.Context) (uint64, error) {
	ks, err := d.store.Keyspace(d.id, kv.KeyspaceOptions{})
	if err != nil {
		return 0, err
	}
	stats, err := ks.Stats(ctx)
	return uint64(stats.Bytes), err
}

// Query runs q on one state. Prefix and the order of keys are those of the
// store; filters, other orders, offset and limit are applied on the way.
func (d *Datastore) Query(ctx context.Context, q query.Query) (query.Results, error) {
	snap, err := d.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	prefix := ds.NewKey(q.Prefix).String()
	if prefix != "/" {
		prefix += "/"
	}
	base := kv.KeyspacePrefix(d.id)
	opt := kv.IterOptions{Prefix: append(base, prefix...), KeysOnly: q.KeysOnly && !q.ReturnsSizes}
	it := snap.Iter(opt)
	move := it.First
	rest := query.ResultsFromIterator(q, query.Iterator{
		Next: func() (query.Result, bool) {
			ok := move()
			move = it.Next
			if !ok {
				return query.Result{Error: it.Err()}, it.Err() != nil
			}
			return query.Result{Entry: d.entry(it, q.KeysOnly)}, true
		},
		Close: func() error { return errors.Join(it.Close(), snap.Close()) },
	})
	left := q
	left.Prefix = ""
	return query.NaiveQueryApply(left, rest), nil
}

func (d *Datastore) entry(it kv.Iterator, keysOnly bool) query.Entry {
	e := query.Entry{Key: string(it.Key()[8:]), Size: len(it.Value())}
	if !keysOnly {
		e.Value = append([]byte{}, it.Value()...)
	}
	return e
}

// Batch returns a batch whose Commit is atomic.
func (d *Datastore) Batch(context.Context) (ds.Batch, error) { return &batch{d: d}, nil }

type batch struct {
	d *Datastore
	b kv.Batch
}

func (b *batch) Put(_ context.Context, key ds.Key, value []byte) error {
	b.b.Put(b.d.key(key), value)
	return b.b.Err()
}

func (b *batch) Delete(_ context.Context, key ds.Key) error {
	b.b.Delete(b.d.key(key))
	return b.b.Err()
}

func (b *batch) Commit(ctx context.Context) error {
	if err := b.d.apply(ctx, &b.b); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	b.b.Reset()
	return nil
}
