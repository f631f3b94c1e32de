package codec

import (
	"fmt"
	"reflect"
	"unsafe"
)

// KeyOf returns the codec of keys of type K, which may be any integer, float,
// bool, string or []byte type, time.Time, arrays of these, structs of these, a
// type with methods AppendKey and DecodeKey (see [KeyAppender]), and any
// nesting of arrays and structs. For another type, and for a struct with an
// unexported field, the error wraps [ErrUnsupported] and names the path of the
// field.
//
// The order is that of cmp.Compare, field by field, with these notes:
//
//   - NaN sorts before all numbers and all NaNs are one key; -0 is 0.
//   - A time is its instant: zones and monotonic clock readings are dropped,
//     and it is decoded in UTC. Times after the year 292,277,022,399 are an
//     error.
//   - Integers of all widths share one encoding; decoding one that does not fit
//     K is an error, so a 32-bit system reads the int keys of a 64-bit one as
//     far as it can. The same holds for signed and unsigned, but not for their
//     shapes.
//   - A nil []byte is the empty one, and is decoded as such, not nil.
//   - The tag `varve:"desc"` reverses the order of a field. Fields named _ are
//     skipped.
//
// A struct or array is the flat tuple of its fields, so that the first of them
// are a prefix; inside a key it is a nested tuple. A [N]byte is a byte string.
//
// Append of the returned codec allocates nothing if dst has room, unless K has
// methods of its own.
func KeyOf[K any]() (Key[K], error) {
	return newPlanKey[K](false)
}

// planKey encodes keys by a plan made from the type K.
type planKey[K any] struct {
	root  keyNode
	shape Shape
}

func newPlanKey[K any](desc bool) (*planKey[K], error) {
	t := reflect.TypeFor[K]()
	root, err := newKeyNode(t, "")
	if err == nil && root.parts() == 0 {
		err = unsupported("", "all its keys are equal")
	}
	if err != nil {
		return nil, fmt.Errorf("codec: key of type %v: %w", t, err)
	}
	return (&planKey[K]{root: root}).withOrder(desc)
}

// withOrder returns c with its order set.
func (c *planKey[K]) withOrder(desc bool) (*planKey[K], error) {
	out := &planKey[K]{root: c.root}
	out.root.desc = desc
	text, err := out.root.shape().text()
	out.shape = text
	return out, err
}

func (c *planKey[K]) Append(dst []byte, k K) ([]byte, error) {
	return c.root.appendKey(dst, unsafe.Pointer(&k))
}

func (c *planKey[K]) AppendPrefix(dst []byte, k K) ([]byte, error) {
	dst, ok := c.root.appendPrefix(dst, unsafe.Pointer(&k))
	if !ok {
		return dst, fmt.Errorf("%w: only strings and bytes have, not %s", ErrNoPrefix, c.shape.short())
	}
	return dst, nil
}

func (c *planKey[K]) AppendFields(dst []byte, k K, n int) ([]byte, error) {
	if n < 0 || n > c.root.parts() {
		return dst, fmt.Errorf("%w: %d of %d fields", ErrNoPrefix, n, c.root.parts())
	}
	return c.root.appendFirst(dst, unsafe.Pointer(&k), n)
}

func (c *planKey[K]) Decode(src []byte) (K, error) {
	var k K
	r := reader{src: src}
	if err := c.root.decodeKey(&r, unsafe.Pointer(&k)); err != nil {
		var zero K
		return zero, err
	}
	return k, nil
}

func (c *planKey[K]) Shape() Shape { return c.shape }
