package codec

import (
	"fmt"
	"time"
	"unsafe"
)

// decodeKey stores the whole key that r holds at p.
func (n *keyNode) decodeKey(r *reader, p unsafe.Pointer) error {
	if n.desc {
		r.mask = ^r.mask
	}
	var err error
	if n.kind == kindStruct || n.kind == kindArray {
		err = n.decodeParts(r, p)
	} else {
		err = n.decodeBody(r, p)
	}
	if err != nil {
		return err
	}
	return r.end()
}

func (n *keyNode) decodeParts(r *reader, p unsafe.Pointer) error {
	for i := range n.parts() {
		part, offset := n.part(i)
		if err := part.decode(r, unsafe.Add(p, offset)); err != nil {
			return fmt.Errorf("%s: %w", n.partName(i), err)
		}
	}
	return nil
}

// decode stores one part of a key at p.
func (n *keyNode) decode(r *reader, p unsafe.Pointer) error {
	if n.desc {
		r.mask = ^r.mask
		defer func() { r.mask = ^r.mask }()
	}
	return n.decodeBody(r, p)
}

// decodeBody is decode with the mask of r as n needs it.
func (n *keyNode) decodeBody(r *reader, p unsafe.Pointer) (err error) {
	switch n.kind {
	case kindInt:
		return n.decodeInt(r, p)
	case kindUint:
		return n.decodeUint(r, p)
	case kindFloat32:
		*(*float32)(p), err = r.float32()
	case kindFloat64:
		*(*float64)(p), err = r.float64()
	case kindString:
		*(*string)(p), err = r.string()
	case kindBytes:
		*(*[]byte)(p), err = r.bytes(codeBytes, "bytes")
	case kindByteArray:
		return n.decodeByteArray(r, p)
	case kindBool:
		*(*bool)(p), err = r.bool()
	case kindTime:
		*(*time.Time)(p), err = r.time()
	case kindCustom:
		return decodeCustom(r, n.typ, p)
	case kindStruct, kindArray:
		return n.decodeTuple(r, p)
	}
	return err
}

func (n *keyNode) decodeTuple(r *reader, p unsafe.Pointer) error {
	if err := r.expect(codeTuple, "tuple"); err != nil {
		return err
	}
	if err := n.decodeParts(r, p); err != nil {
		return err
	}
	return r.expect(terminator, "end of tuple")
}

func (n *keyNode) decodeByteArray(r *reader, p unsafe.Pointer) error {
	start := r.off
	b, err := r.bytes(codeBytes, "bytes")
	if err != nil {
		return err
	}
	if len(b) != n.count {
		return r.fail(start, "%d bytes, want %d", len(b), n.count)
	}
	copy(unsafe.Slice((*byte)(p), n.count), b)
	return nil
}

func (n *keyNode) decodeInt(r *reader, p unsafe.Pointer) error {
	start := r.off
	i, err := r.int()
	if err != nil {
		return err
	}
	if !storeInt(p, n.size, i) {
		return r.fail(start, "integer %d overflows %d bits", i, 8*n.size)
	}
	return nil
}

func (n *keyNode) decodeUint(r *reader, p unsafe.Pointer) error {
	start := r.off
	u, err := r.uint()
	if err != nil {
		return err
	}
	if !storeUint(p, n.size, u) {
		return r.fail(start, "integer %d overflows %d bits", u, 8*n.size)
	}
	return nil
}

// storeInt writes i as an integer of size bytes and reports whether it fits.
func storeInt(p unsafe.Pointer, size uintptr, i int64) bool {
	switch size {
	case 1:
		*(*int8)(p) = int8(i)
	case 2:
		*(*int16)(p) = int16(i)
	case 4:
		*(*int32)(p) = int32(i)
	default:
		*(*int64)(p) = i
	}
	return loadInt(p, size) == i
}

// storeUint writes u as an integer of size bytes and reports whether it fits.
func storeUint(p unsafe.Pointer, size uintptr, u uint64) bool {
	switch size {
	case 1:
		*(*uint8)(p) = uint8(u)
	case 2:
		*(*uint16)(p) = uint16(u)
	case 4:
		*(*uint32)(p) = uint32(u)
	default:
		*(*uint64)(p) = u
	}
	return loadUint(p, size) == u
}
