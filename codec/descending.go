package codec

import "bytes"

// Descending returns a codec of the same keys in reverse order. Descending of
// a descending codec is ascending again.
//
// As raw keys can be prefixes of one another, their order cannot be reversed
// in place: Descending of [RawKey] is Descending of KeyOf[[]byte].
func Descending[K any](k Key[K]) Key[K] {
	switch c := any(k).(type) {
	case *planKey[K]:
		if out, err := c.withOrder(!c.root.desc); err == nil {
			return out
		}
	case rawKey:
		if out, err := newPlanKey[K](true); err == nil {
			return out
		}
	case invertedKey[K]:
		return c.up
	}
	return invertedKey[K]{k}
}

// invertedKey reverses the order of a codec that is not of this package. As no
// encoding of up is a prefix of another, inverting all bytes is enough.
type invertedKey[K any] struct{ up Key[K] }

func (c invertedKey[K]) Append(dst []byte, k K) ([]byte, error) {
	out, err := c.up.Append(dst, k)
	return c.inverted(dst, out, err)
}

func (c invertedKey[K]) AppendPrefix(dst []byte, k K) ([]byte, error) {
	out, err := c.up.AppendPrefix(dst, k)
	return c.inverted(dst, out, err)
}

func (c invertedKey[K]) AppendFields(dst []byte, k K, n int) ([]byte, error) {
	out, err := c.up.AppendFields(dst, k, n)
	return c.inverted(dst, out, err)
}

func (c invertedKey[K]) inverted(dst, out []byte, err error) ([]byte, error) {
	if err != nil {
		return dst, err
	}
	invert(out[len(dst):])
	return out, nil
}

func (c invertedKey[K]) Decode(src []byte) (K, error) {
	src = bytes.Clone(src)
	invert(src)
	return c.up.Decode(src)
}

func (c invertedKey[K]) Shape() Shape { return c.up.Shape() + " desc" }
