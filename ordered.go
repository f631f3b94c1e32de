package varve

import (
	"bytes"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// OrderedMap is a persistent map in the order of its keys: that of cmp.Compare,
// struct keys by their fields in turn (see package codec). It has all methods of
// Map, and walks in order.
type OrderedMap[K, V any] struct{ Map[K, V] }

// OpenOrderedMap opens the ordered map of the given name, and makes it if there
// is none. Keys are of a type that has an order: numbers, strings, bytes, bools,
// times, arrays and structs of these.
func OpenOrderedMap[K, V any](db *DB, name string, opts ...CollectionOption) (*OrderedMap[K, V], error) {
	c := newConfig(opts)
	kc, err := keys[K](c)
	if err != nil {
		return nil, err
	}
	vc, err := values[V](c)
	if err != nil {
		return nil, err
	}
	t, err := openTable(db, name, KindOrdered, kc, vc, c)
	return &OrderedMap[K, V]{Map[K, V]{t}}, err
}

// OpenRawKeyMap opens an ordered map whose keys are bytes, stored as they are.
func OpenRawKeyMap[V any](db *DB, name string, opts ...CollectionOption) (*OrderedMap[[]byte, V], error) {
	return OpenOrderedMap[[]byte, V](db, name, append(opts, WithKeys(codec.RawKey()))...)
}

// OpenRawMap opens an ordered map from bytes to bytes, stored as they are.
func OpenRawMap(db *DB, name string, opts ...CollectionOption) (*OrderedMap[[]byte, []byte], error) {
	return OpenRawKeyMap[[]byte](db, name, append(opts, WithValues(codec.RawValue()))...)
}

// In returns the map inside a transaction.
func (m *OrderedMap[K, V]) In(tx *Tx) *OrderedMap[K, V] { c := *m; c.space = m.in(tx); return &c }

// At returns the map as it was at a snapshot.
func (m *OrderedMap[K, V]) At(s *Snapshot) *OrderedMap[K, V] { c := *m; c.space = m.at(s); return &c }

// Durable returns a handle whose writes have durability d.
func (m *OrderedMap[K, V]) Durable(d Durability) *OrderedMap[K, V] {
	c := *m
	c.space = m.durable(d)
	return &c
}

// Attach opens, in db, the map whose stored handle m is.
func (m *OrderedMap[K, V]) Attach(db *DB, opts ...CollectionOption) error {
	return attach(m, db, OpenOrderedMap[K, V], opts)
}

// DeleteRange removes the keys between two bounds.
func (m *OrderedMap[K, V]) DeleteRange(from, to Bound[K]) error { return m.deleteBounds(from, to) }

func (t *table[K, V]) deleteBounds(from, to Bound[K]) error {
	lower, upper, err := codec.EncodeBounds(t.kc, from, to)
	if err != nil {
		return t.fail(err)
	}
	return t.deleteRange(lower, upper)
}

// First returns the entry with the lowest key; ok is false if there is none.
func (m *OrderedMap[K, V]) First() (k K, v V, ok bool, err error) {
	return m.seek(func(it kv.Iterator, _ place) (bool, error) { return it.First(), nil })
}

// Last returns the entry with the highest key.
func (m *OrderedMap[K, V]) Last() (k K, v V, ok bool, err error) {
	return m.seek(func(it kv.Iterator, _ place) (bool, error) { return it.Last(), nil })
}

// Floor returns the entry with the highest key that is not above k.
func (m *OrderedMap[K, V]) Floor(k K) (K, V, bool, error) { return m.seekKey(k, kv.Iterator.SeekLE) }

// Ceiling returns the entry with the lowest key that is not below k.
func (m *OrderedMap[K, V]) Ceiling(k K) (K, V, bool, error) { return m.seekKey(k, kv.Iterator.SeekGE) }

// Lower returns the entry with the highest key below k.
func (m *OrderedMap[K, V]) Lower(k K) (K, V, bool, error) { return m.seekKey(k, kv.Iterator.SeekLT) }

// Higher returns the entry with the lowest key above k.
func (m *OrderedMap[K, V]) Higher(k K) (K, V, bool, error) {
	return m.seekKey(k, func(it kv.Iterator, key []byte) bool { return it.SeekGE(kv.After(key)) })
}

func (t *table[K, V]) seekKey(k K, move func(kv.Iterator, []byte) bool) (K, V, bool, error) {
	return t.seek(func(it kv.Iterator, p place) (bool, error) {
		key, err := t.encodeKey(nil, p, k)
		return err == nil && move(it, key), err
	})
}

// PopFirst removes the entry with the lowest key and returns it.
func (m *OrderedMap[K, V]) PopFirst() (k K, v V, ok bool, err error) { return m.pop(false) }

// PopLast removes the entry with the highest key and returns it.
func (m *OrderedMap[K, V]) PopLast() (k K, v V, ok bool, err error) { return m.pop(true) }

// Backward walks over all entries in descending order.
func (m *OrderedMap[K, V]) Backward() *Cursor[K, V] { return m.cursor().Backward() }

// Range walks over the entries between two bounds:
//
//	m.Range(varve.From(10), varve.Below(20))
func (m *OrderedMap[K, V]) Range(from, to Bound[K]) *Cursor[K, V] {
	c := m.cursor()
	c.between(codec.EncodeBounds(m.kc, from, to))
	return c
}

// KeyRange walks over the keys between two bounds, without reading values.
func (m *OrderedMap[K, V]) KeyRange(from, to Bound[K]) *KeyCursor[K] { return m.keyRange(from, to) }

func (t *table[K, V]) keyRange(from, to Bound[K]) *KeyCursor[K] {
	c := t.keyCursor()
	c.between(codec.EncodeBounds(t.kc, from, to))
	return c
}

// Prefix walks over the entries whose keys begin with p. Keys must be strings or
// byte slices.
func (m *OrderedMap[K, V]) Prefix(p K) *Cursor[K, V] {
	c := m.cursor()
	c.between(prefixSpan(m.kc.AppendPrefix(nil, p)))
	return c
}

// PrefixFields walks over the entries whose struct or array keys equal k in the
// first n fields.
func (m *OrderedMap[K, V]) PrefixFields(k K, n int) *Cursor[K, V] {
	c := m.cursor()
	c.between(prefixSpan(m.kc.AppendFields(nil, k, n)))
	return c
}

func prefixSpan(prefix []byte, err error) (lower, upper []byte, _ error) {
	return prefix, kv.PrefixEnd(prefix), err
}

// Page returns up to n entries after the one that token names, and a token for
// the next page; an empty token asks for the first page, and is returned after
// the last. Tokens stay valid whatever is written, and can be handed to others.
func (m *OrderedMap[K, V]) Page(token []byte, n int) (page []Entry[K, V], next []byte, err error) {
	c := m.cursor().Limit(n + 1)
	if len(token) > 0 {
		c.lower = bytes.Clone(token)
	}
	c.run(func(key, val []byte) (bool, error) {
		if len(page) == n {
			next = bytes.Clone(key)
			return false, nil
		}
		k, err := m.kc.Decode(key)
		if err != nil {
			return false, err
		}
		v, err := m.vc.Decode(val)
		page = append(page, Entry[K, V]{k, v})
		return err == nil, err
	})
	return page, next, c.Err()
}

// Entry is a key with its value.
type Entry[K, V any] struct {
	Key   K
	Value V
}

// Bound is an end of a range of keys. The zero value is no bound.
type Bound[K any] = codec.Bound[K]

// From is the lower bound that includes k.
func From[K any](k K) Bound[K] { return codec.From(k) }

// Above is the lower bound that excludes k.
func Above[K any](k K) Bound[K] { return codec.Above(k) }

// To is the upper bound that includes k.
func To[K any](k K) Bound[K] { return codec.To(k) }

// Below is the upper bound that excludes k.
func Below[K any](k K) Bound[K] { return codec.Below(k) }

// Unbounded is no bound.
func Unbounded[K any]() Bound[K] { return Bound[K]{} }
