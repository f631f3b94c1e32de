package codec

import (
	"fmt"
	"reflect"
)

// ValueOf returns the codec of values of type V:
//
//   - Integers are variable-length numbers (zigzag if signed), floats their
//     bits, bools a byte, strings, byte slices and byte arrays the bytes
//     themselves. Named types of these kinds have the same encoding and shape.
//     Nil and empty byte slices both decode to an empty one that is not nil.
//   - time.Time is what its MarshalBinary writes: nanoseconds and the offset of
//     the zone are kept, the name of the zone and the monotonic clock are not.
//   - A type with encoding.BinaryAppender or encoding.BinaryMarshaler, and
//     encoding.BinaryUnmarshaler, writes and reads itself.
//   - Everything else is CBOR, as of RFC 8949 section 4.2 (core deterministic),
//     with the names of the tags `cbor` or `json`. Fields may be added and
//     removed later; names are matched exactly. Inside CBOR, times are RFC 3339
//     with nanoseconds, in UTC, and of years 0 to 9999.
//
// For a type that holds what none of these can, the error wraps
// [ErrUnsupported] and names the path of the field: channels, functions,
// complex numbers, interfaces with methods, structs whose fields are all
// unexported. CBOR nests at most 32 deep and holds at most 2^24 elements in a
// list or map; Append refuses more, and values that contain themselves, with
// [ErrUnencodable].
//
// Append of native values allocates nothing if dst has room.
func ValueOf[V any]() (Value[V], error) {
	v, err := newValue[V](reflect.TypeFor[V]())
	if err != nil {
		return nil, fmt.Errorf("codec: value of type %v: %w", reflect.TypeFor[V](), err)
	}
	return v, nil
}

func newValue[V any](t reflect.Type) (Value[V], error) {
	if scalarKind(t) == kindTime {
		return scalarValue[V]{kind: kindTime}, nil
	}
	if binary, err := isBinary(t, ""); err != nil {
		return nil, err
	} else if binary {
		return newBinaryValue[V](t)
	}
	if k := scalarKind(t); k != kindNone {
		return scalarValue[V]{kind: k, size: t.Size()}, nil
	}
	if t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8 {
		return scalarValue[V]{kind: kindByteArray, size: t.Size()}, nil
	}
	return newCBORValue[V](t)
}
