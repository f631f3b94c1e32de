package version

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/varvedb/varve/kv"
)

// Home is where a map lives: a keyspace, seen on a store, inside a transaction
// or at a snapshot. Package varve makes the homes of collections; [OnStore] is
// one on a bare engine.
type Home interface {
	// Newest returns a reader of the newest state, for a single read.
	Newest() (r kv.Reader, keyspace uint64, err error)
	// View runs f on a state that does not change.
	View(f func(r kv.Reader, keyspace uint64) error) error
	// Update runs f in a transaction, again if another one got ahead. If f
	// returns an error, what it wrote is not kept, or is taken back by f.
	Update(f func(t *kv.Txn, keyspace uint64) error) error
}

// OnStore returns a keyspace of a store as a home. Every write is a commit of
// its own with the given durability.
func OnStore(store kv.Store, keyspace uint64, d kv.Durability) Home {
	return onStore{store, keyspace, d}
}

type onStore struct {
	store kv.Store
	space uint64
	dur   kv.Durability
}

func (h onStore) Newest() (kv.Reader, uint64, error) { return h.store, h.space, nil }

func (h onStore) View(f func(kv.Reader, uint64) error) error {
	snap, err := h.store.Snapshot(context.Background())
	if err != nil {
		return err
	}
	return errors.Join(f(snap, h.space), snap.Close())
}

func (h onStore) Update(f func(*kv.Txn, uint64) error) error {
	return kv.Update(context.Background(), h.store, kv.WriteOptions{Durability: h.dur}, func(t *kv.Txn) error {
		return f(t, h.space)
	})
}

// InTxn returns a keyspace inside a transaction as a home.
func InTxn(t *kv.Txn, keyspace uint64) Home { return inTxn{t, keyspace} }

type inTxn struct {
	t     *kv.Txn
	space uint64
}

func (h inTxn) Newest() (kv.Reader, uint64, error)         { return h.t, h.space, nil }
func (h inTxn) View(f func(kv.Reader, uint64) error) error { return f(h.t, h.space) }
func (h inTxn) Update(f func(*kv.Txn, uint64) error) error { return f(h.t, h.space) }

// Options are the settings of a map. The zero value is right for most.
type Options struct {
	// Cache holds decoded nodes. All handles of a store must share one; by
	// default each map opened has its own, which is right for a single handle.
	Cache *Cache
	// Now tells the time of commits; the system's clock by default.
	Now func() time.Time
}

// core is a map without its types.
type core struct {
	home  Home
	cache *Cache
	now   func() time.Time
	quick *sync.Pool // of *quick
}

func newCore(home Home, opt *Options) core {
	c := core{home: home, now: time.Now, quick: &sync.Pool{New: func() any { return new(quick) }}}
	if opt != nil && opt.Now != nil {
		c.now = opt.Now
	}
	if opt != nil {
		c.cache = opt.Cache
	}
	if c.cache == nil {
		c.cache = NewCache(0)
	}
	return c
}

// view runs f on a state that does not change.
func (c *core) view(f func(*session) error) error {
	return c.home.View(func(r kv.Reader, space uint64) error {
		return failed(r, f(reading(r, space, c.cache)))
	})
}

// failed makes a transaction that met damage one that cannot commit.
func failed(r kv.Reader, err error) error {
	var damage *kv.CorruptionError
	if t, ok := r.(*kv.Txn); ok && errors.As(err, &damage) {
		return t.Fail(err)
	}
	return err
}

// update runs f in a transaction. If f fails, what it wrote is taken back, so
// that a transaction that goes on all the same commits nothing half done.
func (c *core) update(f func(*session) error) error {
	err := c.home.Update(func(t *kv.Txn, space uint64) error {
		before := t.Savepoint()
		s, err := writing(t, space, c.cache, c.now)
		if err == nil {
			err = f(s)
		}
		if err != nil {
			return errors.Join(failed(t, err), t.Restore(before))
		}
		return t.Err()
	})
	if err == nil {
		c.cache.Announce()
	}
	return err
}
