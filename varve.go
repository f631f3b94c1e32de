// Package varve is an embedded database whose collections feel like Go's own
// maps and slices; they persist, and they are transactional.
//
//	db, err := varve.Open("data", nil)
//	releases, err := varve.OpenMap[string, Release](db, "releases")
//	err = releases.Put("go1.26", Release{Year: 2026})
//
// # Collections
//
// [Map], [OrderedMap], [Value], [Set], [List] and [VersionMap] are typed views of named
// collections in one database. A handle works on the database itself, where
// each call is a commit of its own; In gives the same handle inside a
// transaction, At on a snapshot. Handles are safe for concurrent use, those
// inside a transaction as the transaction is.
//
// # Durability
//
// A write that returned without error is on stable storage, unless the database,
// or the handle ([Map.Durable]), asks for less.
//
// # Transactions
//
// [DB.Update] runs a function on a snapshot of all collections and commits what
// it wrote, atomically, if nothing that it read has changed, ranges included;
// else it runs it again. Committed transactions are as if run one by one.
// [DB.View] only reads. Readers never wait for writers, nor writers for readers.
//
// # Iteration
//
// All, Range, Prefix, Keys and their like return a [Cursor] or [KeyCursor]:
//
//	c := releases.All()
//	for name, release := range c.All() {
//		…
//	}
//	err := c.Err()
//
// The loop sees one state of the database, whatever is written meanwhile, and
// closes what it used when it ends. Inside a transaction an error makes View and
// Update fail even if nobody looks at Err.
package varve

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/version"
	"github.com/varvedb/varve/vfs"
)

// DB is an open database. All methods may be called concurrently.
type DB struct {
	opt   Options
	path  string
	store kv.Store
	tasks *vfs.Group

	catalogSpace kv.Keyspace
	scratch      sync.Pool // of *scratch
	nodes        *version.Cache

	mu         vfs.Mutex // guards what follows
	entries    map[ID]*entry
	reclaiming bool
	closed     bool
}

// Open opens the database in the directory path, and makes it if there is none.
// An empty path is a temporary database in memory. A nil opt is the defaults.
//
// Errors: ErrLocked as a *LockedError that names the holder, ErrForeign if the
// directory holds something else, ErrNewerFormat, ErrNotExist, ErrExist, a
// *CorruptionError that names file and offset, and those of the file system.
func Open(path string, opt *Options) (*DB, error) {
	ctx := context.Background()
	filled := opt.filled()
	mergers, err := kv.NewMergers(filled.Mergers...)
	if err != nil {
		return nil, fmt.Errorf("varve: %w", err)
	}
	if filled.Engine == nil {
		filled.Engine = engineOf(filled.FS, path)
	}
	store, err := filled.Engine.Open(ctx, path, &filled, mergers)
	if err != nil {
		return nil, fmt.Errorf("varve: %w", err)
	}
	db, err := OpenStore(store, &filled)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	db.path = path
	return db, nil
}

// OpenStore makes a database of an open store, which it takes over: Close of the
// database closes it. Of opt only Executor, Logger, Durability, ReadOnly
// and Engine, for its name, matter.
func OpenStore(store kv.Store, opt *Options) (*DB, error) {
	filled := opt.filled()
	space, err := store.Keyspace(catalogSpace, kv.KeyspaceOptions{})
	if err != nil {
		return nil, fmt.Errorf("varve: %w", err)
	}
	db := &DB{opt: filled, store: store, tasks: vfs.NewGroup(filled.Executor),
		catalogSpace: space, mu: filled.Executor.NewMutex(), entries: make(map[ID]*entry),
		nodes: version.NewCache(int(filled.Memory / 4))}
	db.scratch.New = func() any { return new(scratch) }
	if !filled.ReadOnly {
		if err := db.abandonAll(); err != nil {
			return nil, fmt.Errorf("varve: %w", err)
		}
		db.reclaim()
	}
	return db, nil
}

// Path returns the directory of the database; empty if it has none.
func (db *DB) Path() string { return db.path }

// Engine returns the name of the engine, empty if the store was opened elsewhere.
func (db *DB) Engine() string {
	if db.opt.Engine == nil {
		return ""
	}
	return db.opt.Engine.Name()
}

// Store returns the store of the database, for what collections do not offer.
// Keyspaces below 2^32 belong to the database.
func (db *DB) Store() kv.Store { return db.store }

// Close makes all buffered writes durable and closes the database. It is
// idempotent. Snapshots that were left open are reported in its error.
func (db *DB) Close() error {
	db.mu.Lock()
	db.closed = true
	db.mu.Unlock()
	db.tasks.Wait()
	if err := db.store.Close(); err != nil {
		return fmt.Errorf("varve: %w", err)
	}
	return nil
}

// Sync makes all writes so far durable.
func (db *DB) Sync(ctx context.Context) error {
	if s, ok := db.store.(kv.Syncer); ok {
		return s.Sync(ctx)
	}
	return nil
}

// Flush moves what is in the log to data files, so that opening is quick.
func (db *DB) Flush(ctx context.Context) error {
	if f, ok := db.store.(kv.Flusher); ok {
		return f.Flush(ctx)
	}
	return nil
}

// Compact brings the files to their smallest form: deleted and overwritten data
// goes. It does nothing if the engine has nothing to compact.
func (db *DB) Compact(ctx context.Context, progress func(kv.Progress)) error {
	if c, ok := db.store.(kv.Compactor); ok {
		return c.Compact(ctx, kv.Span{}, progress)
	}
	return nil
}

// Verify reads every byte on disk and returns the first damage as a
// *CorruptionError. It also checks the catalog, and the histories of versioned
// maps.
func (db *DB) Verify(ctx context.Context, progress func(kv.Progress)) error {
	if v, ok := db.store.(kv.Verifier); ok {
		if err := v.Verify(ctx, progress); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	if err := db.verifyCatalog(ctx); err != nil {
		return err
	}
	return db.verifyHistory(ctx)
}

// Checkpoint makes a copy of the database in the new directory dir of the same
// file system, which opens as a database.
func (db *DB) Checkpoint(ctx context.Context, dir string) error {
	c, ok := db.store.(kv.Checkpointer)
	if !ok {
		return fmt.Errorf("checkpoint: engine %s cannot: %w", db.Engine(), errors.ErrUnsupported)
	}
	return c.Checkpoint(ctx, dir)
}

// Metrics returns the counters of the engine.
func (db *DB) Metrics() kv.Metrics {
	if m, ok := db.store.(interface{ Metrics() kv.Metrics }); ok {
		return m.Metrics()
	}
	return kv.Metrics{}
}
