package varve

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Bind opens the collections that the fields of a struct stand for:
//
//	var app struct {
//		Users    *varve.OrderedMap[string, User]
//		Sessions *varve.Map[string, Session] `varve:"sessions,counted"`
//		Audit    struct {
//			Log *varve.List[Event]
//		}
//	}
//	err := varve.Bind(db, &app)
//
// A field of a pointer to a collection type is set to a handle of the collection
// that the tag names, or else of the field's name in snake case. The fields of a
// nested struct have its name before theirs, with a slash. The tag "-" leaves a
// field alone; the option counted is Counted. Other fields that are exported are
// an error. If opening one fails, the error names the field and those before it
// stay opened.
func Bind(db *DB, dst any) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("bind: a pointer to a struct is needed, not a %T", dst)
	}
	return bindStruct(db, v.Elem(), "", "")
}

// bindable is implemented by the handles of all collections.
type bindable interface {
	bind(db *DB, name string, opts []CollectionOption) error
}

func bindStruct(db *DB, v reflect.Value, prefix, path string) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, opts, err := parseTag(f)
		if err == nil && name != "-" && f.IsExported() {
			err = bindField(db, v.Field(i), prefix+name, path+f.Name, opts)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func bindField(db *DB, v reflect.Value, name, path string, opts []CollectionOption) error {
	if v.Kind() == reflect.Struct {
		if _, ok := v.Addr().Interface().(bindable); !ok {
			return bindStruct(db, v, name+"/", path+".")
		}
	}
	if v.Kind() == reflect.Pointer {
		handle := reflect.New(v.Type().Elem())
		if b, ok := handle.Interface().(bindable); ok {
			if err := b.bind(db, name, opts); err != nil {
				return fmt.Errorf("bind %s: %w", path, err)
			}
			v.Set(handle)
			return nil
		}
	}
	return fmt.Errorf("bind %s: a %s is no pointer to a collection; use the tag `varve:\"-\"` to leave it alone", path, v.Type())
}

var errTag = errors.New("bad varve tag")

func parseTag(f reflect.StructField) (name string, opts []CollectionOption, err error) {
	name, rest, _ := strings.Cut(f.Tag.Get("varve"), ",")
	if name == "" {
		name = snake(f.Name)
	}
	for opt := range strings.SplitSeq(rest, ",") {
		switch opt {
		case "":
		case "counted":
			opts = append(opts, Counted())
		default:
			return "", nil, fmt.Errorf("bind %s: %w: unknown option %q", f.Name, errTag, opt)
		}
	}
	return name, opts, nil
}

// snake turns UserID into user_id.
func snake(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		startsWord := unicode.IsUpper(r) && i > 0 &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if startsWord {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// bindTo sets a new handle to what open returns.
func bindTo[T any](h *T, db *DB, name string, opts []CollectionOption, open func(*DB, string, ...CollectionOption) (*T, error)) error {
	opened, err := open(db, name, opts...)
	if err == nil {
		*h = *opened
	}
	return err
}

func (m *Map[K, V]) bind(db *DB, name string, opts []CollectionOption) error {
	return bindTo(m, db, name, opts, OpenMap[K, V])
}

func (m *OrderedMap[K, V]) bind(db *DB, name string, opts []CollectionOption) error {
	return bindTo(m, db, name, opts, OpenOrderedMap[K, V])
}

func (v *Value[T]) bind(db *DB, name string, opts []CollectionOption) error {
	return bindTo(v, db, name, opts, OpenValue[T])
}

func (s *Set[K]) bind(db *DB, name string, opts []CollectionOption) error {
	return bindTo(s, db, name, opts, OpenSet[K])
}

func (l *List[V]) bind(db *DB, name string, opts []CollectionOption) error {
	return bindTo(l, db, name, opts, OpenList[V])
}
