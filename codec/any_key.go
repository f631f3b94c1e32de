package codec

import (
	"fmt"
	"strconv"
)

// DecodeKeyAny decodes a key by its shape alone, for tools that do not have its
// Go type. The result is an int64, uint64, float32, float64, bool, string or
// time.Time, [Bytes] for byte strings, []any for an array, [Fields] for a
// struct; it has a JSON form. Floats that are no numbers and times JSON cannot
// hold are their text. Errors wrap [ErrMalformed] or [ErrShape].
func DecodeKeyAny(s Shape, src []byte) (any, error) {
	n, err := s.parse()
	if err != nil {
		return nil, err
	}
	if n.kind == kindRaw && !n.desc {
		return append(Bytes{}, src...), nil
	}
	r := &reader{src: src}
	if n.desc {
		r.mask = 0xff
	}
	var v any
	if n.kind == kindStruct || n.kind == kindArray {
		v, err = n.decodeParts(r)
	} else {
		v, err = n.decodeBody(r)
	}
	if err != nil {
		return nil, err
	}
	return v, r.end()
}

// decodeParts decodes the fields of a struct or the elements of an array.
func (n *node) decodeParts(r *reader) (any, error) {
	if n.kind == kindArray {
		var out []any
		for i := range n.count {
			v, err := n.elem.decode(r)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			out = append(out, v)
		}
		return out, nil
	}
	out := make(Fields, 0, len(n.fields))
	for _, f := range n.fields {
		v, err := f.node.decode(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		out = append(out, Field{Name: f.name, Value: v})
	}
	return out, nil
}

func (n *node) decode(r *reader) (any, error) {
	if n.desc {
		r.mask = ^r.mask
		defer func() { r.mask = ^r.mask }()
	}
	return n.decodeBody(r)
}

// decodeBody is decode with the mask of r as n needs it.
func (n *node) decodeBody(r *reader) (v any, err error) {
	switch n.kind {
	case kindInt:
		v, err = r.int()
	case kindUint:
		v, err = r.uint()
	case kindFloat32:
		v, err = r.float32()
	case kindFloat64:
		v, err = r.float64()
	case kindString:
		v, err = r.string()
	case kindBool:
		v, err = r.bool()
	case kindTime:
		v, err = r.time()
	case kindBytes, kindCustom, kindByteArray:
		return n.decodeBytes(r)
	case kindStruct, kindArray:
		return n.decodeTuple(r)
	default:
		return nil, fmt.Errorf("%w: %s in a key", ErrShape, n.describe())
	}
	return printable(v), err
}

func (n *node) decodeBytes(r *reader) (any, error) {
	start := r.off
	b, err := r.bytes(codeBytes, "bytes")
	if err == nil && n.kind == kindByteArray && len(b) != n.count {
		err = r.fail(start, "%d bytes, want %d", len(b), n.count)
	}
	return Bytes(b), err
}

func (n *node) decodeTuple(r *reader) (any, error) {
	if err := r.expect(codeTuple, "tuple"); err != nil {
		return nil, err
	}
	v, err := n.decodeParts(r)
	if err != nil {
		return nil, err
	}
	return v, r.expect(terminator, "end of tuple")
}

// ParseKeyText encodes a key that someone typed. A string is the text as it is,
// bytes too unless they begin with 0x and are hexadecimal, a time is RFC 3339,
// and a struct or array is JSON: an object with every field, or a list in
// order. Errors wrap [ErrUnencodable] or [ErrShape].
func ParseKeyText(s Shape, text string) ([]byte, error) {
	n, err := s.parse()
	if err != nil {
		return nil, err
	}
	var dst []byte
	switch n.kind {
	case kindRaw:
		dst, err = parseBytes(text)
	case kindStruct, kindArray:
		var v any
		if v, err = parseJSON(text); err == nil {
			dst, err = n.appendParts(nil, v)
		}
	default:
		dst, err = n.appendBody(nil, text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: key %s: %w", ErrUnencodable, s.short(), err)
	}
	if n.desc {
		invert(dst)
	}
	return dst, nil
}

// appendParts appends the fields of an object or the elements of a list.
func (n *node) appendParts(dst []byte, v any) ([]byte, error) {
	parts, err := n.partsOf(v)
	if err != nil {
		return nil, err
	}
	for i, v := range parts {
		part, name := n.elem, "["+strconv.Itoa(i)+"]"
		if n.kind == kindStruct {
			part, name = n.fields[i].node, n.fields[i].name
		}
		start := len(dst)
		if dst, err = part.appendBody(dst, v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if part.desc {
			invert(dst[start:])
		}
	}
	return dst, nil
}

// partsOf returns what v holds for each field or element of n.
func (n *node) partsOf(v any) ([]any, error) {
	want := n.count
	if n.kind == kindStruct {
		want = len(n.fields)
	}
	object, ok := v.(map[string]any)
	if !ok || n.kind != kindStruct {
		list, ok := v.([]any)
		if !ok || len(list) != want {
			return nil, fmt.Errorf("want %s: %d parts", n.describe(), want)
		}
		return list, nil
	}
	var parts []any
	for _, f := range n.fields {
		v, ok := object[f.name]
		if !ok {
			return nil, fmt.Errorf("field %s is missing", f.name)
		}
		parts = append(parts, v)
	}
	if len(object) != want {
		return nil, fmt.Errorf("%d fields, want %d", len(object), want)
	}
	return parts, nil
}

// appendBody appends v, of JSON, as a part of a key, in ascending order.
func (n *node) appendBody(dst []byte, v any) ([]byte, error) {
	if n.kind == kindStruct || n.kind == kindArray {
		dst, err := n.appendParts(append(dst, codeTuple), v)
		return append(dst, terminator), err
	}
	text, ok := scalarText(v)
	if !ok {
		return nil, fmt.Errorf("want %s", n.describe())
	}
	switch n.kind {
	case kindInt:
		i, err := strconv.ParseInt(text, 10, 64)
		return appendInt(dst, i), err
	case kindUint:
		u, err := strconv.ParseUint(text, 10, 64)
		return appendUint(dst, u), err
	case kindFloat32:
		f, err := strconv.ParseFloat(text, 32)
		return appendFloat32(dst, float32(f)), err
	case kindFloat64:
		f, err := strconv.ParseFloat(text, 64)
		return appendFloat64(dst, f), err
	case kindString:
		return appendBytes(dst, codeString, []byte(text)), nil
	case kindBool:
		b, err := strconv.ParseBool(text)
		return appendBool(dst, b), err
	case kindTime:
		t, err := parseTime(text)
		if err != nil {
			return nil, err
		}
		return appendTime(dst, t)
	case kindBytes, kindCustom, kindByteArray:
		b, err := parseBytes(text)
		if err == nil && n.kind == kindByteArray && len(b) != n.count {
			err = fmt.Errorf("%d bytes, want %d", len(b), n.count)
		}
		return appendBytes(dst, codeBytes, b), err
	}
	return nil, fmt.Errorf("%w: %s in a key", ErrShape, n.describe())
}
