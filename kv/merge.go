package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// MergerID names a merge operator in the records of a store. Ids below 64 are
// reserved for the operators of this package.
type MergerID uint32

// The operators that every store knows.
const (
	// MergeAdd adds: values and operands are 8 bytes, a little-endian int64;
	// absent is 0; the sum wraps around.
	MergeAdd MergerID = 1
	// MergeMin keeps the lesser of value and operand by their bytes.
	MergeMin MergerID = 2
	// MergeMax keeps the greater.
	MergeMax MergerID = 3
	// MergeUnion unites sets as AppendSet writes them.
	MergeUnion MergerID = 4
	// FirstUserMerger is the lowest id that a program may give its own.
	FirstUserMerger MergerID = 64
)

// Merger combines a value with an operand. It must be a pure function, and
// associative: merging a then b equals merging their combination.
type Merger struct {
	ID MergerID
	// Merge appends the combination to dst[:0]. present is false if there is
	// no value. It must not keep its arguments, nor change them; dst overlaps
	// neither.
	Merge func(dst, value []byte, present bool, operand []byte) ([]byte, error)
}

// Mergers are the operators that a store knows. The zero value holds those of
// this package alone.
type Mergers struct {
	user map[MergerID]Merger
}

// NewMergers returns the operators of this package and those given.
func NewMergers(user ...Merger) (Mergers, error) {
	m := Mergers{user: make(map[MergerID]Merger, len(user))}
	for _, u := range user {
		if u.ID < FirstUserMerger {
			return m, fmt.Errorf("merge operator %d: ids below %d are reserved", u.ID, FirstUserMerger)
		}
		if _, twice := m.user[u.ID]; twice || u.Merge == nil {
			return m, fmt.Errorf("merge operator %d: given twice, or without a function", u.ID)
		}
		m.user[u.ID] = u
	}
	return m, nil
}

// Merge combines value and operand by the operator id. It returns
// ErrUnknownMerger if there is none with that id.
func (m Mergers) Merge(id MergerID, dst, value []byte, present bool, operand []byte) ([]byte, error) {
	dst = dst[:0]
	switch id {
	case MergeAdd:
		return mergeAdd(dst, value, present, operand)
	case MergeMin, MergeMax:
		if present && (bytes.Compare(value, operand) < 0) == (id == MergeMin) {
			operand = value
		}
		return append(dst, operand...), nil
	case MergeUnion:
		return mergeUnion(dst, value, operand)
	}
	u, ok := m.user[id]
	if !ok {
		return nil, fmt.Errorf("%w %d", ErrUnknownMerger, id)
	}
	return u.Merge(dst, value, present, operand)
}

func mergeAdd(dst, value []byte, present bool, operand []byte) ([]byte, error) {
	sum := int64(0)
	if present {
		n, err := DecodeAdd(value)
		if err != nil {
			return nil, err
		}
		sum = n
	}
	n, err := DecodeAdd(operand)
	if err != nil {
		return nil, err
	}
	return AppendAdd(dst, sum+n), nil
}

// AppendAdd appends n as values and operands of MergeAdd are written.
func AppendAdd(dst []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(n))
}

// DecodeAdd returns the number of a value or operand of MergeAdd.
func DecodeAdd(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("merge add: %d bytes where 8 are expected", len(b))
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}

// AppendSet appends a set as values and operands of MergeUnion are written: the
// members in ascending order, each once, each after its uvarint length. It sorts
// members.
func AppendSet(dst []byte, members ...[]byte) []byte {
	slices.SortFunc(members, bytes.Compare)
	members = slices.CompactFunc(members, bytes.Equal)
	for _, m := range members {
		dst = appendBytes(dst, m)
	}
	return dst
}

var errBadSet = errors.New("merge union: malformed set")

// DecodeSet returns the members of a set, which lie in b.
func DecodeSet(b []byte) (members [][]byte, err error) {
	for len(b) > 0 {
		m, rest, ok := takeBytes(b)
		if !ok || len(members) > 0 && bytes.Compare(members[len(members)-1], m) >= 0 {
			return nil, errBadSet
		}
		members, b = append(members, m), rest
	}
	return members, nil
}

func mergeUnion(dst, value, operand []byte) ([]byte, error) {
	a, err := DecodeSet(value)
	if err != nil {
		return nil, err
	}
	b, err := DecodeSet(operand)
	if err != nil {
		return nil, err
	}
	return AppendSet(dst, append(a, b...)...), nil
}
