package varve

import (
	"encoding/binary"
	"fmt"
	"time"

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
	KindVersion Kind = "version"
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
	if rec, err = decodeRecord(val); err != nil {
		return rec, false, fmt.Errorf("catalog record of collection %d: %w", id, err)
	}
	return rec, true, nil
}

func decodeRecord(val []byte) (rec record, err error) {
	c, err := codec.ValueOf[record]()
	if err == nil {
		rec, err = c.Decode(val)
	}
	return rec, err
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
