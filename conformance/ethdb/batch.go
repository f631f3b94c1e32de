package ethdb

import (
	"bytes"
	"errors"
	"fmt"

	eth "github.com/ethereum/go-ethereum/ethdb"
	"github.com/varvedb/varve/kv"
)

// batch collects changes of a Database, which Write applies in order, all or
// nothing. It copies what it is given. After an operation that exceeds a limit
// it can only be reset.
type batch struct {
	d    *Database
	ops  *kv.Batch // with keys of the store
	size int       // bytes of keys and values, as given
}

// NewBatch returns an empty batch. It may be filled after Close, but not written.
func (d *Database) NewBatch() eth.Batch { return &batch{d: d, ops: new(kv.Batch)} }

// NewBatchWithSize returns an empty batch with room for size bytes of operations.
func (d *Database) NewBatchWithSize(size int) eth.Batch {
	ops, err := kv.DecodeBatch(make([]byte, 0, max(size, 0)))
	if err != nil { // impossible: no operation is malformed
		return d.NewBatch()
	}
	return &batch{d: d, ops: ops}
}

// Put sets the value of key when the batch is written.
func (b *batch) Put(key, value []byte) error {
	b.ops.Put(b.d.key(key), value)
	b.size += len(key) + len(value)
	return b.ops.Err()
}

// Delete removes key when the batch is written.
func (b *batch) Delete(key []byte) error {
	b.ops.Delete(b.d.key(key))
	b.size += len(key)
	return b.ops.Err()
}

// DeleteRange removes the keys from start to before end when the batch is
// written, those included that the batch put before. Nil is no bound.
func (b *batch) DeleteRange(start, end []byte) error {
	span := b.d.span(start, end)
	b.ops.DeleteRange(span.Start, span.End)
	b.size += len(start) + len(end)
	return b.ops.Err()
}

// ValueSize returns the bytes of the keys and values in the batch.
func (b *batch) ValueSize() int { return b.size }

// Write applies the batch, with the durability of the database. The batch stays
// as it is.
func (b *batch) Write() error { return b.d.apply(b.ops) }

// Reset empties the batch and keeps its memory.
func (b *batch) Reset() {
	b.ops.Reset()
	b.size = 0
}

// Close empties the batch and gives its memory free.
func (b *batch) Close() { b.ops, b.size = new(kv.Batch), 0 }

// Replay does the operations of the batch on w, in order, until one fails. The
// slices that w is given lie in the batch: w must not change them, nor keep them.
func (b *batch) Replay(w eth.KeyValueWriter) error {
	for op := range b.ops.Ops() {
		if err := b.replay(op, w); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) replay(op kv.Op, w eth.KeyValueWriter) error {
	key := op.Key[len(b.d.prefix):]
	switch op.Kind {
	case kv.OpPut:
		return w.Put(key, op.Value)
	case kv.OpDelete:
		return w.Delete(key)
	case kv.OpDeleteRange:
		r, ok := w.(eth.KeyValueRangeDeleter)
		if !ok {
			return fmt.Errorf("replay the deletion of a range on a %T: %w", w, errors.ErrUnsupported)
		}
		end, bounded := bytes.CutPrefix(op.Value, b.d.prefix)
		if !bounded { // the end of the keyspace, which lies outside of it
			end = nil
		}
		return r.DeleteRange(key, end)
	}
	return fmt.Errorf("replay: unknown operation %d", op.Kind) // impossible: the batch has no other
}
