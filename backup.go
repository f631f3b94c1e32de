package varve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/varvedb/varve/kv"
)

// Backup writes all collections, as of now, to w. Writers go on meanwhile. The
// stream is checksummed, does not depend on the engine, and is read by Restore.
func (db *DB) Backup(ctx context.Context, w io.Writer, progress func(kv.Progress)) (kv.BackupInfo, error) {
	snap, err := db.store.Snapshot(ctx)
	if err != nil {
		return kv.BackupInfo{}, err
	}
	info, err := kv.Backup(ctx, snap, w, progress)
	return info, errors.Join(err, snap.Close())
}

// BackupSince writes what has changed since a backup to w; since is what that one
// returned as Until. It costs what was written in that time, not what is there. It
// returns ErrCompacted if the log is no longer kept that far back; then a full
// backup is due.
func (db *DB) BackupSince(ctx context.Context, since kv.Seq, w io.Writer, progress func(kv.Progress)) (kv.BackupInfo, error) {
	return kv.BackupSince(ctx, db.store, since, w, progress)
}

// Restore makes a new database in the directory path from a full backup and the
// increments that BackupSince made after it, in order, and opens it. An empty path
// is a temporary database. If a stream is damaged the error is a *CorruptionError,
// and the directory should be removed.
func Restore(ctx context.Context, path string, opt *Options, progress func(kv.Progress), full io.Reader, increments ...io.Reader) (*DB, error) {
	filled := opt.filled()
	filled.MustBeNew = path != ""
	db, err := Open(path, &filled)
	if err != nil {
		return nil, err
	}
	if err := restoreAll(ctx, db.store, progress, full, increments); err != nil {
		return nil, errors.Join(fmt.Errorf("varve: %w", err), db.Close())
	}
	db.reclaim()
	return db, nil
}

func restoreAll(ctx context.Context, store kv.Store, progress func(kv.Progress), full io.Reader, increments []io.Reader) error {
	info, err := kv.Restore(ctx, store, full, progress)
	for i, r := range increments {
		if err != nil {
			return err
		}
		if info, err = kv.RestoreIncrement(ctx, store, info.Until, r, progress); err != nil {
			err = fmt.Errorf("increment %d: %w", i+1, err)
		}
	}
	return err
}

// Copy makes a deep copy of a collection, as of now, as a new collection of the
// given name in dst, which may be the same database. The copy is made in pieces
// and gets its name last, so that it is there wholly or not at all.
func (db *DB) Copy(ctx context.Context, name string, dst *DB, as string) error {
	if err := checkName(as); err != nil {
		return err
	}
	snap, err := db.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	err = db.copyFrom(ctx, snap, name, dst, as)
	return errors.Join(err, snap.Close())
}

func (db *DB) copyFrom(ctx context.Context, from kv.Reader, name string, dst *DB, as string) error {
	id, err := mustFind(from, name)
	if err != nil {
		return err
	}
	rec, ok, err := readRecord(from, id)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %q", ErrNoCollection, name)
	}
	if err != nil {
		return err
	}
	space, err := dst.reserve(ctx, as)
	if err != nil {
		return err
	}
	n, err := copyKeys(ctx, from, rec.Space, dst.store, space)
	if err == nil {
		err = dst.adopt(ctx, as, rec, space, n)
	}
	if err != nil {
		return errors.Join(err, dst.abandon(context.WithoutCancel(ctx), space))
	}
	return nil
}

// reserve returns a keyspace for content that has no name yet. It must be
// adopted or abandoned; after a crash the next opening abandons it.
func (db *DB) reserve(ctx context.Context, as string) (space uint64, err error) {
	err = kv.Update(ctx, db.store, kv.WriteOptions{}, func(t *kv.Txn) error {
		if _, taken, err := findName(t, as); err != nil || taken {
			return errors.Join(err, fmt.Errorf("%w: %q", ErrCollectionExists, as))
		}
		space, err = allocate(t, 1)
		t.Put(spaceRow(rowReserved, space), nil)
		return err
	})
	return space, err
}

// abandon leaves a reserved keyspace to reclaim.
func (db *DB) abandon(ctx context.Context, space uint64) error {
	err := kv.Update(ctx, db.store, kv.WriteOptions{}, func(t *kv.Txn) error {
		t.Delete(spaceRow(rowReserved, space))
		discard(t, space)
		return nil
	})
	db.reclaim()
	return err
}

// abandonAll abandons what a crash has left reserved.
func (db *DB) abandonAll() error {
	it := db.store.Iter(kv.IterOptions{Prefix: catalogKey(rowReserved, ""), KeysOnly: true})
	var left []uint64
	for ok := it.First(); ok; ok = it.Next() {
		left = append(left, binary.BigEndian.Uint64(it.Key()[9:]))
	}
	err := it.Close()
	for _, space := range left {
		err = errors.Join(err, db.abandon(context.Background(), space))
	}
	return err
}

// copyKeys copies the content of a keyspace in batches.
func copyKeys(ctx context.Context, from kv.Reader, src uint64, to kv.Store, dst uint64) (n int64, err error) {
	it := from.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(src), NoFill: true})
	defer it.Close()
	var b kv.Batch
	var key []byte
	flush := func() error {
		_, err := to.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Buffered})
		b.Reset()
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		key = append(kv.AppendKeyspace(key[:0], dst), it.Key()[8:]...)
		b.Put(key, it.Value())
		n++
		if b.Size() > 256<<10 {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	return n, errors.Join(it.Err(), flush())
}

// adopt gives a keyspace a name.
func (db *DB) adopt(ctx context.Context, as string, rec record, space uint64, n int64) error {
	return kv.Update(ctx, db.store, kv.WriteOptions{}, func(t *kv.Txn) error {
		_, taken, err := findName(t, as)
		if err != nil || taken {
			return errors.Join(err, fmt.Errorf("%w: %q", ErrCollectionExists, as))
		}
		id, err := allocate(t, 1)
		if err != nil {
			return err
		}
		t.Delete(spaceRow(rowReserved, space))
		rec.Name, rec.Space, rec.Created = as, space, db.now()
		if rec.Counted {
			t.Put(countKey(space), kv.AppendAdd(nil, n))
		}
		return nameCollection(t, ID(id), rec)
	})
}

func (db *DB) now() time.Time { return db.opt.Executor.Now().UTC() }
