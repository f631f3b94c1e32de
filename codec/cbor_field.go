package codec

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// cborField is a field of a struct as it is encoded: those of embedded structs
// are among those of the struct around them.
type cborField struct {
	nodeField
	goName string
	typ    reflect.Type
	index  []int // the path of field numbers to it
	tagged bool
}

// cborFields returns the encoded fields of t in the order of declaration. The
// rules are those of encoding/json: of fields with one name the one nearest to
// the surface counts, then the tagged one. If that leaves two, encoding would
// lose both, so it is an error.
func cborFields(t reflect.Type, path string) ([]cborField, error) {
	all, err := collectFields(t, path)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, compareFields)
	var out []cborField
	for i := 0; i < len(all); {
		f, next := all[i], i+1
		if next < len(all) && f.same(all[next]) && len(f.index) == len(all[next].index) && f.tagged == all[next].tagged {
			return nil, unsupported(joinPath(path, f.goName), "another field is encoded as %s too", f.text())
		}
		for next < len(all) && f.same(all[next]) {
			next++
		}
		out, i = append(out, f), next
	}
	slices.SortFunc(out, func(a, b cborField) int { return slices.Compare(a.index, b.index) })
	return out, nil
}

func (f cborField) same(g cborField) bool { return f.name == g.name && f.number == g.number }

// compareFields puts fields of one name together, the one that counts first.
func compareFields(a, b cborField) int {
	if c := strings.Compare(a.text(), b.text()); c != 0 {
		return c
	}
	if c := len(a.index) - len(b.index); c != 0 {
		return c
	}
	if a.tagged != b.tagged && a.tagged {
		return -1
	} else if a.tagged != b.tagged {
		return 1
	}
	return 0
}

// embedded is a struct whose fields are to be collected.
type embedded struct {
	typ   reflect.Type
	index []int
}

// collectFields returns all fields of t and of the structs embedded in it, level
// by level.
func collectFields(t reflect.Type, path string) (out []cborField, err error) {
	visited := map[reflect.Type]bool{t: true}
	for level := []embedded{{typ: t}}; len(level) > 0; {
		var next []embedded
		for _, e := range level {
			if out, next, err = e.collect(out, next, path); err != nil {
				return nil, err
			}
		}
		level = nil
		for i, e := range next {
			twice := slices.ContainsFunc(next[:i], func(o embedded) bool { return o.typ == e.typ })
			if twice && !visited[e.typ] {
				return nil, unsupported(path, "%v is embedded twice", e.typ)
			}
			if !visited[e.typ] {
				level = append(level, e)
			}
		}
		for _, e := range level {
			visited[e.typ] = true
		}
	}
	return out, nil
}

// collect appends the fields of e to out, and what it embeds to next.
func (e embedded) collect(out []cborField, next []embedded, path string) ([]cborField, []embedded, error) {
	for i := range e.typ.NumField() {
		sf := e.typ.Field(i)
		ft := sf.Type
		for ft.Kind() == reflect.Pointer && ft.Name() == "" {
			ft = ft.Elem()
		}
		isStruct := ft.Kind() == reflect.Struct
		tag, ok := sf.Tag.Lookup("cbor")
		if !ok || tag == "" {
			tag = sf.Tag.Get("json")
		}
		if tag == "-" || !sf.IsExported() && !(sf.Anonymous && isStruct) {
			continue
		}
		index := append(slices.Clone(e.index), i)
		f, err := newCBORField(sf, tag, joinPath(path, sf.Name))
		if err != nil {
			return nil, nil, err
		}
		f.index = index
		tagName, _, _ := strings.Cut(tag, ",")
		if !sf.IsExported() && tagName != "" {
			return nil, nil, unsupported(joinPath(path, sf.Name), "a name for an embedded struct that is not exported")
		}
		if !sf.Anonymous || !isStruct || tagName != "" {
			out = append(out, f)
			continue
		}
		if !sf.IsExported() && sf.Type.Kind() == reflect.Pointer {
			return nil, nil, unsupported(joinPath(path, sf.Name), "a pointer to an unexported struct is embedded: it cannot be decoded")
		}
		next = append(next, embedded{typ: ft, index: index})
	}
	return out, next, nil
}

// newCBORField applies the tag of a field.
func newCBORField(sf reflect.StructField, tag, path string) (cborField, error) {
	f := cborField{goName: sf.Name, typ: sf.Type, tagged: tag != ""}
	options := strings.Split(tag, ",")
	f.name = options[0]
	if f.name == "" {
		f.name = sf.Name
	}
	if f.number = slices.Contains(options[1:], "keyasint"); !f.number {
		return f, nil
	}
	i, err := strconv.Atoi(f.name)
	if err != nil {
		return f, unsupported(path, "keyasint: %q is no integer", f.name)
	}
	f.name = strconv.Itoa(i)
	return f, nil
}
