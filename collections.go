package varve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// Info describes a collection.
type Info struct {
	Name string
	ID   ID
	Type
	Counted bool
	Created time.Time
	Keys    int64 // entries; -1 where not counted
	Bytes   int64 // of keys and values as stored; -1 where not counted
}

// Collections returns the collections whose names begin with prefix, by name.
// Keys is -1 for those that are not Counted, Bytes for all: Describe counts.
func (db *DB) Collections(prefix string) ([]Info, error) {
	var list []Info
	err := kv.View(context.Background(), db.store, func(r kv.Reader) error {
		for info, err := range collections(r, prefix) {
			if err != nil {
				return err
			}
			list = append(list, info)
		}
		return nil
	})
	return list, err
}

func collections(r kv.Reader, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		it := r.Iter(kv.IterOptions{Prefix: catalogKey(rowName, prefix)})
		defer it.Close()
		for ok := it.First(); ok; ok = it.Next() {
			id, n := binary.Uvarint(it.Value())
			info, err := describe(r, ID(id))
			if n <= 0 && err == nil {
				err = codec.ErrMalformed
			}
			if !yield(info, err) {
				return
			}
		}
		if err := it.Err(); err != nil {
			yield(Info{}, err)
		}
	}
}

// describe returns what the catalog knows of a collection.
func describe(r kv.Reader, id ID) (Info, error) {
	rec, ok, err := readRecord(r, id)
	if err != nil {
		return Info{}, err
	}
	if !ok {
		return Info{}, fmt.Errorf("collection %d: %w", id, ErrNoCollection)
	}
	info := Info{Name: rec.Name, ID: id, Type: rec.typ(), Counted: rec.Counted, Created: rec.Created, Keys: -1, Bytes: -1}
	if rec.Counted {
		info.Keys, err = readCount(r, rec.Space)
	}
	return info, err
}

func readCount(r kv.Reader, space uint64) (int64, error) {
	val, ok, err := r.Get(countKey(space), nil)
	if err != nil || !ok {
		return 0, err
	}
	return kv.DecodeAdd(val)
}

// Describe tells of a collection, with its entries and bytes counted, which
// reads all of it.
func (db *DB) Describe(ctx context.Context, name string) (info Info, err error) {
	var space uint64
	err = kv.View(ctx, db.store, func(r kv.Reader) error {
		id, err := mustFind(r, name)
		if err != nil {
			return err
		}
		rec, _, err := readRecord(r, id)
		if err != nil {
			return err
		}
		space = rec.Space
		info, err = describe(r, id)
		return err
	})
	if err != nil {
		return info, err
	}
	ks, err := db.store.Keyspace(space, kv.KeyspaceOptions{})
	if err != nil {
		return info, err
	}
	stats, err := ks.Stats(ctx)
	info.Keys, info.Bytes = stats.Keys, stats.Bytes
	switch info.Kind {
	case KindList:
		info.Keys = max(0, stats.Keys-1) // all but the row of the ends
	case KindVersion:
		info.Keys, err = db.mainLength(space)
	}
	return info, err
}

func mustFind(r kv.Reader, name string) (ID, error) {
	id, ok, err := findName(r, name)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %q", ErrNoCollection, name)
	}
	return id, err
}

// NameOf returns the name of a collection.
func (db *DB) NameOf(id ID) (string, error) {
	rec, ok, err := readRecord(db.store, id)
	if err == nil && !ok {
		err = fmt.Errorf("collection %d: %w", id, ErrNoCollection)
	}
	return rec.Name, err
}

// Rename gives a collection another name. Handles stay valid.
func (db *DB) Rename(name, to string) error {
	if err := checkName(to); err != nil {
		return err
	}
	return db.catalogUpdate(name, func(t *kv.Txn, id ID, rec record) error {
		if _, taken, err := findName(t, to); err != nil || taken {
			return errors.Join(err, fmt.Errorf("rename %q to %q: %w", name, to, ErrCollectionExists))
		}
		t.Delete(catalogKey(rowName, name))
		t.Put(catalogKey(rowName, to), binary.AppendUvarint(nil, uint64(id)))
		rec.Name = to
		return writeRecord(t, id, rec)
	})
}

// Drop removes a collection in O(1); its room is given back in the background.
// Handles return ErrDropped after. Snapshots still show it.
func (db *DB) Drop(name string) error {
	return db.catalogUpdate(name, func(t *kv.Txn, id ID, rec record) error {
		t.Delete(catalogKey(rowName, name))
		t.Delete(id.key())
		discard(t, rec.Space)
		return nil
	})
}

// Clear empties a collection in O(1); its room is given back in the background.
func (db *DB) Clear(name string) error {
	return db.catalogUpdate(name, clearRecord)
}

// clearRecord gives the collection a new, empty keyspace.
func clearRecord(t *kv.Txn, id ID, rec record) error {
	space, err := allocate(t, 1)
	if err != nil {
		return err
	}
	discard(t, rec.Space)
	rec.Space = space
	return writeRecord(t, id, rec)
}

// discard leaves a keyspace to reclaim.
func discard(t *kv.Txn, space uint64) {
	t.Put(spaceRow(rowReclaim, space), nil)
	t.Delete(countKey(space))
}

// catalogUpdate runs f on the record of a name in a transaction of its own.
func (db *DB) catalogUpdate(name string, f func(*kv.Txn, ID, record) error) error {
	return db.Update(context.Background(), func(tx *Tx) error {
		id, err := mustFind(tx.txn, name)
		if err != nil {
			return err
		}
		return tx.changeRecord(db.shared(id), f)
	})
}

// changeRecord runs f on the record of a collection.
func (tx *Tx) changeRecord(e *entry, f func(*kv.Txn, ID, record) error) error {
	rec, ok, err := readRecord(tx.txn, e.id)
	if err == nil && !ok {
		err = fmt.Errorf("collection %d: %w", e.id, ErrDropped)
	}
	if err != nil {
		return err
	}
	tx.moved = append(tx.moved, e)
	delete(tx.places, e)
	return f(tx.txn, e.id, rec)
}

// verifyCatalog checks that names and records belong to each other.
func (db *DB) verifyCatalog(ctx context.Context) error {
	return kv.View(ctx, db.store, func(r kv.Reader) error {
		names := make(map[ID]string)
		for info, err := range collections(r, "") {
			if err != nil {
				return fmt.Errorf("catalog: %w", err)
			}
			if other, twice := names[info.ID]; twice {
				return fmt.Errorf("catalog: %q and %q are the same collection %d", other, info.Name, info.ID)
			}
			names[info.ID] = info.Name
		}
		it := r.Iter(kv.IterOptions{Prefix: catalogKey(rowCollection, ""), KeysOnly: true})
		defer it.Close()
		for ok := it.First(); ok; ok = it.Next() {
			id := ID(binary.BigEndian.Uint64(it.Key()[9:]))
			if _, ok := names[id]; !ok {
				return fmt.Errorf("catalog: collection %d has no name", id)
			}
		}
		return it.Err()
	})
}
