package varve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

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
