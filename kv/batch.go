package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// OpKind is what an operation of a batch does. The numbers are part of the
// format.
type OpKind uint8

// The operations of a batch.
const (
	OpPut         OpKind = 1
	OpDelete      OpKind = 2
	OpDeleteRange OpKind = 3
	OpMerge       OpKind = 4
)

// Op is one operation of a batch. Its slices lie in the batch.
type Op struct {
	Kind OpKind
	// Key is the key, or the start of a deleted range.
	Key []byte
	// Value is the value, the operand of a merge, or the end of a deleted range,
	// where empty stands for no end.
	Value []byte
	// Merger is the operator of a merge.
	Merger MergerID
}

// Span returns the range that an OpDeleteRange removes.
func (o Op) Span() Span {
	if len(o.Value) == 0 {
		return Span{Start: o.Key}
	}
	return Span{Start: o.Key, End: o.Value}
}

// Batch is a list of changes that a store applies in order, all or nothing. The
// zero value is empty and ready to use. It copies what it is given. A batch may
// not be changed by several goroutines at once, nor while it is applied; it may
// be applied again.
//
// Its encoding is part of the log's format: per operation the kind (1 byte), the
// uvarint length of the key and the key, then, except for deletes, the uvarint
// operator (merges only), the uvarint length of the value and the value.
type Batch struct {
	data  []byte
	count int
	err   error // of the first operation that exceeded a limit
}

// Put sets key to value.
func (b *Batch) Put(key, value []byte) { b.add(OpPut, 0, key, value) }

// Delete removes key. It is no error if the key is absent.
func (b *Batch) Delete(key []byte) { b.add(OpDelete, 0, key, nil) }

// DeleteRange removes the keys from start to before end; a nil end is no bound.
// An empty or inverted range removes nothing.
func (b *Batch) DeleteRange(start, end []byte) {
	if end == nil || string(start) < string(end) {
		b.add(OpDeleteRange, 0, start, end)
	}
}

// Merge combines operand with the value of key by the operator m.
func (b *Batch) Merge(m MergerID, key, operand []byte) { b.add(OpMerge, m, key, operand) }

// Add adds an operation that another batch, or a [Feed], gave.
func (b *Batch) Add(op Op) {
	if op.Kind == OpDeleteRange {
		b.DeleteRange(op.Key, op.Span().End)
		return
	}
	b.add(op.Kind, op.Merger, op.Key, op.Value)
}

func (b *Batch) add(kind OpKind, m MergerID, key, value []byte) {
	if err := checkSizes(kind, key, value); err != nil {
		b.err = errors.Join(b.err, err)
		return
	}
	const lengths = 3 * binary.MaxVarintLen32 // and the operator
	b.grow(1 + lengths + len(key) + len(value))
	b.data = append(b.data, byte(kind))
	b.data = appendBytes(b.data, key)
	if kind == OpMerge {
		b.data = binary.AppendUvarint(b.data, uint64(m))
	}
	if kind != OpDelete {
		b.data = appendBytes(b.data, value)
	}
	b.count++
}

// grow makes room for n bytes. It doubles the memory: append adds but a quarter to
// large slices, so that a large batch would be copied, and thrown away, four times.
func (b *Batch) grow(n int) {
	if n > cap(b.data)-len(b.data) {
		b.data = slices.Grow(b.data, max(n, cap(b.data)))
	}
}

func checkSizes(kind OpKind, key, value []byte) error {
	// A bound of a range may be one byte longer: the key after the longest.
	if len(key) > MaxKey+1 || len(key) > MaxKey && kind != OpDeleteRange {
		return fmt.Errorf("key of %d bytes, at most %d: %w", len(key), MaxKey, ErrTooLarge)
	}
	if len(value) > MaxValue {
		return fmt.Errorf("value of %d bytes, at most %d: %w", len(value), MaxValue, ErrTooLarge)
	}
	return nil
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// Append adds the operations of other after those of b.
func (b *Batch) Append(other *Batch) {
	b.data = append(b.data, other.data...)
	b.count += other.count
	b.err = errors.Join(b.err, other.err)
}

// Len returns the number of operations.
func (b *Batch) Len() int { return b.count }

// Size returns the number of bytes of the encoding.
func (b *Batch) Size() int { return len(b.data) }

// Err returns the error of the operations that exceeded a limit, which were not
// added. A store refuses a batch that has one.
func (b *Batch) Err() error { return b.err }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { *b = Batch{data: b.data[:0]} }

// Encoding returns the encoded operations. The slice belongs to the batch and is
// valid until it changes.
func (b *Batch) Encoding() []byte { return b.data }

// DecodeBatch returns the batch with the given encoding, which it keeps. It
// checks all of it; an error says at which offset it is malformed.
func DecodeBatch(data []byte) (*Batch, error) {
	b := &Batch{data: data}
	for at := 0; at < len(data); b.count++ {
		_, n, err := decodeOp(data[at:])
		if err != nil {
			return nil, fmt.Errorf("operation %d at byte %d: %w", b.count, at, err)
		}
		at += n
	}
	return b, nil
}

// Ops returns the operations in order. Their slices lie in the batch.
func (b *Batch) Ops() iter.Seq[Op] {
	return func(yield func(Op) bool) {
		for rest := b.data; len(rest) > 0; {
			op, n, err := decodeOp(rest)
			if err != nil || !yield(op) { // err is impossible: add and DecodeBatch made the data
				return
			}
			rest = rest[n:]
		}
	}
}

var errMalformed = errors.New("malformed batch")

// decodeOp returns the first operation of data and its length.
func decodeOp(data []byte) (op Op, n int, err error) {
	op.Kind = OpKind(data[0])
	if op.Kind < OpPut || op.Kind > OpMerge {
		return op, 0, fmt.Errorf("%w: unknown operation %d", errMalformed, op.Kind)
	}
	rest, ok := data[1:], true
	if op.Key, rest, ok = takeBytes(rest); !ok {
		return op, 0, fmt.Errorf("%w: key is cut off", errMalformed)
	}
	if op.Kind == OpMerge {
		id, k := binary.Uvarint(rest)
		if k <= 0 || id > uint64(^MergerID(0)) {
			return op, 0, fmt.Errorf("%w: bad merge operator", errMalformed)
		}
		op.Merger, rest = MergerID(id), rest[k:]
	}
	if op.Kind != OpDelete {
		if op.Value, rest, ok = takeBytes(rest); !ok {
			return op, 0, fmt.Errorf("%w: value is cut off", errMalformed)
		}
	}
	return op, len(data) - len(rest), nil
}

func takeBytes(data []byte) (b, rest []byte, ok bool) {
	n, k := binary.Uvarint(data)
	if k <= 0 || n > uint64(len(data)-k) {
		return nil, nil, false
	}
	end := k + int(n)
	return data[k:end:end], data[end:], true
}
