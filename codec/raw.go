package codec

import "fmt"

// RawKey returns the codec whose encoding is the key itself, in the order of
// bytes.Compare. It differs from the other codecs in one guarantee: a key may
// be a prefix of another, so the encoding can only be used as a whole key,
// with nothing after it. Nil is the empty key, and is decoded as such.
func RawKey() Key[[]byte] { return rawKey{} }

// RawValue returns the codec whose encoding is the value itself. Nil and empty
// both decode to an empty slice that is not nil.
func RawValue() Value[[]byte] { return rawValue{} }

type rawKey struct{}

func (rawKey) Append(dst, k []byte) ([]byte, error)       { return append(dst, k...), nil }
func (rawKey) AppendPrefix(dst, k []byte) ([]byte, error) { return append(dst, k...), nil }
func (rawKey) Decode(src []byte) ([]byte, error)          { return append([]byte{}, src...), nil }
func (rawKey) Shape() Shape                               { return "raw" }

func (rawKey) AppendFields(dst, k []byte, n int) ([]byte, error) {
	switch n {
	case 0:
		return dst, nil
	case 1:
		return append(dst, k...), nil
	}
	return dst, fmt.Errorf("%w: %d of 1 fields", ErrNoPrefix, n)
}

type rawValue struct{}

func (rawValue) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (rawValue) Decode(src []byte) ([]byte, error)    { return append([]byte{}, src...), nil }
func (rawValue) Shape() Shape                         { return "raw" }
