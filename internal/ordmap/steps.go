package ordmap

import "bytes"

// Steps is a function from byte strings to V that is constant between a few
// boundaries: deleted ranges, sequence numbers of ranges. The zero value is the
// zero V everywhere. It is as safe for concurrent use as a Map.
type Steps[V comparable] struct {
	bounds Map[V] // at each boundary, the value from there to the next
}

// Clone returns a function with the same values, in O(1).
func (s *Steps[V]) Clone() Steps[V] { return Steps[V]{bounds: s.bounds.Clone()} }

// Len returns the number of boundaries.
func (s *Steps[V]) Len() int { return s.bounds.Len() }

// At returns the value at key.
func (s *Steps[V]) At(key []byte) (v V) {
	if s.bounds.size == 0 {
		return v
	}
	it := s.bounds.Iter()
	if it.floor(key) {
		return it.Value()
	}
	return v
}

// Next returns the first boundary above key, or nil.
func (s *Steps[V]) Next(key []byte) []byte {
	it := s.bounds.Iter()
	if it.SeekGE(key) && bytes.Equal(it.Key(), key) && !it.Next() || !it.Valid() {
		return nil
	}
	return it.Key()
}

// Floor returns the last boundary that is not above key, or nil.
func (s *Steps[V]) Floor(key []byte) []byte {
	it := s.bounds.Iter()
	if !it.floor(key) {
		return nil
	}
	return it.Key()
}

// Set gives the keys from start to before end the value v; a nil end is no
// bound. It keeps the slices.
func (s *Steps[V]) Set(start, end []byte, v V) {
	if end != nil {
		s.bounds.Set(end, s.At(end))
	}
	for _, b := range s.between(start, end) {
		s.bounds.Delete(b)
	}
	s.bounds.Set(start, v)
}

func (s *Steps[V]) between(start, end []byte) (bounds [][]byte) {
	it := s.bounds.Iter()
	for ok := it.SeekGE(start); ok && (end == nil || bytes.Compare(it.Key(), end) < 0); ok = it.Next() {
		bounds = append(bounds, it.Key())
	}
	return bounds
}

// Any reports whether test holds for a value between start and end; a nil end
// is no bound.
func (s *Steps[V]) Any(start, end []byte, test func(V) bool) bool {
	if s.bounds.size == 0 {
		var zero V
		return test(zero)
	}
	if test(s.At(start)) {
		return true
	}
	it := s.bounds.Iter()
	for ok := it.SeekGE(start); ok && (end == nil || bytes.Compare(it.Key(), end) < 0); ok = it.Next() {
		if test(it.Value()) {
			return true
		}
	}
	return false
}

// floor moves to the last entry whose key is not above key.
func (it *Iter[V]) floor(key []byte) bool {
	if it.SeekGE(key) && bytes.Equal(it.Key(), key) {
		return true
	}
	return it.SeekLT(key)
}

// Map applies f to all values, and joins neighbours that became equal.
func (s *Steps[V]) Map(f func(V) V) {
	var next Map[V]
	var last V
	it := s.bounds.Iter()
	for ok := it.First(); ok; ok = it.Next() {
		if v := f(it.Value()); v != last {
			next.Set(it.Key(), v)
			last = v
		}
	}
	s.bounds = next
}
