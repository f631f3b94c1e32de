package kv

import "slices"

// IndexedBatch is a batch that can be read: a Reader over a state of a store
// with the batch applied on top. It is not safe for concurrent use, but any
// number of its iterators may be open while it changes: each keeps the view of
// the call of Iter.
type IndexedBatch struct {
	Batch
	under   Reader
	mergers Mergers
	over    overlay
	indexed int // bytes of the encoding that are in over
}

// NewIndexedBatch returns an empty batch over a state of a store, which must
// stay open. Mergers are those of the store.
func NewIndexedBatch(under Reader, m Mergers) *IndexedBatch {
	return &IndexedBatch{under: under, mergers: m}
}

// Put sets key to value.
func (b *IndexedBatch) Put(key, value []byte) { b.Batch.Put(key, value); b.index() }

// Delete removes key.
func (b *IndexedBatch) Delete(key []byte) { b.Batch.Delete(key); b.index() }

// DeleteRange removes the keys from start to before end; a nil end is no bound.
func (b *IndexedBatch) DeleteRange(start, end []byte) { b.Batch.DeleteRange(start, end); b.index() }

// Merge combines operand with the value of key by the operator m.
func (b *IndexedBatch) Merge(m MergerID, key, operand []byte) {
	b.Batch.Merge(m, key, operand)
	b.index()
}

// Append adds the operations of other.
func (b *IndexedBatch) Append(other *Batch) { b.Batch.Append(other); b.index() }

// Reset empties the batch.
func (b *IndexedBatch) Reset() {
	b.Batch = Batch{} // iterators may still read what was written
	b.over = overlay{}
	b.indexed = 0
}

// index enters the operations that are not in the overlay yet. The overlay refers
// to the encoding, which only grows.
func (b *IndexedBatch) index() {
	fresh := Batch{data: b.data[b.indexed:]}
	for op := range fresh.Ops() {
		b.over.apply(op, b.mergers)
	}
	b.indexed = len(b.data)
}

// Get returns the value of key as the batch leaves it.
func (b *IndexedBatch) Get(key, dst []byte) ([]byte, bool, error) {
	e := b.over.edit(key)
	if e.base != baseStore {
		return e.resolve(b.mergers, dst, nil, false)
	}
	if len(e.operands) == 0 {
		return b.under.Get(key, dst)
	}
	stored, present, err := b.under.Get(key, nil)
	if err != nil {
		return nil, false, err
	}
	return e.resolve(b.mergers, dst, stored, present)
}

// Has reports whether key is present as the batch leaves it.
func (b *IndexedBatch) Has(key []byte) (bool, error) {
	e := b.over.edit(key)
	if e.base == baseStore && len(e.operands) == 0 {
		return b.under.Has(key)
	}
	return e.base == baseValue || len(e.operands) > 0, nil
}

// MultiGet calls f for each key as the batch leaves it.
func (b *IndexedBatch) MultiGet(keys [][]byte, f func(i int, val []byte, ok bool) error) error {
	var buf []byte
	for i, key := range keys {
		val, ok, err := b.Get(key, buf)
		if err != nil {
			return err
		}
		if err := f(i, val, ok); err != nil {
			return err
		}
		buf = val
	}
	return nil
}

// Iter returns an iterator over the state with the batch applied.
func (b *IndexedBatch) Iter(opt IterOptions) Iterator {
	under := opt
	under.Skip = nil
	if b.Batch.Len() == 0 {
		under.Skip = opt.Skip
		return b.under.Iter(under)
	}
	return newOverlayIter(b.under.Iter(under), b.over.clone(), b.mergers, opt)
}

// savepoint is a state of the batch to which it can return.
type savepoint struct {
	data  []byte // its capacity ends with it, so that no other path writes behind it
	count int
	err   error
	over  overlay
}

func (b *IndexedBatch) save() savepoint {
	return savepoint{slices.Clip(b.data), b.count, b.err, b.over.clone()}
}

func (b *IndexedBatch) restore(s savepoint) {
	b.data, b.count, b.err = s.data, s.count, s.err
	b.over, b.indexed = s.over.clone(), len(s.data)
}
