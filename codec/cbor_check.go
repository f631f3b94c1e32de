package codec

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// cborCheck walks over well-formed CBOR that was just written and finds what
// the decoder would refuse, so that nothing is stored that cannot be read.
type cborCheck struct {
	src []byte
	off int
}

// CBOR major types, the upper three bits of the first byte of an item.
const (
	cborBytes = 2 + iota
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

// item checks one item, which stands inside depth others.
func (c *cborCheck) item(depth int) error {
	major, arg, err := c.head()
	if err != nil {
		return err
	}
	if major >= cborArray && major <= cborTag {
		if depth++; depth > maxCBORDepth {
			return fmt.Errorf("nested more than %d deep", maxCBORDepth)
		}
		if major != cborTag && arg > maxCBORElements {
			return fmt.Errorf("%d elements, more than %d", arg, maxCBORElements)
		}
	}
	switch major {
	case cborBytes, cborText:
		return c.skip(arg)
	case cborArray:
		for range arg {
			if err := c.item(depth); err != nil {
				return err
			}
		}
	case cborMap:
		return c.pairs(arg, depth)
	case cborTag:
		if arg == 0 {
			return c.time()
		}
		return c.item(depth)
	}
	return nil
}

// pairs checks the keys and values of a map. Keys are sorted, so equal ones are
// neighbours: two NaNs, or 1 as a signed and an unsigned integer.
func (c *cborCheck) pairs(count uint64, depth int) error {
	var last []byte
	for range count {
		start := c.off
		if err := c.item(depth); err != nil {
			return err
		}
		key := c.src[start:c.off]
		if bytes.Equal(key, last) {
			return errors.New("two keys of a map are the same when encoded")
		}
		last = key
		if err := c.item(depth); err != nil {
			return err
		}
	}
	return nil
}

// time checks the text of a time: it has four digits for the year.
func (c *cborCheck) time() error {
	_, length, err := c.head()
	start := c.off
	if err == nil {
		err = c.skip(length)
	}
	if text := c.src[start:c.off]; err == nil && (len(text) < 5 || text[0] == '-' || text[4] != '-') {
		err = fmt.Errorf("time %q is not in the years 0 to 9999", text)
	}
	return err
}

// head takes the major type and the argument of an item.
func (c *cborCheck) head() (major byte, arg uint64, err error) {
	if c.off == len(c.src) {
		return 0, 0, errors.New("cbor is cut short")
	}
	first := c.src[c.off]
	c.off++
	major, arg = first>>5, uint64(first&31)
	if arg < 24 {
		return major, arg, nil
	}
	if arg > 27 {
		return 0, 0, errors.New("cbor of indefinite length")
	}
	size := 1 << (arg - 24)
	start := c.off
	if err := c.skip(uint64(size)); err != nil {
		return 0, 0, err
	}
	arg = 0
	for _, b := range c.src[start:c.off] {
		arg = arg<<8 | uint64(b)
	}
	return major, arg, nil
}

func (c *cborCheck) skip(n uint64) error {
	if n > uint64(len(c.src)-c.off) {
		return errors.New("cbor is cut short")
	}
	c.off += int(n)
	return nil
}

// maxCBORPointers bounds the pointers and interfaces on the way to a value.
const maxCBORPointers = 4 * maxCBORDepth

// checkDepth refuses a value that nests too deeply before the encoder runs: one
// that contains itself would end the program by overflowing the stack.
func checkDepth(v reflect.Value, depth, pointers int) error {
	if depth > maxCBORDepth || pointers > maxCBORPointers {
		return fmt.Errorf("%w: nested more than %d deep, or contains itself", ErrUnencodable, maxCBORDepth)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return checkDepth(v.Elem(), depth, pointers+1)
	case reflect.Slice, reflect.Array:
		if isFlat(v.Type().Elem().Kind()) {
			return nil
		}
		for i := range v.Len() {
			if err := checkDepth(v.Index(i), depth+1, pointers); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := checkDepth(it.Key(), depth+1, pointers); err != nil {
				return err
			}
			if err := checkDepth(it.Value(), depth+1, pointers); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return checkStructDepth(v, depth, pointers)
	}
	return nil
}

// checkStructDepth is checkDepth for the fields that are encoded: none of a
// struct that encodes itself.
func checkStructDepth(v reflect.Value, depth, pointers int) error {
	t := v.Type()
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[encoding.BinaryMarshaler]()) || p.Implements(reflect.TypeFor[cbor.Marshaler]()) {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("cbor")
		if isFlat(f.Type.Kind()) || !f.IsExported() && !f.Anonymous || tag == "-" {
			continue
		}
		inner := depth + 1
		if f.Anonymous {
			inner = depth // its fields may be those of v
		}
		if err := checkDepth(v.Field(i), inner, pointers); err != nil {
			return err
		}
	}
	return nil
}

// isFlat reports whether values of kind k hold no others.
func isFlat(k reflect.Kind) bool {
	return k <= reflect.Complex128 || k == reflect.String
}
