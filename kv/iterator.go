package kv

import "bytes"

// Iterator walks the keys of a state in order, in both directions. A new one is
// unpositioned. It is not safe for concurrent use.
//
// A move reports whether it arrived at an entry. Moved past either end, or after
// an error, the iterator is unpositioned: Key and Value are nil, Next and Prev
// report false. A caller that ends a loop must look at Err, or at what Close
// returns.
type Iterator interface {
	First() bool
	Last() bool
	// SeekGE moves to the first key that is not below key.
	SeekGE(key []byte) bool
	// SeekLE moves to the last key that is not above key.
	SeekLE(key []byte) bool
	// SeekLT moves to the last key below key.
	SeekLT(key []byte) bool
	Next() bool
	Prev() bool
	// Valid reports whether the iterator is at an entry.
	Valid() bool
	// Key and Value are those of the entry, valid until the next move or
	// Close. Key is nil only if the iterator is unpositioned: the empty key is
	// an empty slice. Value is nil if the iterator is KeysOnly.
	Key() []byte
	Value() []byte
	// Err returns the first error met.
	Err() error
	// Close releases the iterator and returns Err. It is idempotent.
	Close() error
}

// IterOptions narrow what an iterator visits. The zero value visits all.
type IterOptions struct {
	// Lower and Upper bound the keys, Lower inclusive, Upper exclusive; nil is
	// no bound.
	Lower, Upper []byte
	// Prefix is what visited keys begin with. With bounds, their intersection
	// is visited. An engine may use it to ask its filters.
	Prefix []byte
	// KeysOnly spares the values.
	KeysOnly bool
	// NoFill keeps what is read out of the engine's cache: for long scans.
	NoFill bool
	// Skip, if set, is asked for each key; the iterator passes over those for
	// which it returns true. The key is valid during the call.
	Skip func(key []byte) bool
}

// Bounds returns the tighter of the bounds and the prefix. A nil upper bound is
// none. If lower is not below upper nothing is visited.
func (o *IterOptions) Bounds() (lower, upper []byte) {
	lower, upper = o.Lower, o.Upper
	if len(o.Prefix) == 0 {
		return lower, upper
	}
	if bytes.Compare(o.Prefix, lower) > 0 {
		lower = o.Prefix
	}
	if end := PrefixEnd(o.Prefix); end != nil && (upper == nil || bytes.Compare(end, upper) < 0) {
		upper = end
	}
	return lower, upper
}

// PrefixEnd returns the smallest key above all that begin with prefix, or nil if
// there is none.
func PrefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

// After returns the smallest key above key.
func After(key []byte) []byte {
	return append(bytes.Clone(key), 0)
}

// NextPrefix moves it to the first key that differs from the current one in its
// first n bytes and is above it. It is how to visit one key of each prefix.
func NextPrefix(it Iterator, n int) bool {
	key := it.Key()
	if key == nil {
		return false
	}
	if len(key) < n {
		return it.Next() // any other key differs
	}
	end := PrefixEnd(key[:n])
	if end == nil {
		it.Last()
		return it.Next()
	}
	return it.SeekGE(end)
}

// failedIter is an iterator that has nothing but an error.
type failedIter struct{ err error }

// FailedIterator returns an iterator that is never positioned and reports err.
func FailedIterator(err error) Iterator { return &failedIter{err} }

func (*failedIter) First() bool        { return false }
func (*failedIter) Last() bool         { return false }
func (*failedIter) SeekGE([]byte) bool { return false }
func (*failedIter) SeekLE([]byte) bool { return false }
func (*failedIter) SeekLT([]byte) bool { return false }
func (*failedIter) Next() bool         { return false }
func (*failedIter) Prev() bool         { return false }
func (*failedIter) Valid() bool        { return false }
func (*failedIter) Key() []byte        { return nil }
func (*failedIter) Value() []byte      { return nil }
func (it *failedIter) Err() error      { return it.err }
func (it *failedIter) Close() error    { return it.err }
