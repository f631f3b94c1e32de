package varve

import (
	"iter"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// Set is a persistent set in the order of its members: that of cmp.Compare, as
// the keys of OrderedMap. Handles may be used concurrently, but for those that In
// has bound to a transaction. Its errors are those of Map.
type Set[K any] struct{ t table[K, []byte] }

// OpenSet opens the set of the given name, and makes it if there is none.
func OpenSet[K any](db *DB, name string, opts ...CollectionOption) (*Set[K], error) {
	c := newConfig(opts)
	kc, err := keys[K](c)
	if err != nil {
		return nil, err
	}
	t, err := openTable(db, name, KindSet, kc, codec.RawValue(), c)
	return &Set[K]{t}, err
}

func (s *Set[K]) with(sp space) *Set[K] {
	c := *s
	c.t.space = sp
	return &c
}

// In returns the set inside a transaction.
func (s *Set[K]) In(tx *Tx) *Set[K] { return s.with(s.t.in(tx)) }

// At returns the set as it was at a snapshot.
func (s *Set[K]) At(snap *Snapshot) *Set[K] { return s.with(s.t.at(snap)) }

// Durable returns a handle whose writes have durability d.
func (s *Set[K]) Durable(d Durability) *Set[K] { return s.with(s.t.durable(d)) }

// ID returns the number of the set.
func (s *Set[K]) ID() ID { return s.t.ID() }

// AppendBinary appends the ID as a uvarint: a handle can be stored as a value.
func (s *Set[K]) AppendBinary(dst []byte) ([]byte, error) { return s.t.AppendBinary(dst) }

// MarshalBinary is AppendBinary to a new slice.
func (s *Set[K]) MarshalBinary() ([]byte, error) { return s.t.MarshalBinary() }

// UnmarshalBinary makes a handle that can be used after Attach.
func (s *Set[K]) UnmarshalBinary(b []byte) error { return s.t.UnmarshalBinary(b) }

// CodecName keeps the shape of stored handles apart from other binary values.
func (s *Set[K]) CodecName() string { return s.t.CodecName() }

// Attach opens, in db, the set whose stored handle s is.
func (s *Set[K]) Attach(db *DB, opts ...CollectionOption) error {
	return attach(s, db, OpenSet[K], opts)
}

// Add adds a member.
func (s *Set[K]) Add(k K) error { return s.t.put(k, nil) }

// AddNew adds a member and reports whether it was not there.
func (s *Set[K]) AddNew(k K) (added bool, err error) {
	_, added, err = s.t.putIfAbsent(k, func() []byte { return nil })
	return added, err
}

// AddAll adds all of seq, in batches, as Map.PutAll.
func (s *Set[K]) AddAll(seq iter.Seq[K]) error {
	return s.t.putAll(func(yield func(K, []byte) bool) {
		for k := range seq {
			if !yield(k, nil) {
				return
			}
		}
	})
}

// Has reports whether k is a member.
func (s *Set[K]) Has(k K) (bool, error) { return s.t.has(k) }

// Delete removes a member. It is no error if it is not there.
func (s *Set[K]) Delete(k K) error { return s.t.delete(k) }

// Remove removes a member and reports whether it was there.
func (s *Set[K]) Remove(k K) (had bool, err error) {
	_, had, err = s.t.change(k, func([]byte, bool) ([]byte, verdict) { return nil, remove })
	return had, err
}

// DeleteRange removes the members between two bounds.
func (s *Set[K]) DeleteRange(from, to Bound[K]) error { return s.t.deleteBounds(from, to) }

// Clear removes everything, in O(1).
func (s *Set[K]) Clear() error { return s.t.clear() }

// Len returns the number of members. It walks over all unless the set is
// Counted.
func (s *Set[K]) Len() (int64, error) { return s.t.length() }

// IsEmpty reports whether there is no member.
func (s *Set[K]) IsEmpty() (bool, error) { return s.t.isEmpty() }

// First returns the lowest member; ok is false if there is none.
func (s *Set[K]) First() (k K, ok bool, err error) {
	return key(s.t.seek(func(it kv.Iterator, _ place) (bool, error) { return it.First(), nil }))
}

// Last returns the highest member.
func (s *Set[K]) Last() (k K, ok bool, err error) {
	return key(s.t.seek(func(it kv.Iterator, _ place) (bool, error) { return it.Last(), nil }))
}

// Floor returns the highest member that is not above k.
func (s *Set[K]) Floor(k K) (K, bool, error) { return key(s.t.seekKey(k, kv.Iterator.SeekLE)) }

// Ceiling returns the lowest member that is not below k.
func (s *Set[K]) Ceiling(k K) (K, bool, error) { return key(s.t.seekKey(k, kv.Iterator.SeekGE)) }

// PopFirst removes the lowest member and returns it.
func (s *Set[K]) PopFirst() (K, bool, error) { return key(s.t.pop(false)) }

// PopLast removes the highest member and returns it.
func (s *Set[K]) PopLast() (K, bool, error) { return key(s.t.pop(true)) }

func key[K, V any](k K, _ V, ok bool, err error) (K, bool, error) { return k, ok, err }

// All walks over the members in ascending order.
func (s *Set[K]) All() *KeyCursor[K] { return s.t.keyCursor() }

// Backward walks over the members in descending order.
func (s *Set[K]) Backward() *KeyCursor[K] { return s.t.keyCursor().Backward() }

// Range walks over the members between two bounds.
func (s *Set[K]) Range(from, to Bound[K]) *KeyCursor[K] { return s.t.keyRange(from, to) }

// Prefix walks over the members that begin with p: strings or byte slices.
func (s *Set[K]) Prefix(p K) *KeyCursor[K] {
	c := s.t.keyCursor()
	c.between(prefixSpan(s.t.kc.AppendPrefix(nil, p)))
	return c
}
