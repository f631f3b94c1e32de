package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unsafe"
)

// scalarValue encodes one native value. The kind is known to describe V, and
// size is that of V in bytes.
type scalarValue[V any] struct {
	kind kind
	size uintptr
}

func (c scalarValue[V]) Append(dst []byte, v V) ([]byte, error) {
	return appendScalar(dst, c.kind, c.size, unsafe.Pointer(&v))
}

func (c scalarValue[V]) Decode(src []byte) (V, error) {
	var v V
	if err := decodeScalar(src, c.kind, c.size, unsafe.Pointer(&v)); err != nil {
		var zero V
		return zero, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return v, nil
}

func (c scalarValue[V]) Shape() Shape {
	if c.kind == kindByteArray {
		return Shape(fmt.Sprintf("[%d]byte", c.size))
	}
	return Shape(c.kind.word())
}

// appendScalar appends the value at p. Like the methods of keyNode it does not
// let p escape.
func appendScalar(dst []byte, k kind, size uintptr, p unsafe.Pointer) ([]byte, error) {
	switch k {
	case kindInt:
		return binary.AppendVarint(dst, loadInt(p, size)), nil
	case kindUint:
		return binary.AppendUvarint(dst, loadUint(p, size)), nil
	case kindFloat32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(*(*float32)(p))), nil
	case kindFloat64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(*(*float64)(p))), nil
	case kindString:
		return append(dst, *(*string)(p)...), nil
	case kindBytes:
		return append(dst, *(*[]byte)(p)...), nil
	case kindByteArray:
		return append(dst, unsafe.Slice((*byte)(p), size)...), nil
	case kindTime:
		out, err := (*time.Time)(p).AppendBinary(dst)
		if err != nil {
			return dst, fmt.Errorf("%w: %w", ErrUnencodable, err)
		}
		return out, nil
	}
	if *(*bool)(p) {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

// decodeScalar stores the value that src is the encoding of at p.
func decodeScalar(src []byte, k kind, size uintptr, p unsafe.Pointer) error {
	switch k {
	case kindInt:
		i, err := readVarint(src)
		if err == nil && !storeInt(p, size, i) {
			err = fmt.Errorf("integer %d overflows %d bits", i, 8*size)
		}
		return err
	case kindUint:
		u, err := readUvarint(src)
		if err == nil && !storeUint(p, size, u) {
			err = fmt.Errorf("integer %d overflows %d bits", u, 8*size)
		}
		return err
	case kindString:
		*(*string)(p) = string(src)
		return nil
	case kindBytes:
		*(*[]byte)(p) = append([]byte{}, src...)
		return nil
	case kindTime:
		return decodeTimeValue(src, (*time.Time)(p))
	}
	return decodeFixed(src, k, size, p)
}

// decodeFixed is decodeScalar for kinds whose encoding has as many bytes as the
// value in memory.
func decodeFixed(src []byte, k kind, size uintptr, p unsafe.Pointer) error {
	if uintptr(len(src)) != size {
		return fmt.Errorf("%d bytes, want %d", len(src), size)
	}
	switch k {
	case kindFloat32:
		*(*float32)(p) = math.Float32frombits(binary.LittleEndian.Uint32(src))
	case kindFloat64:
		*(*float64)(p) = math.Float64frombits(binary.LittleEndian.Uint64(src))
	case kindByteArray:
		copy(unsafe.Slice((*byte)(p), size), src)
	case kindBool:
		if src[0] > 1 {
			return fmt.Errorf("byte 0x%02x for a bool", src[0])
		}
		*(*bool)(p) = src[0] == 1
	}
	return nil
}

// decodeTimeValue reads what AppendBinary of time.Time writes: version, seconds,
// nanoseconds, minutes east of UTC and, in version 2, seconds of the offset.
// It differs from UnmarshalBinary twice: nanoseconds beyond a second are
// refused, and the last byte is signed as it is written, so that zones whose
// offset is negative and not of whole minutes come back as they were. The
// variable of its own is there because UnmarshalBinary is not known to leave
// the stack alone.
func decodeTimeValue(src []byte, to *time.Time) error {
	var t time.Time
	if err := t.UnmarshalBinary(src); err != nil {
		return err
	}
	if nsec := binary.BigEndian.Uint32(src[9:]); nsec >= 1e9 {
		return fmt.Errorf("%d nanoseconds in a second", nsec)
	}
	if len(src) == 16 && int8(src[15]) < 0 {
		minutes := int(int16(binary.BigEndian.Uint16(src[13:])))
		t = t.In(time.FixedZone("", minutes*60+int(int8(src[15]))))
	}
	*to = t
	return nil
}

// readUvarint reads src as one number, refusing longer forms of it.
func readUvarint(src []byte) (uint64, error) {
	u, n := binary.Uvarint(src)
	if n <= 0 || n != len(src) || n > 1 && src[n-1] == 0 {
		return 0, fmt.Errorf("%d bytes are not one number in its shortest form", len(src))
	}
	return u, nil
}

// readVarint is readUvarint for zigzag numbers.
func readVarint(src []byte) (int64, error) {
	u, err := readUvarint(src)
	return int64(u>>1) ^ -int64(u&1), err
}
