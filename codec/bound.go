package codec

import (
	"bytes"
	"errors"
)

// Bound is an end of a range of keys. The zero value is no bound.
type Bound[K any] struct {
	key  K
	kind boundKind
}

type boundKind uint8

const (
	unbounded boundKind = iota
	including
	excluding
)

// From is the lower bound that includes k.
func From[K any](k K) Bound[K] { return Bound[K]{k, including} }

// Above is the lower bound that excludes k.
func Above[K any](k K) Bound[K] { return Bound[K]{k, excluding} }

// To is the upper bound that includes k.
func To[K any](k K) Bound[K] { return Bound[K]{k, including} }

// Below is the upper bound that excludes k.
func Below[K any](k K) Bound[K] { return Bound[K]{k, excluding} }

// EncodeBounds returns the encoded keys from lower to before upper; nil is no
// bound.
func EncodeBounds[K any](kc Key[K], from, to Bound[K]) (lower, upper []byte, err error) {
	lower, err = from.encode(kc, excluding)
	upper, err2 := to.encode(kc, including)
	return lower, upper, errors.Join(err, err2)
}

// encode returns the key of the bound, or the one after it if the bound is of
// kind after.
func (b Bound[K]) encode(kc Key[K], after boundKind) ([]byte, error) {
	if b.kind == unbounded {
		return nil, nil
	}
	key, err := kc.Append([]byte{}, b.key)
	if err == nil && b.kind == after {
		key = append(bytes.Clone(key), 0) // the smallest key above
	}
	return key, err
}
