package codec

import (
	"bytes"
	"fmt"
	"reflect"
	"unsafe"
)

// KeyAppender is implemented by a key type that brings its own order: of two
// keys, the one whose appended bytes compare lower is the lower one.
// The method may not change what is already in dst. It need not terminate what it
// appends: the codec stores it as an escaped byte string (type code 0x01), so
// that it can stand inside a struct and no key is a prefix of another.
//
// The type must implement [KeyDecoder] too. A method CodecName() string, if
// there is one, becomes part of the shape.
type KeyAppender interface {
	AppendKey(dst []byte) ([]byte, error)
}

// KeyDecoder sets the receiver to the key that src, which the method may keep,
// is the encoding of. The codec refuses what AppendKey would not give back
// byte for byte.
type KeyDecoder interface {
	DecodeKey(src []byte) error
}

// isCustomKey reports whether t brings its own order.
func isCustomKey(t reflect.Type, path string) (bool, error) {
	p := reflect.PointerTo(t)
	appends := p.Implements(reflect.TypeFor[KeyAppender]())
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || !appends {
		return false, nil
	}
	if !p.Implements(reflect.TypeFor[KeyDecoder]()) {
		return false, unsupported(path, "%v has AppendKey but not DecodeKey", t)
	}
	return true, checkInherited(t, path, reflect.TypeFor[KeyAppender](), "AppendKey")
}

// checkInherited refuses a struct that may have the methods of iface only
// because it embeds a type that has them: they would leave out its other
// fields. A method CodecName says that it means what it does.
func checkInherited(t reflect.Type, path string, iface reflect.Type, method string) error {
	if t.Kind() != reflect.Struct || t.NumField() < 2 || reflect.PointerTo(t).Implements(reflect.TypeFor[named]()) {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && (f.Type.Implements(iface) || reflect.PointerTo(f.Type).Implements(iface)) {
			return unsupported(path, "%v embeds %v, whose %s would leave out the other fields: "+
				"name the field, or declare a method CodecName() string", t, f.Type, method)
		}
	}
	return nil
}

// codecName returns what t calls its own encoding, or nothing.
func codecName(t reflect.Type) string {
	if n, ok := reflect.New(t).Interface().(named); ok {
		return n.CodecName()
	}
	return ""
}

// appendCustom appends the key of type t at p, by its own method, as a byte
// string. The method sees a copy: it could keep its receiver, and p may point
// into a stack.
func appendCustom(dst []byte, t reflect.Type, p unsafe.Pointer) ([]byte, error) {
	v := reflect.New(t)
	v.Elem().Set(reflect.NewAt(t, noescape(p)).Elem())
	raw, err := v.Interface().(KeyAppender).AppendKey(nil)
	if err != nil {
		return dst, fmt.Errorf("append key: %w", err)
	}
	return appendBytes(dst, codeBytes, raw), nil
}

// decodeCustom stores the key of type t at p.
func decodeCustom(r *reader, t reflect.Type, p unsafe.Pointer) error {
	start := r.off
	raw, err := r.bytes(codeBytes, "bytes")
	if err != nil {
		return err
	}
	v := reflect.New(t)
	if err := v.Interface().(KeyDecoder).DecodeKey(bytes.Clone(raw)); err != nil {
		return r.fail(start, "%v", err)
	}
	again, err := v.Interface().(KeyAppender).AppendKey(nil)
	if err != nil || !bytes.Equal(again, raw) {
		return r.fail(start, "not what AppendKey writes")
	}
	reflect.NewAt(t, noescape(p)).Elem().Set(v.Elem())
	return nil
}

// noescape hides p from escape analysis, so that a key on the stack can be
// given to package reflect, which only copies through p and does not keep it.
// While p is a number the stack must not move: the function is neither
// preempted (nosplit) nor inlined into one that is.
//
//go:nosplit
//go:noinline
func noescape(p unsafe.Pointer) unsafe.Pointer {
	x := uintptr(p)
	return *(*unsafe.Pointer)(unsafe.Pointer(&x))
}
