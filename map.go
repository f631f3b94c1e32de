package varve

import (
	"context"
	"errors"
	"iter"

	"github.com/varvedb/varve/codec"
)

// Map is a persistent map, like Go's own: it has no order that means anything.
// Any type whose values can be encoded may be a key. Handles may be used
// concurrently, but for those that In has bound to a transaction.
//
// Every method but those of the handle itself may return ErrClosed, ErrDropped,
// ErrReadOnly (writes), an error of the disk, or one of a codec.
type Map[K, V any] struct{ table[K, V] }

// OpenMap opens the map of the given name, and makes it if there is none. A name
// may have parts, separated by slashes. If the name is that of a collection of
// another type, the error is a *TypeError that names both.
func OpenMap[K, V any](db *DB, name string, opts ...CollectionOption) (*Map[K, V], error) {
	c := newConfig(opts)
	kc, err := keys[K](c)
	if errors.Is(err, codec.ErrUnsupported) {
		var vc codec.Value[K]
		vc, err = codec.ValueOf[K]()
		kc = unorderedKey[K]{vc}
	}
	if err != nil {
		return nil, err
	}
	vc, err := values[V](c)
	if err != nil {
		return nil, err
	}
	t, err := openTable(db, name, KindMap, kc, vc, c)
	return &Map[K, V]{t}, err
}

// In returns the map inside a transaction.
func (m *Map[K, V]) In(tx *Tx) *Map[K, V] { c := *m; c.space = m.in(tx); return &c }

// At returns the map as it was at a snapshot.
func (m *Map[K, V]) At(s *Snapshot) *Map[K, V] { c := *m; c.space = m.at(s); return &c }

// Durable returns a handle whose writes have durability d.
func (m *Map[K, V]) Durable(d Durability) *Map[K, V] { c := *m; c.space = m.durable(d); return &c }

// Attach opens, in db, the map whose stored handle m is.
func (m *Map[K, V]) Attach(db *DB, opts ...CollectionOption) error {
	return attach(m, db, OpenMap[K, V], opts)
}

// Get returns the value of k.
func (m *Map[K, V]) Get(k K) (v V, ok bool, err error) { return m.get(k) }

// Has reports whether k is there.
func (m *Map[K, V]) Has(k K) (bool, error) { return m.has(k) }

// Put sets the value of k.
func (m *Map[K, V]) Put(k K, v V) error { return m.put(k, v) }

// Swap sets the value of k and returns the one it replaced.
func (m *Map[K, V]) Swap(k K, v V) (old V, had bool, err error) {
	return m.change(k, func(V, bool) (V, verdict) { return v, keep })
}

// PutIfAbsent sets the value of k if there is none, and reports whether it did.
// If not, it returns the value that is there.
func (m *Map[K, V]) PutIfAbsent(k K, v V) (actual V, inserted bool, err error) {
	return m.putIfAbsent(k, func() V { return v })
}

// GetOrPut returns the value of k; if there is none, it stores what f returns
// and returns that.
func (m *Map[K, V]) GetOrPut(k K, f func() V) (v V, err error) {
	v, _, err = m.putIfAbsent(k, f)
	return v, err
}

// Update replaces the value of k by what f makes of it, atomically; old is the
// zero V if there is none. If f returns false, k is deleted. f may be called
// again if another write gets ahead.
func (m *Map[K, V]) Update(k K, f func(old V, ok bool) (V, bool)) error { return m.updateValue(k, f) }

// Delete removes k. It is no error if it is not there.
func (m *Map[K, V]) Delete(k K) error { return m.delete(k) }

// Remove removes k and returns the value that it had.
func (m *Map[K, V]) Remove(k K) (old V, had bool, err error) {
	return m.change(k, func(old V, _ bool) (V, verdict) { return old, remove })
}

// Clear removes everything, in O(1).
func (m *Map[K, V]) Clear() error { return m.clear() }

// Len returns the number of entries. It walks over all keys unless the map is
// Counted.
func (m *Map[K, V]) Len() (int64, error) { return m.length() }

// IsEmpty reports whether there is no entry.
func (m *Map[K, V]) IsEmpty() (bool, error) { return m.isEmpty() }

// All walks over all entries.
func (m *Map[K, V]) All() *Cursor[K, V] { return m.cursor() }

// Keys walks over all keys, without reading values.
func (m *Map[K, V]) Keys() *KeyCursor[K] { return m.keyCursor() }

// Values walks over all values.
func (m *Map[K, V]) Values() *KeyCursor[V] { return m.valueCursor() }

// PutAll stores all entries of seq, in batches of a few thousand, each of which
// is atomic and durable as the handle says. Inside a transaction all are part of
// it. It is the fast way to load much.
func (m *Map[K, V]) PutAll(seq iter.Seq2[K, V]) error { return m.putAll(seq) }

func (t *table[K, V]) putIfAbsent(k K, f func() V) (actual V, inserted bool, err error) {
	old, had, err := t.change(k, func(old V, ok bool) (V, verdict) {
		if ok {
			return old, leave
		}
		actual = f()
		return actual, keep
	})
	if had {
		actual = old
	}
	return actual, !had && err == nil, err
}

func (t *table[K, V]) updateValue(k K, f func(old V, ok bool) (V, bool)) error {
	_, _, err := t.change(k, func(old V, ok bool) (V, verdict) {
		if next, stay := f(old, ok); stay {
			return next, keep
		}
		return old, remove
	})
	return err
}

// loadBatch is how many entries putAll commits at once.
const loadBatch = 4096

func (t *table[K, V]) putAll(seq iter.Seq2[K, V]) error {
	batch := make([]Entry[K, V], 0, loadBatch)
	flush := func() error {
		defer func() { batch = batch[:0] }()
		if !t.counts() {
			return t.write(func(w writer, p place) error {
				for _, e := range batch {
					if err := t.putTo(w, p, e.Key, e.Value); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return t.putCounted(func(yield func(K, V) bool) {
			for _, e := range batch {
				if !yield(e.Key, e.Value) {
					return
				}
			}
		})
	}
	for k, v := range seq {
		if batch = append(batch, Entry[K, V]{k, v}); len(batch) == loadBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return flush()
}

// putCounted stores all entries of seq in one transaction.
func (t *table[K, V]) putCounted(seq iter.Seq2[K, V]) error {
	put := func(tx *Tx) error {
		in := *t
		in.space = t.in(tx)
		for k, v := range seq {
			if err := in.put(k, v); err != nil {
				return err
			}
		}
		return nil
	}
	if t.tx != nil {
		return put(t.tx)
	}
	return t.db.update(context.Background(), t.dur, put)
}
