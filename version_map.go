package varve

import (
	"context"
	"fmt"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/version"
)

// VersionMap is a persistent map with history, after Git's model: it has
// branches, commits, tags, merges, diffs, and every old state can be read. See
// package version, whose Map it is.
//
//	docs, err := varve.OpenVersionMap[string, Page](db, "docs")
//	main, err := docs.Main()
//	err = main.Put("intro", page)
//	first, err := main.Commit("First draft", nil)
//
// Handles may be used concurrently, but for those that In has bound to a
// transaction.
type VersionMap[K, V any] struct {
	space
	*version.Map[K, V]
}

// OpenVersionMap opens the versioned map of the given name, and makes it if
// there is none. Keys are of a type that has an order, as those of OrderedMap.
func OpenVersionMap[K, V any](db *DB, name string, opts ...CollectionOption) (*VersionMap[K, V], error) {
	c := newConfig(opts)
	kc, err := keys[K](c)
	if err != nil {
		return nil, err
	}
	vc, err := values[V](c)
	if err != nil {
		return nil, err
	}
	e, err := db.open(name, record{Kind: KindVersion, Key: kc.Shape(), Value: vc.Shape()})
	if err != nil {
		return nil, err
	}
	s := space{db: db, entry: e, dur: db.opt.Durability}
	opt := &version.Options{Cache: db.nodes, Now: db.now}
	return &VersionMap[K, V]{s, version.New(version.Home(home{s}), kc, vc, opt)}, nil
}

// In returns the map inside a transaction. Branches are taken from it anew.
func (m *VersionMap[K, V]) In(tx *Tx) *VersionMap[K, V] { return m.on(m.in(tx)) }

// AtSnapshot returns the map as it was at a snapshot: its commits stay as long
// as the snapshot is open. At, in other collections, here is the state of a
// commit.
func (m *VersionMap[K, V]) AtSnapshot(snap *Snapshot) *VersionMap[K, V] { return m.on(m.at(snap)) }

// Durable returns a handle whose writes have durability d.
func (m *VersionMap[K, V]) Durable(d Durability) *VersionMap[K, V] { return m.on(m.durable(d)) }

func (m *VersionMap[K, V]) on(s space) *VersionMap[K, V] {
	return &VersionMap[K, V]{s, m.Map.In(home{s})}
}

// Attach opens, in db, the map whose stored handle m is.
func (m *VersionMap[K, V]) Attach(db *DB, opts ...CollectionOption) error {
	return attach(m, db, OpenVersionMap[K, V], opts)
}

// Clear removes everything, history included, in O(1). What is left is a map
// with one empty branch.
func (m *VersionMap[K, V]) Clear() error { return m.clear() }

func (m *VersionMap[K, V]) bind(db *DB, name string, opts []CollectionOption) error {
	return bindTo(m, db, name, opts, OpenVersionMap[K, V])
}

// verifyHistory checks the versioned maps: every node of every commit, the
// references and the staged edits.
func (db *DB) verifyHistory(ctx context.Context) error {
	return kv.View(ctx, db.store, func(r kv.Reader) error {
		for info, err := range collections(r, "") {
			if err != nil {
				return err
			}
			if info.Kind != KindVersion {
				continue
			}
			rec, _, err := readRecord(r, info.ID)
			if err == nil {
				_, err = version.Verify(ctx, r, rec.Space)
			}
			if err != nil {
				return fmt.Errorf("versioned map %q: %w", info.Name, err)
			}
		}
		return nil
	})
}

// mainLength counts the entries of the main branch of a versioned map.
func (db *DB) mainLength(space uint64) (int64, error) {
	m := version.New[any, any](version.OnStore(db.store, space, Sync), nil, nil, &version.Options{Cache: db.nodes})
	main, err := m.Main()
	if err != nil {
		return 0, err
	}
	return main.Len()
}

// home is a collection as a home of package version.
type home struct{ s space }

func (h home) Newest() (kv.Reader, uint64, error) {
	r, p, err := h.s.newest()
	return r, p.space, err
}

func (h home) View(f func(kv.Reader, uint64) error) error {
	r, p, release, err := h.s.steady()
	if err != nil {
		return err
	}
	err = f(r, p.space)
	if closed := release(); err == nil {
		err = closed
	}
	return err
}

func (h home) Update(f func(*kv.Txn, uint64) error) error {
	return h.s.update(func(t *kv.Txn, p place) error { return f(t, p.space) })
}
