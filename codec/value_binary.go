package codec

import (
	"encoding"
	"fmt"
	"reflect"
)

// isBinary reports whether t writes and reads itself. Pointers never do: CBOR
// can tell nil from what it would otherwise point to.
func isBinary(t reflect.Type, path string) (bool, error) {
	p := reflect.PointerTo(t)
	appender, marshaler := reflect.TypeFor[encoding.BinaryAppender](), reflect.TypeFor[encoding.BinaryMarshaler]()
	writes := p.Implements(appender) || p.Implements(marshaler)
	reads := p.Implements(reflect.TypeFor[encoding.BinaryUnmarshaler]())
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || !writes || !reads {
		return false, nil
	}
	if err := checkInherited(t, path, appender, "AppendBinary"); err != nil {
		return false, err
	}
	return true, checkInherited(t, path, marshaler, "MarshalBinary")
}

// binaryValue asks the value, and encodes nothing itself. If appends, the value
// has AppendBinary, else MarshalBinary.
type binaryValue[V any] struct {
	appends bool
	shape   Shape
}

func newBinaryValue[V any](t reflect.Type) (Value[V], error) {
	shape, err := (&node{kind: kindBinary, name: codecName(t)}).text()
	return binaryValue[V]{
		appends: reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.BinaryAppender]()),
		shape:   shape,
	}, err
}

func (c binaryValue[V]) Append(dst []byte, v V) ([]byte, error) {
	var out []byte
	var err error
	if c.appends {
		out, err = any(&v).(encoding.BinaryAppender).AppendBinary(dst)
	} else {
		out, err = any(&v).(encoding.BinaryMarshaler).MarshalBinary()
		out = append(dst, out...)
	}
	if err != nil {
		return dst, fmt.Errorf("marshal value: %w", err)
	}
	return out, nil
}

func (c binaryValue[V]) Decode(src []byte) (V, error) {
	var v V
	if err := any(&v).(encoding.BinaryUnmarshaler).UnmarshalBinary(src); err != nil {
		var zero V
		return zero, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return v, nil
}

func (c binaryValue[V]) Shape() Shape { return c.shape }
