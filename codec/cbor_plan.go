package codec

import (
	"encoding"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// maxCBORNodes bounds the description of a type, in which a type that is used
// twice is described twice.
const maxCBORNodes = 1 << 13

// cborPlan describes how the CBOR library encodes a type, and refuses types it
// would lose something of.
type cborPlan struct {
	outer []reflect.Type // the types of the composite nodes around
	nodes int
	open  bool // a value may nest deeper than the description
}

// node describes t, which stands at path.
func (c *cborPlan) node(t reflect.Type, path string) (*node, error) {
	t, err := pointedTo(t, path)
	if err != nil {
		return nil, err
	}
	if i := slices.Index(c.outer, t); i >= 0 {
		c.open = true
		return &node{kind: kindUp, up: len(c.outer) - i}, nil
	}
	if c.nodes++; c.nodes > maxCBORNodes {
		return nil, unsupported(path, "the type has more than %d parts", maxCBORNodes)
	}
	if n, err := c.self(t, path); n != nil || err != nil {
		return n, err
	}
	if k := scalarKind(t); k != kindNone && t.Kind() != reflect.Uintptr {
		return &node{kind: k}, nil
	}
	c.outer = append(c.outer, t)
	defer func() { c.outer = c.outer[:len(c.outer)-1] }()
	return c.composite(t, path)
}

// pointedTo follows pointers.
func pointedTo(t reflect.Type, path string) (reflect.Type, error) {
	for range maxCBORDepth {
		if t.Kind() != reflect.Pointer {
			return t, nil
		}
		t = t.Elem()
	}
	return nil, unsupported(path, "%v is a pointer to pointers without end", t)
}

// self describes a type that encodes itself or has an encoding of its own, and
// returns nil for others.
func (c *cborPlan) self(t reflect.Type, path string) (*node, error) {
	if t == reflect.TypeFor[any]() || t == reflect.TypeFor[cbor.Tag]() {
		c.open = true
		return &node{kind: kindAny}, nil
	}
	p := reflect.PointerTo(t)
	writes := p.Implements(reflect.TypeFor[cbor.Marshaler]())
	reads := p.Implements(reflect.TypeFor[cbor.Unmarshaler]())
	switch {
	case t == reflect.TypeFor[big.Int]():
		return &node{kind: kindBigInt}, nil
	case scalarKind(t) == kindTime:
		return &node{kind: kindTime}, nil
	case t.Kind() == reflect.Interface:
		return nil, unsupported(path, "%v is an interface: it cannot be decoded", t)
	case writes != reads:
		return nil, unsupported(path, "%v has one of MarshalCBOR and UnmarshalCBOR, not both", t)
	case writes:
		return &node{kind: kindCustom, name: codecName(t)}, checkInherited(t, path, reflect.TypeFor[cbor.Marshaler](), "MarshalCBOR")
	}
	writes = p.Implements(reflect.TypeFor[encoding.BinaryMarshaler]())
	reads = p.Implements(reflect.TypeFor[encoding.BinaryUnmarshaler]())
	switch {
	case writes != reads:
		return nil, unsupported(path, "%v has one of MarshalBinary and UnmarshalBinary, not both", t)
	case writes:
		return &node{kind: kindBinary, name: codecName(t)}, checkInherited(t, path, reflect.TypeFor[encoding.BinaryMarshaler](), "MarshalBinary")
	}
	return nil, nil
}

// composite describes a type with parts.
func (c *cborPlan) composite(t reflect.Type, path string) (n *node, err error) {
	switch t.Kind() {
	case reflect.Struct:
		return c.structure(t, path)
	case reflect.Slice:
		n = &node{kind: kindList}
	case reflect.Map:
		n = &node{kind: kindMap}
		if n.key, err = c.node(t.Key(), path+"[key]"); err != nil {
			return nil, err
		}
	case reflect.Array:
		if n = (&node{kind: kindArray, count: t.Len()}); t.Elem().Kind() == reflect.Uint8 {
			n.kind = kindByteArray
			return n, nil
		}
	default:
		return nil, unsupported(path, "%v has no CBOR form", t)
	}
	n.elem, err = c.node(t.Elem(), path+"[]")
	return n, err
}

// structure describes a struct. One that hides all it holds is refused.
func (c *cborPlan) structure(t reflect.Type, path string) (*node, error) {
	fields, err := cborFields(t, path)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 && hidesAll(t) {
		return nil, unsupported(path, "%v has no exported field: its content would be lost", t)
	}
	n := &node{kind: kindStruct}
	if isToArray(t) {
		n.kind = kindTuple
	} else {
		slices.SortFunc(fields, func(a, b cborField) int { return strings.Compare(a.text(), b.text()) })
	}
	for _, f := range fields {
		if f.node, err = c.node(f.typ, joinPath(path, f.goName)); err != nil {
			return nil, err
		}
		n.fields = append(n.fields, f.nodeField)
	}
	return n, nil
}

// hidesAll reports whether t has fields and all of them are unexported.
func hidesAll(t reflect.Type) bool {
	hidden := false
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() {
			return false
		}
		hidden = hidden || f.Name != "_"
	}
	return hidden
}

// isToArray reports whether the struct t asks to be encoded by position.
func isToArray(t reflect.Type) bool {
	f, ok := t.FieldByName("_")
	return ok && slices.Contains(strings.Split(f.Tag.Get("cbor"), ",")[1:], "toarray")
}
