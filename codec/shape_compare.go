package codec

import "fmt"

// comparison looks for what keeps one shape from reading another.
type comparison struct {
	cbor bool              // what may differ in CBOR may differ
	seen map[[2]*node]bool // pairs compared, or being compared
}

// nodes returns the first difference between now and old, which stand at path,
// or nothing. A recursive shape is unrolled until a pair of nodes comes back:
// if that pair differs, the comparison under way will find it.
func (c *comparison) nodes(now, old *node, path string) string {
	now, old = now.resolve(), old.resolve()
	if c.seen[[2]*node{now, old}] {
		return ""
	}
	c.seen[[2]*node{now, old}] = true
	switch {
	case c.cbor && now.kind == kindAny:
		return ""
	case c.cbor && now.kind == kindFloat64 && old.kind == kindFloat32:
		return ""
	case now.kind != old.kind || now.name != old.name || now.count != old.count || now.desc != old.desc:
		return differ(path, now.describe(), old.describe())
	case now.kind == kindStruct && c.cbor:
		return c.common(now, old, path)
	case now.kind == kindStruct || now.kind == kindTuple:
		return c.positions(now, old, path)
	}
	if now.key != nil {
		if why := c.nodes(now.key, old.key, path+"[key]"); why != "" {
			return why
		}
	}
	if now.elem == nil {
		return ""
	}
	if now.kind != kindCBOR {
		path += "[]"
	}
	return c.nodes(now.elem, old.elem, path)
}

// common compares the fields that both structs have.
func (c *comparison) common(now, old *node, path string) string {
	type id struct {
		name   string
		number bool
	}
	before := make(map[id]*node, len(old.fields))
	for _, f := range old.fields {
		before[id{f.name, f.number}] = f.node
	}
	for _, f := range now.fields {
		was, ok := before[id{f.name, f.number}]
		if !ok {
			continue
		}
		if why := c.nodes(f.node, was, joinPath(path, f.text())); why != "" {
			return why
		}
	}
	return ""
}

// positions compares fields in order. Outside CBOR names must agree too.
func (c *comparison) positions(now, old *node, path string) string {
	for i := range max(len(now.fields), len(old.fields)) {
		switch {
		case i >= len(now.fields):
			return differ(joinPath(path, old.fields[i].text()), "nothing", old.fields[i].node.describe())
		case i >= len(old.fields):
			return differ(joinPath(path, now.fields[i].text()), now.fields[i].node.describe(), "nothing")
		case !c.cbor && now.fields[i].name != old.fields[i].name:
			return fmt.Sprintf("field %d was %s and is %s", i, joinPath(path, old.fields[i].text()), joinPath(path, now.fields[i].text()))
		}
		why := c.nodes(now.fields[i].node, old.fields[i].node, joinPath(path, now.fields[i].text()))
		if why != "" {
			return why
		}
	}
	return ""
}

func differ(path, now, old string) string {
	if path == "" {
		return fmt.Sprintf("was %s and is %s", old, now)
	}
	return fmt.Sprintf("field %s was %s and is %s", path, old, now)
}

// resolve follows a reference to a node further out.
func (n *node) resolve() *node {
	if n.kind == kindUp {
		return n.target
	}
	return n
}

// describe names the kind of n without its parts.
func (n *node) describe() string {
	text := n.kind.word()
	switch n.kind {
	case kindByteArray:
		text = fmt.Sprintf("[%d]byte", n.count)
	case kindArray:
		text = fmt.Sprintf("an array of %d", n.count)
	case kindStruct:
		text = "a struct"
	case kindTuple:
		text = "a struct as array"
	case kindList:
		text = "a list"
	case kindMap:
		text = "a map"
	case kindCBOR:
		text = "cbor"
	case kindUp:
		text = fmt.Sprintf("^%d", n.up)
	}
	if n.name != "" {
		text += ":" + quoteName(n.name)
	}
	if n.desc {
		text += " desc"
	}
	return text
}
