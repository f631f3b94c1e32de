// Package entry is what the parts of the LSM engine agree on: how a version of a
// key is named and ordered, and how a sorted run of them is walked.
//
// An entry is a user key, a trailer and a value. The trailer holds the sequence
// number of the operation that wrote the entry and its kind. Entries are ordered
// by user key, and those of one key from the newest to the oldest.
package entry

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// Kind says what an entry does to its key. The numbers are part of the format.
type Kind uint8

// The kinds of entries.
const (
	// Delete says that the key has no value from here on.
	Delete Kind = 0
	// Put gives the key its value.
	Put Kind = 1
	// Merge combines an operand with the value below; its value is the uvarint
	// id of the operator and the operand.
	Merge Kind = 2
)

// String returns the name of the kind.
func (k Kind) String() string {
	switch k {
	case Delete:
		return "delete"
	case Put:
		return "put"
	case Merge:
		return "merge"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Trailer is a sequence number and a kind: seq<<8 | kind. Of two entries of one
// key the one with the greater trailer is newer and comes first.
type Trailer uint64

// MaxSeq is the highest sequence number.
const MaxSeq kv.Seq = 1<<56 - 1

// Newest is above the trailer of every entry: a search for (key, Newest) arrives
// at the first entry of the key. Oldest is below all or equal: (key, Oldest)
// comes after every entry of the key but a delete by sequence number 0.
const (
	Newest Trailer = 1<<64 - 1
	Oldest Trailer = 0
)

// MakeTrailer returns the trailer of an operation.
func MakeTrailer(seq kv.Seq, k Kind) Trailer { return Trailer(seq)<<8 | Trailer(k) }

// VisibleAt returns the trailer at which the search begins for what a reader of
// state seq sees of a key.
func VisibleAt(seq kv.Seq) Trailer { return Trailer(seq)<<8 | 0xff }

// Seq returns the sequence number.
func (t Trailer) Seq() kv.Seq { return kv.Seq(t >> 8) }

// Kind returns the kind.
func (t Trailer) Kind() Kind { return Kind(t) }

// String returns the trailer as text, as 17.put.
func (t Trailer) String() string { return fmt.Sprintf("%d.%s", t.Seq(), t.Kind()) }

// Compare orders entries: by user key, then from the newest to the oldest.
func Compare(a []byte, at Trailer, b []byte, bt Trailer) int {
	if c := bytes.Compare(a, b); c != 0 {
		return c
	}
	switch {
	case at > bt:
		return -1
	case at < bt:
		return 1
	}
	return 0
}

// AppendOperand appends the value of a Merge entry.
func AppendOperand(dst []byte, m kv.MergerID, operand []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(m)), operand...)
}

// Operand returns the operator and the operand of the value of a Merge entry; ok
// is false if it is malformed. The operand lies in value.
func Operand(value []byte) (m kv.MergerID, operand []byte, ok bool) {
	id, n := binary.Uvarint(value)
	if n <= 0 || id > uint64(^kv.MergerID(0)) {
		return 0, nil, false
	}
	return kv.MergerID(id), value[n:], true
}

// Iterator walks a sorted run of entries in both directions. A new one is
// unpositioned; moved past either end, or after an error, it is unpositioned
// again, and stays so until a seek, First or Last. Each move reports whether it
// arrived at an entry. It is not safe for concurrent use.
type Iterator interface {
	First() bool
	Last() bool
	// SeekGE moves to the first entry at or after (key, t) in the order of
	// Compare.
	SeekGE(key []byte, t Trailer) bool
	// SeekLT moves to the last entry before (key, t).
	SeekLT(key []byte, t Trailer) bool
	Next() bool
	Prev() bool
	Valid() bool
	// Key, Trailer and Value are those of the current entry. Key is valid until
	// the next move; Value until Close, and not changed before. They must not be
	// called on an unpositioned iterator.
	Key() []byte
	Trailer() Trailer
	Value() []byte
	// Err returns the first error met. Whoever ends a walk looks at it.
	Err() error
	// Close releases the iterator and returns Err. It is idempotent.
	Close() error
}
