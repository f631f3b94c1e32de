package codec

import (
	"fmt"
	"strconv"
	"strings"
)

// kind says what the bytes of one node of a shape are.
type kind uint8

const (
	kindNone kind = iota
	kindInt
	kindUint
	kindFloat32
	kindFloat64
	kindString
	kindBytes
	kindBool
	kindTime
	kindBigInt
	kindAny
	kindRaw
	kindCustom    // a key or CBOR item that encodes itself
	kindBinary    // a value that marshals itself to bytes
	kindByteArray // count bytes
	kindArray     // count times elem
	kindStruct    // fields by name
	kindTuple     // fields by position (CBOR toarray)
	kindList      // elem, any number of times
	kindMap       // key: elem
	kindUp        // one of the nodes around this one
	kindCBOR      // elem as CBOR
)

// word returns the name of a kind without parts, else "".
func (k kind) word() string {
	switch k {
	case kindInt:
		return "int"
	case kindUint:
		return "uint"
	case kindFloat32:
		return "float32"
	case kindFloat64:
		return "float64"
	case kindString:
		return "string"
	case kindBytes:
		return "bytes"
	case kindBool:
		return "bool"
	case kindTime:
		return "time"
	case kindBigInt:
		return "bigint"
	case kindAny:
		return "any"
	case kindRaw:
		return "raw"
	case kindCustom:
		return "custom"
	case kindBinary:
		return "binary"
	}
	return ""
}

// kindOfWord is the inverse of word.
func kindOfWord(s string) kind {
	for k := kindInt; k <= kindBinary; k++ {
		if k.word() == s {
			return k
		}
	}
	return kindNone
}

// node is a parsed shape, or a part of one.
type node struct {
	kind   kind
	desc   bool
	count  int
	name   string // what a custom or binary codec calls itself
	fields []nodeField
	key    *node
	elem   *node
	up     int   // kindUp: how many composite nodes out
	target *node // kindUp: that node; set by the parser
}

// nodeField is a field of a struct or tuple. Number tells a CBOR integer key
// from a text key that looks like one.
type nodeField struct {
	name   string
	number bool
	node   *node
}

// text prints n. It fails if the text is longer than a shape may be.
func (n *node) text() (Shape, error) {
	var b strings.Builder
	if !n.print(&b) {
		return "", fmt.Errorf("%w: its description is longer than %d bytes", ErrUnsupported, maxShape)
	}
	return Shape(b.String()), nil
}

// print writes n to b, and reports whether it has room.
func (n *node) print(b *strings.Builder) bool {
	if b.Len() > maxShape {
		return false
	}
	ok := true
	switch n.kind {
	case kindByteArray:
		fmt.Fprintf(b, "[%d]byte", n.count)
	case kindArray:
		fmt.Fprintf(b, "[%d]", n.count)
		ok = n.elem.print(b)
	case kindStruct:
		ok = printFields(b, '{', n.fields, '}')
	case kindTuple:
		ok = printFields(b, '(', n.fields, ')')
	case kindList:
		b.WriteByte('[')
		ok = n.elem.print(b)
		b.WriteByte(']')
	case kindMap:
		b.WriteByte('{')
		ok = n.key.print(b)
		b.WriteString(": ")
		ok = ok && n.elem.print(b)
		b.WriteByte('}')
	case kindUp:
		fmt.Fprintf(b, "^%d", n.up)
	case kindCBOR:
		b.WriteString("cbor ")
		ok = n.elem.print(b)
	default:
		b.WriteString(n.kind.word())
		if n.name != "" {
			b.WriteString(":" + quoteName(n.name))
		}
	}
	if n.desc {
		b.WriteString(" desc")
	}
	return ok && b.Len() <= maxShape
}

func printFields(b *strings.Builder, open byte, fields []nodeField, closing byte) bool {
	b.WriteByte(open)
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.text() + " ")
		if !f.node.print(b) {
			return false
		}
	}
	b.WriteByte(closing)
	return true
}

// text returns the name as it stands in a shape.
func (f nodeField) text() string {
	if f.number {
		return f.name
	}
	return quoteName(f.name)
}

// quoteName returns s as it is if it is an identifier, else quoted.
func quoteName(s string) string {
	if nameLength(s) == len(s) && s != "" {
		return s
	}
	return strconv.QuoteToASCII(s)
}

// nameLength returns the length of the identifier that s begins with: a letter
// or underscore, then these, digits, and any of ".-/".
func nameLength(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '-' && c != '/') {
			return i
		}
	}
	return len(s)
}
