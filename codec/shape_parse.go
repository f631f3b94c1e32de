package codec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of a shape, for every reader of one.
const (
	maxShape      = 64 << 10 // bytes of text
	maxShapeDepth = 64       // nested nodes
)

// ParseShape checks that text is a shape and returns it as [Shape] prints it.
// Errors wrap [ErrShape]. The work is linear in the text, of which more than
// 64 KiB is refused.
func ParseShape(text string) (Shape, error) {
	n, err := Shape(text).parse()
	if err != nil {
		return "", err
	}
	return n.text()
}

// parse returns the shape as a tree.
//
//	shape = type [" desc"] | "cbor " type
//	type  = word [":" name] | "[" count "]byte" | "[" count "]" type
//	      | "[" type "]" | "{" type ": " type "}"
//	      | "{" fields "}" | "(" fields ")" | "^" count
//	field = (name | integer) " " type [" desc"], joined by ", "
//
// A descending type is only in keys, so only outside cbor.
func (s Shape) parse() (*node, error) {
	if len(s) > maxShape {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrShape, len(s), maxShape)
	}
	p := shapeParser{text: string(s)}
	n, err := p.shape()
	if err == nil && p.text != "" {
		err = p.fail("text after the end")
	}
	if err != nil {
		return nil, fmt.Errorf("%w at byte %d: %w", ErrShape, len(s)-len(p.text), err)
	}
	return n, nil
}

// shapeParser takes nodes off the front of text.
type shapeParser struct {
	text  string
	cbor  bool
	depth int
	outer []*node // composite nodes around the current one
}

func (p *shapeParser) fail(format string, args ...any) error {
	return fmt.Errorf(format, args...)
}

// take takes the token s if it comes next.
func (p *shapeParser) take(s string) bool {
	var ok bool
	p.text, ok = strings.CutPrefix(p.text, s)
	return ok
}

// expect takes the token s.
func (p *shapeParser) expect(s string) error {
	if !p.take(s) {
		return p.fail("want %q", s)
	}
	return nil
}

func (p *shapeParser) shape() (*node, error) {
	if !p.take("cbor ") {
		return p.ordered()
	}
	p.cbor = true
	elem, err := p.node()
	return &node{kind: kindCBOR, elem: elem}, err
}

// ordered takes a node that may be descending.
func (p *shapeParser) ordered() (*node, error) {
	n, err := p.node()
	if err == nil && !p.cbor {
		n.desc = p.take(" desc")
	}
	return n, err
}

func (p *shapeParser) node() (*node, error) {
	if p.depth++; p.depth > maxShapeDepth {
		return nil, p.fail("nested more than %d deep", maxShapeDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("["):
		return p.bracket()
	case p.take("{"):
		return p.brace()
	case p.take("("):
		n := &node{kind: kindTuple}
		return n, p.inside(n, func() error { return p.fields(n, ")") })
	case p.take("^"):
		return p.upward()
	}
	return p.word()
}

// inside runs parse with n as one of the nodes around.
func (p *shapeParser) inside(n *node, parse func() error) error {
	p.outer = append(p.outer, n)
	err := parse()
	p.outer = p.outer[:len(p.outer)-1]
	return err
}

// bracket takes an array or a list.
func (p *shapeParser) bracket() (*node, error) {
	n := &node{kind: kindList}
	if isDigit(p.text) {
		var err error
		if n.count, err = p.number(); err != nil {
			return nil, err
		}
		if err := p.expect("]"); err != nil {
			return nil, err
		}
		if p.take("byte") {
			n.kind = kindByteArray
			return n, nil
		}
		n.kind = kindArray
	}
	return n, p.inside(n, func() (err error) {
		if n.elem, err = p.node(); err == nil && n.kind == kindList {
			err = p.expect("]")
		}
		return err
	})
}

// brace takes a map or a struct.
func (p *shapeParser) brace() (*node, error) {
	n := &node{kind: kindStruct}
	if p.startsMap() {
		n.kind = kindMap
	}
	return n, p.inside(n, func() (err error) {
		if n.kind == kindStruct {
			return p.fields(n, "}")
		}
		if n.key, err = p.node(); err != nil {
			return err
		}
		if err = p.expect(": "); err != nil {
			return err
		}
		if n.elem, err = p.node(); err != nil {
			return err
		}
		return p.expect("}")
	})
}

// startsMap reports whether a type comes next, and not the name of a field: it
// does not begin like a name, or a colon follows it.
func (p *shapeParser) startsMap() bool {
	if p.text == "" || strings.ContainsRune("{[(^", rune(p.text[0])) {
		return true
	}
	n := nameLength(p.text)
	return n > 0 && strings.HasPrefix(p.text[n:], ":")
}

// fields takes the fields of n and what closes them. Names are unique.
func (p *shapeParser) fields(n *node, closing string) error {
	type id struct {
		name   string
		number bool
	}
	seen := make(map[id]bool)
	for !p.take(closing) {
		if len(n.fields) > 0 {
			if err := p.expect(", "); err != nil {
				return err
			}
		}
		f, err := p.field()
		if err != nil {
			return err
		}
		if seen[id{f.name, f.number}] {
			return p.fail("field %s occurs twice", f.text())
		}
		seen[id{f.name, f.number}] = true
		n.fields = append(n.fields, f)
	}
	return nil
}

func (p *shapeParser) field() (f nodeField, err error) {
	f.number = p.cbor && isDigit(strings.TrimPrefix(p.text, "-"))
	if f.number {
		f.name, err = p.integer()
	} else {
		f.name, err = p.name()
	}
	if err != nil {
		return f, err
	}
	if err := p.expect(" "); err != nil {
		return f, err
	}
	f.node, err = p.ordered()
	return f, err
}

// integer takes an integer and returns its text, of which each has one.
func (p *shapeParser) integer() (string, error) {
	n := 1
	for n < len(p.text) && isDigit(p.text[n:]) {
		n++
	}
	text := p.text[:n]
	if i, err := strconv.ParseInt(text, 10, 64); err != nil || strconv.FormatInt(i, 10) != text {
		return "", p.fail("%q is no integer", text)
	}
	p.text = p.text[n:]
	return text, nil
}

// number takes a count.
func (p *shapeParser) number() (int, error) {
	text, err := p.integer()
	if err != nil {
		return 0, err
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i > math.MaxInt32 {
		return 0, p.fail("%s is no count", text)
	}
	return i, nil
}

// name takes an identifier or a quoted text.
func (p *shapeParser) name() (string, error) {
	if n := nameLength(p.text); n > 0 {
		name := p.text[:n]
		p.text = p.text[n:]
		return name, nil
	}
	quoted, err := strconv.QuotedPrefix(p.text)
	if err != nil || quoted[0] != '"' {
		return "", p.fail("want a name")
	}
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return "", p.fail("want a name")
	}
	p.text = p.text[len(quoted):]
	return name, nil
}

// word takes a kind that has no parts, and the name of one that may have a
// name.
func (p *shapeParser) word() (*node, error) {
	length := nameLength(p.text)
	n := &node{kind: kindOfWord(p.text[:length])}
	if n.kind == kindNone {
		return nil, p.fail("want a type")
	}
	p.text = p.text[length:]
	mayBeNamed := n.kind == kindCustom || n.kind == kindBinary
	if !mayBeNamed || strings.HasPrefix(p.text, ": ") || !p.take(":") {
		return n, nil
	}
	var err error
	if n.name, err = p.name(); err == nil && n.name == "" {
		err = p.fail("want a name")
	}
	return n, err
}

// upward takes a reference to a node around this one.
func (p *shapeParser) upward() (*node, error) {
	if !isDigit(p.text) {
		return nil, p.fail("want a number")
	}
	up, err := p.number()
	if err != nil {
		return nil, err
	}
	if up < 1 || up > len(p.outer) {
		return nil, p.fail("^%d is outside of the shape", up)
	}
	return &node{kind: kindUp, up: up, target: p.outer[len(p.outer)-up]}, nil
}

func isDigit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }
