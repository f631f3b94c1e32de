package codec

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
)

// ParseValueText encodes a value that someone typed, as [ParseKeyText] does a
// key. CBOR structs and maps are JSON objects, of which any field may be
// missing; a CBOR scalar is its text, and null is nil. Types that encode
// themselves are given as the bytes of their encoding.
func ParseValueText(s Shape, text string) ([]byte, error) {
	n, err := s.parse()
	if err != nil {
		return nil, err
	}
	var dst []byte
	if n.kind == kindCBOR {
		dst, err = n.elem.parseCBOR(text)
	} else {
		dst, err = n.parseNative(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: value %s: %w", ErrUnencodable, s.short(), err)
	}
	return dst, nil
}

func (n *node) parseNative(text string) ([]byte, error) {
	switch n.kind {
	case kindString:
		return []byte(text), nil
	case kindBytes, kindByteArray, kindBinary, kindRaw:
		return n.parseBytes(text)
	}
	v, err := n.parseScalar(text)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case int64:
		return appendOne(n.kind, &v)
	case uint64:
		return appendOne(n.kind, &v)
	case float32:
		return appendOne(n.kind, &v)
	case float64:
		return appendOne(n.kind, &v)
	case bool:
		return appendOne(n.kind, &v)
	}
	t, err := parseTime(text)
	if err != nil {
		return nil, err
	}
	return appendOne(n.kind, &t)
}

// appendOne encodes a native value of the Go type T, which k describes.
func appendOne[T any](k kind, v *T) ([]byte, error) {
	return appendScalar(nil, k, unsafe.Sizeof(*v), unsafe.Pointer(v))
}

func (n *node) parseBytes(text string) ([]byte, error) {
	b, err := parseBytes(text)
	if err == nil && n.kind == kindByteArray && len(b) != n.count {
		err = fmt.Errorf("%d bytes, want %d", len(b), n.count)
	}
	return b, err
}

// parseScalar reads text as the Go value that n describes.
func (n *node) parseScalar(text string) (any, error) {
	switch n.kind {
	case kindInt:
		return strconv.ParseInt(text, 10, 64)
	case kindUint:
		return strconv.ParseUint(text, 10, 64)
	case kindFloat32:
		f, err := strconv.ParseFloat(text, 32)
		return float32(f), err
	case kindFloat64:
		return strconv.ParseFloat(text, 64)
	case kindBool:
		return strconv.ParseBool(text)
	case kindTime:
		return parseTime(text)
	case kindString:
		return text, nil
	case kindBytes, kindByteArray, kindBinary:
		return n.parseBytes(text)
	case kindBigInt:
		if i, ok := new(big.Int).SetString(text, 10); ok {
			return i, nil
		}
	}
	return nil, fmt.Errorf("%q is not %s", text, n.describe())
}

// parseCBOR encodes text as CBOR. A scalar need not be JSON.
func (n *node) parseCBOR(text string) ([]byte, error) {
	var v any
	var err error
	if scalar := n.kind < kindAny || n.kind == kindBinary || n.kind == kindByteArray; scalar && text != "null" {
		v, err = n.parseScalar(text)
	} else if v, err = parseJSON(text); err == nil {
		v, err = n.fromJSON(v, 0)
	}
	if err != nil {
		return nil, err
	}
	modes, err := newCBORModes()
	if err != nil {
		return nil, err
	}
	return modes.append(nil, v)
}

// fromJSON turns JSON into what the CBOR library encodes as n says.
func (n *node) fromJSON(v any, depth int) (any, error) {
	if depth > maxCBORDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxCBORDepth)
	}
	n = n.resolve()
	switch v := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return n.fromObject(v, depth+1)
	case []any:
		return n.fromList(v, depth+1)
	case json.Number:
		if n.kind == kindAny {
			return anyNumber(v)
		}
	case string, bool:
		if n.kind == kindAny {
			return v, nil
		}
	}
	text, _ := scalarText(v)
	return n.parseScalar(text)
}

// anyNumber returns a number as an integer if it is one.
func anyNumber(v json.Number) (any, error) {
	if i, err := v.Int64(); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
		return u, nil
	}
	f, err := v.Float64()
	if err == nil && math.IsInf(f, 0) {
		err = strconv.ErrRange
	}
	return f, err
}

func (n *node) fromObject(object map[string]any, depth int) (any, error) {
	out := make(map[any]any, len(object))
	switch n.kind {
	case kindAny:
		for k, v := range object {
			item, err := n.fromJSON(v, depth)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			out[k] = item
		}
	case kindMap:
		for k, v := range object {
			key, err := n.key.mapKeyOf(k)
			if err != nil {
				return nil, err
			}
			if out[key], err = n.elem.fromJSON(v, depth); err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
		}
	case kindStruct:
		return n.fromStruct(object, depth)
	case kindTuple:
		list := make([]any, len(n.fields))
		for i, f := range n.fields {
			list[i] = object[f.name]
		}
		return n.fromList(list, depth)
	default:
		return nil, fmt.Errorf("an object, want %s", n.describe())
	}
	return out, nil
}

// mapKeyOf reads the key of a map. Bytes become a string type of the library's,
// as a slice cannot be a key.
func (n *node) mapKeyOf(text string) (any, error) {
	n = n.resolve()
	if n.kind == kindAny {
		return text, nil
	}
	k, err := n.parseScalar(text)
	if b, ok := k.([]byte); ok {
		return cbor.ByteString(b), err
	}
	return k, err
}

// fromStruct is fromObject for a struct. Fields that it does not have are an
// error: they are more likely a slip than meant.
func (n *node) fromStruct(object map[string]any, depth int) (any, error) {
	out := make(map[any]any, len(object))
	for _, f := range n.fields {
		v, ok := object[f.name]
		if !ok {
			continue
		}
		item, err := f.node.fromJSON(v, depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		out[f.mapKey()] = item
	}
	for name := range object {
		if !n.hasField(name) {
			return nil, fmt.Errorf("no field %s", name)
		}
	}
	return out, nil
}

func (n *node) hasField(name string) bool {
	for _, f := range n.fields {
		if f.name == name {
			return true
		}
	}
	return false
}

func (n *node) fromList(list []any, depth int) (any, error) {
	want := len(list)
	switch n.kind {
	case kindTuple:
		want = len(n.fields)
	case kindArray:
		want = n.count
	case kindList, kindAny:
	default:
		return nil, fmt.Errorf("a list, want %s", n.describe())
	}
	if len(list) != want {
		return nil, fmt.Errorf("%d elements, want %d", len(list), want)
	}
	out := make([]any, len(list))
	for i, v := range list {
		elem := n.elem
		switch n.kind {
		case kindTuple:
			elem = n.fields[i].node
		case kindAny:
			elem = n
		}
		var err error
		if out[i], err = elem.fromJSON(v, depth); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return out, nil
}
