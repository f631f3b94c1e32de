package codec

import (
	"fmt"
	"reflect"
	"time"
)

// keyNode is the plan by which one key, or one field or element of a key, is
// encoded: what the bytes are, and where in memory the Go value is.
type keyNode struct {
	kind   kind
	desc   bool         // the bytes are inverted
	offset uintptr      // of the field in the struct around it, bytes
	size   uintptr      // of the Go value, bytes
	count  int          // elements of an array or byte array
	elem   *keyNode     // of an array
	fields []keyNode    // of a struct
	name   string       // of the field; of a custom codec at the root
	codec  string       // name of a custom codec, may be empty
	typ    reflect.Type // of a custom codec
}

// newKeyNode plans the encoding of t, which stands at path in the key type.
func newKeyNode(t reflect.Type, path string) (keyNode, error) {
	n := keyNode{size: t.Size()}
	if custom, err := isCustomKey(t, path); err != nil || custom {
		n.kind, n.typ, n.codec = kindCustom, t, codecName(t)
		return n, err
	}
	if n.kind = scalarKind(t); n.kind != kindNone {
		return n, nil
	}
	switch t.Kind() {
	case reflect.Array:
		return n, n.planArray(t, path)
	case reflect.Struct:
		return n, n.planStruct(t, path)
	}
	return n, unsupported(path, "%v has no order", t)
}

// scalarKind returns the kind of a type that is one scalar to keys and to
// values, else kindNone.
func scalarKind(t reflect.Type) kind {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return kindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return kindUint
	case reflect.Float32:
		return kindFloat32
	case reflect.Float64:
		return kindFloat64
	case reflect.String:
		return kindString
	case reflect.Bool:
		return kindBool
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return kindBytes
		}
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return kindTime
		}
	}
	return kindNone
}

func (n *keyNode) planArray(t reflect.Type, path string) error {
	n.count = t.Len()
	if t.Elem().Kind() == reflect.Uint8 && !reflect.PointerTo(t.Elem()).Implements(reflect.TypeFor[KeyAppender]()) {
		n.kind = kindByteArray
		return nil
	}
	elem, err := newKeyNode(t.Elem(), path+"[]")
	n.kind, n.elem = kindArray, &elem
	return err
}

func (n *keyNode) planStruct(t reflect.Type, path string) error {
	n.kind = kindStruct
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue
		}
		field, err := newKeyField(f, joinPath(path, f.Name))
		if err != nil {
			return err
		}
		n.fields = append(n.fields, field)
	}
	return nil
}

// newKeyField plans one field of a struct. Every field must take part: a key
// that came back without one would be another key.
func newKeyField(f reflect.StructField, path string) (keyNode, error) {
	tag := f.Tag.Get("varve")
	switch {
	case !f.IsExported():
		return keyNode{}, unsupported(path, "field is not exported")
	case tag == "-":
		return keyNode{}, unsupported(path, "a key cannot leave out a field")
	case tag != "" && tag != "desc":
		return keyNode{}, unsupported(path, "unknown tag varve:%q", tag)
	}
	n, err := newKeyNode(f.Type, path)
	n.name, n.offset, n.desc = f.Name, f.Offset, tag == "desc"
	return n, err
}

// shape returns the description of n.
func (n *keyNode) shape() *node {
	s := &node{kind: n.kind, desc: n.desc, count: n.count, name: n.codec}
	if n.elem != nil {
		s.elem = n.elem.shape()
	}
	for i := range n.fields {
		s.fields = append(s.fields, nodeField{name: n.fields[i].name, node: n.fields[i].shape()})
	}
	return s
}

// parts returns the number of fields or elements of n, a scalar being one.
func (n *keyNode) parts() int {
	switch n.kind {
	case kindStruct:
		return len(n.fields)
	case kindArray, kindByteArray:
		return n.count
	}
	return 1
}

// part returns the plan of field or element i of a struct or array, and its
// offset in bytes.
func (n *keyNode) part(i int) (*keyNode, uintptr) {
	if n.kind == kindArray {
		return n.elem, uintptr(i) * n.elem.size
	}
	return &n.fields[i], n.fields[i].offset
}

// partName names part i in errors.
func (n *keyNode) partName(i int) string {
	if n.kind == kindArray {
		return fmt.Sprintf("[%d]", i)
	}
	return n.fields[i].name
}

// unsupported reports that the type at path has no encoding.
func unsupported(path, format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	if path == "" {
		return fmt.Errorf("%w: %s", ErrUnsupported, why)
	}
	return fmt.Errorf("%w: %s: %s", ErrUnsupported, path, why)
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
