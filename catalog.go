package varve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// ID is the number of a collection. It is never given again, and stays the same
// when the collection is renamed or cleared.
type ID uint64

// Kind is the kind of a collection.
type Kind string

// The kinds.
const (
	KindMap     Kind = "map"
	KindOrdered Kind = "ordered"
	KindValue   Kind = "value"
	KindSet     Kind = "set"
	KindList    Kind = "list"
)

// Keyspaces of the database itself. Collections have those from firstSpace on.
const (
	catalogSpace = 1
	countSpace   = 2
	firstSpace   = 1024
)

// Rows of the catalog. docs/format.md describes them.
const (
	rowCollection = 'c' // + ID: record
	rowName       = 'n' // + name: uvarint ID
	rowNext       = 'a' // uvarint: the next number for an ID or a keyspace
	rowReclaim    = 'r' // + keyspace: nothing; its keys are to be removed
	rowReserved   = 't' // + keyspace: nothing; it is being filled
)

// record is what the catalog holds of a collection.
type record struct {
	Name    string
	Space   uint64 // keyspace of the content; Clear gives another
	Kind    Kind
	Key     codec.Shape `cbor:",omitempty"`
	Value   codec.Shape `cbor:",omitempty"`
	Counted bool        `cbor:",omitempty"`
	Created time.Time
}

func (r *record) typ() Type { return Type{r.Kind, r.Key, r.Value} }

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

// entry is what all handles of a collection in this process share.
type entry struct {
	id  ID
	now atomic.Pointer[place] // newest known
}

// place tells where a collection was found at some state.
type place struct {
	space   uint64
	counted bool
	dropped bool
	seq     kv.Seq // the record was like this at this state
}

func catalogKey[T string | []byte](row byte, rest T) []byte {
	return append(append(kv.KeyspacePrefix(catalogSpace), row), rest...)
}

func (id ID) key() []byte {
	return spaceRow(rowCollection, uint64(id))
}

// spaceRow is the key of a row about a keyspace or collection.
func spaceRow(row byte, space uint64) []byte {
	return catalogKey(row, binary.BigEndian.AppendUint64(nil, space))
}

func countKey(space uint64) []byte {
	return binary.BigEndian.AppendUint64(kv.KeyspacePrefix(countSpace), space)
}

// readRecord reads the record of a collection.
func readRecord(r kv.Reader, id ID) (rec record, ok bool, err error) {
	val, ok, err := r.Get(id.key(), nil)
	if err != nil || !ok {
		return rec, ok, err
	}
	c, err := codec.ValueOf[record]()
	if err == nil {
		rec, err = c.Decode(val)
	}
	if err != nil {
		return rec, false, fmt.Errorf("catalog record of collection %d: %w", id, err)
	}
	return rec, true, nil
}

func writeRecord(t *kv.Txn, id ID, rec record) error {
	c, err := codec.ValueOf[record]()
	if err != nil {
		return err
	}
	val, err := c.Append(nil, rec)
	if err == nil {
		t.Put(id.key(), val)
	}
	return err
}

// lookUp reads where the collection is; that it was dropped is ErrDropped.
func (e *entry) lookUp(r kv.Reader) (place, error) {
	rec, ok, err := readRecord(r, e.id)
	switch {
	case err != nil:
		return place{}, err
	case !ok:
		return place{dropped: true}, fmt.Errorf("collection %d: %w", e.id, ErrDropped)
	}
	return place{space: rec.Space, counted: rec.Counted}, nil
}

// at returns where the collection is at a snapshot, without reading if the
// catalog has not been written since that was last looked up.
func (db *DB) at(e *entry, snap kv.Snapshot) (place, error) {
	if p := db.known(e, snap.Seq()); p != nil {
		return *p, p.err(e)
	}
	return e.lookUp(snap)
}

// known returns where the collection is at the state seq, if that can be told
// without reading; else nil.
func (db *DB) known(e *entry, seq kv.Seq) *place {
	p := e.now.Load()
	if p == nil || p.seq > seq || db.catalogSpace.LastModified() > p.seq {
		return nil
	}
	return p
}

func (p *place) err(e *entry) error {
	if p.dropped {
		return fmt.Errorf("collection %d: %w", e.id, ErrDropped)
	}
	return nil
}

// refresh looks up where the collection is now. An error is kept for the next
// reader to meet itself.
func (db *DB) refresh(e *entry) (place, error) {
	snap, err := db.store.Snapshot(context.Background())
	if err != nil {
		return place{}, err
	}
	p, err := e.lookUp(snap)
	if err == nil || p.dropped {
		p.seq = snap.Seq()
		e.advance(&p)
	}
	return p, errors.Join(err, snap.Close())
}

// advance makes p the newest known place unless a newer one is known.
func (e *entry) advance(p *place) {
	for {
		old := e.now.Load()
		if old != nil && old.seq >= p.seq || e.now.CompareAndSwap(old, p) {
			return
		}
	}
}

// shared returns the entry that all handles of a collection share.
func (db *DB) shared(id ID) *entry {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, ok := db.entries[id]
	if !ok {
		e = &entry{id: id}
		db.entries[id] = e
	}
	return e
}

// findName returns the ID of a name.
func findName(r kv.Reader, name string) (ID, bool, error) {
	val, ok, err := r.Get(catalogKey(rowName, name), nil)
	if err != nil || !ok {
		return 0, false, err
	}
	id, n := binary.Uvarint(val)
	if n <= 0 {
		return 0, false, fmt.Errorf("catalog name %q: %w", name, codec.ErrMalformed)
	}
	return ID(id), true, nil
}

// allocate returns numbers that were never given before.
func allocate(t *kv.Txn, n uint64) (first uint64, err error) {
	first = firstSpace
	val, ok, err := t.Get(catalogKey(rowNext, ""), nil)
	if err != nil {
		return 0, err
	}
	if ok {
		var k int
		if first, k = binary.Uvarint(val); k <= 0 {
			return 0, fmt.Errorf("catalog counter: %w", codec.ErrMalformed)
		}
	}
	t.Put(catalogKey(rowNext, ""), binary.AppendUvarint(nil, first+n))
	return first, nil
}

const maxName = 1024

// checkName says what is wrong with a name.
func checkName(name string) error {
	bad := func(why string) error { return fmt.Errorf("%w %q: %s", ErrName, name, why) }
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > maxName:
		return fmt.Errorf("%w: it has %d bytes, at most %d", ErrName, len(name), maxName)
	case !utf8.ValidString(name):
		return bad("it is not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return bad("it holds a control character")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" {
			return bad("a part between slashes is empty")
		}
	}
	return nil
}

// open finds the collection of a name and checks its type, or makes it.
func (db *DB) open(name string, want record) (*entry, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	want.Name, want.Created = name, db.now()
	id, err := db.openExisting(name, want)
	if errors.Is(err, ErrNoCollection) && !db.opt.ReadOnly {
		id, err = db.create(name, want)
	}
	if err != nil {
		return nil, fmt.Errorf("open collection %q: %w", name, err)
	}
	e := db.shared(id)
	if e.now.Load() == nil {
		_, err = db.refresh(e)
	}
	return e, err
}

// openExisting only reads, so that opening costs no write.
func (db *DB) openExisting(name string, want record) (id ID, err error) {
	err = kv.View(context.Background(), db.store, func(r kv.Reader) error {
		id, err = checkExisting(r, name, want)
		return err
	})
	return id, err
}

func checkExisting(r kv.Reader, name string, want record) (ID, error) {
	id, ok, err := findName(r, name)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, ErrNoCollection
	}
	rec, ok, err := readRecord(r, id)
	if err == nil && !ok {
		err = fmt.Errorf("the catalog has the name, but no record %d: %w", id, codec.ErrMalformed)
	}
	if err != nil {
		return 0, err
	}
	return id, rec.accept(want)
}

// accept says why a collection cannot be opened as want.
func (r *record) accept(want record) error {
	var cause error
	switch {
	case r.Kind != want.Kind:
	case r.Key != want.Key:
		cause = want.Key.Accepts(r.Key)
	default:
		if cause = want.Value.Accepts(r.Value); cause == nil {
			return nil
		}
	}
	return &TypeError{Name: r.Name, Stored: r.typ(), Wanted: want.typ(), cause: cause}
}

// create makes a collection unless somebody has made it meanwhile.
func (db *DB) create(name string, want record) (id ID, err error) {
	err = kv.Update(context.Background(), db.store, kv.WriteOptions{}, func(t *kv.Txn) error {
		id, err = checkExisting(t, name, want)
		if !errors.Is(err, ErrNoCollection) {
			return err
		}
		id, err = newCollection(t, name, want)
		return err
	})
	return id, err
}

func newCollection(t *kv.Txn, name string, rec record) (ID, error) {
	n, err := allocate(t, 2)
	if err != nil {
		return 0, err
	}
	rec.Name, rec.Space = name, n+1
	return ID(n), nameCollection(t, ID(n), rec)
}

// nameCollection enters a record and its name.
func nameCollection(t *kv.Txn, id ID, rec record) error {
	t.Put(catalogKey(rowName, rec.Name), binary.AppendUvarint(nil, uint64(id)))
	return writeRecord(t, id, rec)
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
	if info.Kind == KindList {
		info.Keys = max(0, stats.Keys-1) // all but the row of the ends
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
