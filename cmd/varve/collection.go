package main

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
)

// collection is a collection of any kind whose Go types are not at hand: keys and
// values go in as text, or encoded, and come out as decoded by their shapes.
type collection interface {
	// get returns the entry of a key; ok is false if there is none.
	get(key string) (e entry, ok bool, err error)
	// remove removes keys in a transaction and returns how many were there.
	remove(tx *varve.Tx, keys []string) (int64, error)
	// clear removes everything in a transaction and returns how much it was.
	clear(tx *varve.Tx) (int64, error)
	// walk visits the entries of a span; an error ends it.
	walk(s span) iter.Seq2[entry, error]
	// putAll stores entries: it appends to a list, and sets a value.
	putAll(list []pair) error
}

// pair is a key and a value, as text or encoded.
type pair struct{ key, value any }

// span says which entries of a collection are walked over; nil is no bound.
type span struct {
	prefix, from, to *string
	back             bool
	limit            int // 0 is no limit
}

func (s span) bounded() bool { return s.prefix != nil || s.from != nil || s.to != nil }

func (s span) bounds() (from, to varve.Bound[any]) {
	if s.from != nil {
		from = varve.From[any](*s.from)
	}
	if s.to != nil {
		to = varve.Below[any](*s.to)
	}
	return from, to
}

// find returns what the catalog knows of a name.
func find(db *varve.DB, name string) (varve.Info, bool, error) {
	list, err := db.Collections(name)
	if err != nil || len(list) == 0 || list[0].Name != name {
		return varve.Info{}, false, err
	}
	return list[0], true, nil
}

// openNamed opens the collection of a name, which must be there. That of a
// versioned map may end in @REVISION.
func openNamed(db *varve.DB, name string) (collection, varve.Info, error) {
	info, rev, ok, err := findAt(db, name)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %q", varve.ErrNoCollection, name)
	}
	if err != nil {
		return nil, info, err
	}
	if info.Kind != varve.KindVersion {
		c, err := openAs(db, name, info.Type)
		return c, info, err
	}
	m, err := versionsOf(db, info.Name, info.Type)
	if err != nil {
		return nil, info, err
	}
	c, err := m.at(rev)
	return c, info, err
}

// openAs opens a collection, and makes it if there is none.
func openAs(db *varve.DB, name string, t varve.Type) (collection, error) {
	kc, vc := keysOf(t), valuesOf(t)
	keys, values := varve.WithKeys(kc), varve.WithValues(vc)
	switch t.Kind {
	case varve.KindOrdered:
		m, err := varve.OpenOrderedMap[any, any](db, name, keys, values)
		if err != nil {
			return nil, err
		}
		return orderedMap{plainMap{&m.Map, kc}, m}, nil
	case varve.KindMap:
		m, err := varve.OpenMap[any, any](db, name, keys, values)
		return plainMap{m, kc}, err
	case varve.KindSet:
		s, err := varve.OpenSet[any](db, name, keys)
		return set{s, kc}, err
	case varve.KindList:
		l, err := varve.OpenList[any](db, name, values)
		return list{l}, err
	case varve.KindValue:
		v, err := varve.OpenValue[any](db, name, values)
		return value{v}, err
	case varve.KindVersion:
		m, err := versionsOf(db, name, t)
		if err != nil {
			return nil, err
		}
		return m.at("")
	}
	return nil, fmt.Errorf("collection %q is of kind %s, which this version of varve does not know", name, t.Kind)
}

// keysOf returns the codec for the keys of a type.
func keysOf(t varve.Type) codec.Key[any] {
	// Keys of maps that have no order are encoded as values.
	if t.Kind == varve.KindMap && (isCBOR(t.Key) || strings.HasPrefix(string(t.Key), "binary")) {
		return preparedKey{valueKey{codec.TextValue(t.Key)}}
	}
	return preparedKey{codec.TextKey(t.Key)}
}

func valuesOf(t varve.Type) codec.Value[any] { return preparedValue{codec.TextValue(t.Value)} }

type valueKey struct{ codec.Value[any] }

func (valueKey) AppendPrefix(dst []byte, _ any) ([]byte, error) { return dst, codec.ErrNoPrefix }

func (valueKey) AppendFields(dst []byte, _ any, _ int) ([]byte, error) {
	return dst, codec.ErrNoPrefix
}

// encoded is what a codec has made of a key or value before.
type encoded []byte

type preparedKey struct{ codec.Key[any] }

// Append takes encoded keys too.
func (c preparedKey) Append(dst []byte, k any) ([]byte, error) {
	if b, ok := k.(encoded); ok {
		return append(dst, b...), nil
	}
	return c.Key.Append(dst, k)
}

type preparedValue struct{ codec.Value[any] }

// Append takes encoded values too.
func (c preparedValue) Append(dst []byte, v any) ([]byte, error) {
	if b, ok := v.(encoded); ok {
		return append(dst, b...), nil
	}
	return c.Value.Append(dst, v)
}

// prepare encodes text for putAll.
func prepare(t varve.Type, key, value string) (p pair, keyErr, valueErr error) {
	if hasKeys(t.Kind) {
		b, err := keysOf(t).Append(nil, key)
		p.key, keyErr = encoded(b), err
	}
	if hasValues(t.Kind) {
		b, err := valuesOf(t).Append(nil, value)
		p.value, valueErr = encoded(b), err
	}
	return p, keyErr, valueErr
}

// hasKeys reports whether a kind has keys that users choose.
func hasKeys(k varve.Kind) bool { return k != varve.KindList && k != varve.KindValue }

func hasValues(k varve.Kind) bool { return k != varve.KindSet }

// decodedKey returns a key that was given as text as it is printed.
func decodedKey(kc codec.Key[any], key string) (any, error) {
	b, err := kc.Append(nil, key)
	if err != nil {
		return nil, err
	}
	return kc.Decode(b)
}

type plainMap struct {
	m  *varve.Map[any, any]
	kc codec.Key[any]
}

func (c plainMap) get(key string) (entry, bool, error) {
	v, ok, err := c.m.Get(key)
	if err != nil || !ok {
		return entry{}, false, err
	}
	k, err := decodedKey(c.kc, key)
	return entry{k, v, true, true}, true, err
}

func (c plainMap) remove(tx *varve.Tx, keys []string) (n int64, err error) {
	m := c.m.In(tx)
	for _, k := range keys {
		had, err := m.Has(k)
		if err == nil && had {
			n++
			err = m.Delete(k)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (c plainMap) clear(tx *varve.Tx) (int64, error) { return clearCounted(c.m.In(tx)) }

// clearCounted counts and removes everything.
func clearCounted(c interface {
	Len() (int64, error)
	Clear() error
}) (int64, error) {
	n, err := c.Len()
	if err != nil {
		return 0, err
	}
	return n, c.Clear()
}

func (c plainMap) walk(s span) iter.Seq2[entry, error] {
	if s.bounded() || s.back {
		return failed(usagef("a map has no order: --prefix, --from, --to and --reverse are for ordered maps and sets"))
	}
	return entries(c.m.All().Limit(s.limit))
}

func (c plainMap) putAll(list []pair) error {
	return c.m.PutAll(func(yield func(any, any) bool) {
		for _, p := range list {
			if !yield(p.key, p.value) {
				return
			}
		}
	})
}

type orderedMap struct {
	plainMap
	om *varve.OrderedMap[any, any]
}

func (c orderedMap) walk(s span) iter.Seq2[entry, error] {
	cursor := c.om.Range(s.bounds())
	if s.prefix != nil {
		cursor = c.om.Prefix(*s.prefix)
	}
	if s.back {
		cursor = cursor.Backward()
	}
	return entries(cursor.Limit(s.limit))
}

// entries walks over a cursor, and yields its error last.
func entries[K any](c *varve.Cursor[K, any]) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for k, v := range c.All() {
			if !yield(entry{k, v, true, true}, nil) {
				return
			}
		}
		if err := c.Err(); err != nil {
			yield(entry{}, err)
		}
	}
}

// failed is a walk that only fails.
func failed(err error) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) { yield(entry{}, err) }
}

type set struct {
	s  *varve.Set[any]
	kc codec.Key[any]
}

func (c set) get(key string) (entry, bool, error) {
	ok, err := c.s.Has(key)
	if err != nil || !ok {
		return entry{}, false, err
	}
	k, err := decodedKey(c.kc, key)
	return entry{key: k, hasKey: true}, true, err
}

func (c set) remove(tx *varve.Tx, keys []string) (n int64, err error) {
	s := c.s.In(tx)
	for _, k := range keys {
		had, err := s.Remove(k)
		if err != nil {
			return n, err
		}
		if had {
			n++
		}
	}
	return n, nil
}

func (c set) clear(tx *varve.Tx) (int64, error) { return clearCounted(c.s.In(tx)) }

func (c set) walk(s span) iter.Seq2[entry, error] {
	cursor := c.s.Range(s.bounds())
	if s.prefix != nil {
		cursor = c.s.Prefix(*s.prefix)
	}
	if s.back {
		cursor = cursor.Backward()
	}
	cursor = cursor.Limit(s.limit)
	return func(yield func(entry, error) bool) {
		for k := range cursor.All() {
			if !yield(entry{key: k, hasKey: true}, nil) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(entry{}, err)
		}
	}
}

func (c set) putAll(list []pair) error {
	return c.s.AddAll(func(yield func(any) bool) {
		for _, p := range list {
			if !yield(p.key) {
				return
			}
		}
	})
}

type list struct{ l *varve.List[any] }

// parseIndex reads an index of a list.
func parseIndex(text string) (int64, error) {
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil || i < 0 {
		return 0, usagef("%q is no index of a list: they are numbers from 0", text)
	}
	return i, nil
}

func (c list) get(key string) (entry, bool, error) {
	i, err := parseIndex(key)
	if err != nil {
		return entry{}, false, err
	}
	v, err := c.l.Get(i)
	if errors.Is(err, varve.ErrOutOfRange) {
		return entry{}, false, nil
	}
	return entry{i, v, true, true}, err == nil, err
}

// remove removes the highest index first, so that all mean what they meant
// before.
func (c list) remove(tx *varve.Tx, keys []string) (n int64, err error) {
	indexes := make([]int64, len(keys))
	for i, k := range keys {
		if indexes[i], err = parseIndex(k); err != nil {
			return 0, err
		}
	}
	slices.Sort(indexes)
	indexes = slices.Compact(indexes)
	l := c.l.In(tx)
	length, err := l.Len()
	if err != nil {
		return 0, err
	}
	for _, i := range slices.Backward(indexes) {
		if i >= length {
			continue
		}
		if _, err := l.RemoveAt(i); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (c list) clear(tx *varve.Tx) (int64, error) { return clearCounted(c.l.In(tx)) }

func (c list) walk(s span) iter.Seq2[entry, error] {
	if s.prefix != nil {
		return failed(usagef("a list has no prefixes: use --from and --to with indexes"))
	}
	from, to := int64(0), int64(-1)
	var err error
	if s.from != nil {
		from, err = parseIndex(*s.from)
	}
	if s.to != nil && err == nil {
		to, err = parseIndex(*s.to)
	}
	if err != nil {
		return failed(err)
	}
	cursor := c.l.All()
	if s.back {
		cursor = cursor.Backward()
	}
	return within(entries(cursor), from, to, s.limit)
}

// within yields up to limit entries whose indexes are from from to before to; a
// negative to is no bound.
func within(seq iter.Seq2[entry, error], from, to int64, limit int) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		n := 0
		for e, err := range seq {
			if i, _ := e.key.(int64); err == nil && (i < from || to >= 0 && i >= to) {
				continue
			}
			if !yield(e, err) {
				return
			}
			if n++; n == limit {
				return
			}
		}
	}
}

func (c list) putAll(list []pair) error {
	return c.l.PushAll(func(yield func(any) bool) {
		for _, p := range list {
			if !yield(p.value) {
				return
			}
		}
	})
}

type value struct{ v *varve.Value[any] }

func (c value) get(string) (entry, bool, error) {
	v, ok, err := c.v.Get()
	return entry{value: v, hasValue: true}, ok, err
}

func (c value) remove(tx *varve.Tx, _ []string) (int64, error) { return c.clear(tx) }

func (c value) clear(tx *varve.Tx) (int64, error) {
	_, had, err := c.v.In(tx).Get()
	if err != nil || !had {
		return 0, err
	}
	return 1, c.v.In(tx).Delete()
}

func (c value) walk(s span) iter.Seq2[entry, error] {
	if s.bounded() {
		return failed(usagef("a value has no keys: leave out --prefix, --from and --to"))
	}
	return func(yield func(entry, error) bool) {
		if e, ok, err := c.get(""); ok || err != nil {
			yield(e, err)
		}
	}
}

func (c value) putAll(list []pair) error {
	if len(list) != 1 {
		return fmt.Errorf("a value takes one record, not %d", len(list))
	}
	return c.v.Set(list[0].value)
}

// push appends an element and returns its index.
func (c list) push(v any) (*int64, error) {
	if err := c.l.Push(v); err != nil {
		return nil, err
	}
	n, err := c.l.Len()
	n--
	return &n, err
}
