package codec

import (
	"time"
	"unsafe"
)

// The methods of this file reach the key through a pointer that they do not
// let escape: every call is static, so that the compiler can see it, and the
// key stays on the caller's stack. A call through an interface or a function
// value here would cost an allocation for each key.

// appendKey appends the encoding of the whole key at p: a struct or array is
// the flat sequence of its parts.
func (n *keyNode) appendKey(dst []byte, p unsafe.Pointer) ([]byte, error) {
	if n.kind == kindStruct || n.kind == kindArray {
		return n.appendParts(dst, p, n.parts())
	}
	return n.append(dst, p)
}

// appendParts appends the first count parts of a struct or array, inverted if
// n is descending.
func (n *keyNode) appendParts(dst []byte, p unsafe.Pointer, count int) ([]byte, error) {
	start := len(dst)
	for i := range count {
		part, offset := n.part(i)
		var err error
		if dst, err = part.append(dst, unsafe.Add(p, offset)); err != nil {
			return dst[:start], err
		}
	}
	if n.desc {
		invert(dst[start:])
	}
	return dst, nil
}

// append appends the encoding of the Go value at p as a part of a key.
func (n *keyNode) append(dst []byte, p unsafe.Pointer) ([]byte, error) {
	start := len(dst)
	var err error
	switch n.kind {
	case kindInt:
		dst = appendInt(dst, loadInt(p, n.size))
	case kindUint:
		dst = appendUint(dst, loadUint(p, n.size))
	case kindFloat32:
		dst = appendFloat32(dst, *(*float32)(p))
	case kindFloat64:
		dst = appendFloat64(dst, *(*float64)(p))
	case kindString:
		dst = appendBytes(dst, codeString, viewString(*(*string)(p)))
	case kindBytes:
		dst = appendBytes(dst, codeBytes, *(*[]byte)(p))
	case kindByteArray:
		dst = appendBytes(dst, codeBytes, unsafe.Slice((*byte)(p), n.count))
	case kindBool:
		dst = appendBool(dst, *(*bool)(p))
	case kindTime:
		dst, err = appendTime(dst, *(*time.Time)(p))
	case kindCustom:
		dst, err = appendCustom(dst, n.typ, p)
	case kindStruct, kindArray:
		return n.appendTuple(dst, p)
	}
	if n.desc {
		invert(dst[start:])
	}
	return dst, err
}

// appendTuple appends a struct or array inside a key as a nested tuple.
func (n *keyNode) appendTuple(dst []byte, p unsafe.Pointer) ([]byte, error) {
	var mask byte
	if n.desc {
		mask = 0xff
	}
	start := len(dst)
	dst, err := n.appendParts(append(dst, codeTuple^mask), p, n.parts())
	if err != nil {
		return dst[:start], err
	}
	return append(dst, terminator^mask), nil
}

// appendPrefix appends what every string or byte string that begins with the
// one at p starts with. It reports whether the key has prefixes.
func (n *keyNode) appendPrefix(dst []byte, p unsafe.Pointer) ([]byte, bool) {
	start := len(dst)
	switch n.kind {
	case kindString:
		dst = appendEscaped(append(dst, codeString), viewString(*(*string)(p)))
	case kindBytes:
		dst = appendEscaped(append(dst, codeBytes), *(*[]byte)(p))
	default:
		return dst, false
	}
	if n.desc {
		invert(dst[start:])
	}
	return dst, true
}

// appendFirst appends the first count parts of the whole key at p. The count
// is in range.
func (n *keyNode) appendFirst(dst []byte, p unsafe.Pointer, count int) ([]byte, error) {
	switch {
	case n.kind == kindStruct || n.kind == kindArray:
		return n.appendParts(dst, p, count)
	case count == n.parts():
		return n.append(dst, p)
	case count == 0:
		return dst, nil
	}
	start := len(dst)
	dst = appendEscaped(append(dst, codeBytes), unsafe.Slice((*byte)(p), count))
	if n.desc {
		invert(dst[start:])
	}
	return dst, nil
}

// loadInt reads a signed integer of size bytes.
func loadInt(p unsafe.Pointer, size uintptr) int64 {
	switch size {
	case 1:
		return int64(*(*int8)(p))
	case 2:
		return int64(*(*int16)(p))
	case 4:
		return int64(*(*int32)(p))
	}
	return *(*int64)(p)
}

// loadUint reads an unsigned integer of size bytes.
func loadUint(p unsafe.Pointer, size uintptr) uint64 {
	switch size {
	case 1:
		return uint64(*(*uint8)(p))
	case 2:
		return uint64(*(*uint16)(p))
	case 4:
		return uint64(*(*uint32)(p))
	}
	return *(*uint64)(p)
}
