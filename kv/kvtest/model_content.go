package kvtest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"sort"

	"github.com/varvedb/varve/kv"
)

// content is the model of a store: a plain Go map. It is a kv.Reader, so that
// whatever is asked of a store can be asked of the model, and the answers
// compared.
type content struct {
	values map[string]string
	sorted []string // the keys in order; nil if not known
}

func newContent() *content { return &content{values: map[string]string{}} }

func (c *content) clone() *content { return &content{values: maps.Clone(c.values), sorted: c.sorted} }

func (c *content) set(key, value string) {
	if _, ok := c.values[key]; !ok {
		c.sorted = nil
	}
	c.values[key] = value
}

func (c *content) remove(key string) {
	if _, ok := c.values[key]; ok {
		c.sorted = nil
	}
	delete(c.values, key)
}

func (c *content) keys() []string {
	if c.sorted == nil {
		c.sorted = slices.Sorted(maps.Keys(c.values))
	}
	return c.sorted
}

// modelWrite is one operation of a batch.
type modelWrite struct {
	kind   kv.OpKind
	key    string
	value  string
	end    string // of a range
	open   bool   // the range has no end
	merger kv.MergerID
}

func (w modelWrite) String() string {
	switch w.kind {
	case kv.OpPut:
		return fmt.Sprintf("put %q %s", w.key, short(w.value))
	case kv.OpDelete:
		return fmt.Sprintf("delete %q", w.key)
	case kv.OpMerge:
		return fmt.Sprintf("merge(%d) %q %s", w.merger, w.key, short(w.value))
	}
	if w.open {
		return fmt.Sprintf("delete-range %q…", w.key)
	}
	return fmt.Sprintf("delete-range %q…%q", w.key, w.end)
}

// writer is a Batch, an IndexedBatch or a Txn.
type writer interface {
	Put(key, value []byte)
	Delete(key []byte)
	DeleteRange(start, end []byte)
	Merge(m kv.MergerID, key, operand []byte)
}

// enter does w in a batch.
func (w modelWrite) enter(b writer) {
	switch w.kind {
	case kv.OpPut:
		b.Put([]byte(w.key), []byte(w.value))
	case kv.OpDelete:
		b.Delete([]byte(w.key))
	case kv.OpMerge:
		b.Merge(w.merger, []byte(w.key), []byte(w.value))
	case kv.OpDeleteRange:
		end := []byte(w.end)
		if w.open {
			end = nil
		}
		b.DeleteRange([]byte(w.key), end)
	}
}

// touches reports whether w writes key.
func (w modelWrite) touches(key string) bool {
	if w.kind == kv.OpDeleteRange {
		return key >= w.key && (w.open || key < w.end)
	}
	return key == w.key
}

// do does w in the model.
func (c *content) do(w modelWrite) error {
	switch w.kind {
	case kv.OpPut:
		c.set(w.key, w.value)
	case kv.OpDelete:
		c.remove(w.key)
	case kv.OpDeleteRange:
		for _, key := range c.keys() {
			if w.touches(key) {
				c.remove(key)
			}
		}
	case kv.OpMerge:
		old, present := c.values[w.key]
		val, err := testMergers().Merge(w.merger, nil, []byte(old), present, []byte(w.value))
		if err != nil {
			return fmt.Errorf("the model cannot merge: %w", err)
		}
		c.set(w.key, string(val))
	}
	return nil
}

// Get implements kv.Reader.
func (c *content) Get(key, dst []byte) ([]byte, bool, error) {
	val, ok := c.values[string(key)]
	return append(dst[:0], val...), ok, nil
}

// Has implements kv.Reader.
func (c *content) Has(key []byte) (bool, error) {
	_, ok := c.values[string(key)]
	return ok, nil
}

// MultiGet implements kv.Reader.
func (c *content) MultiGet(keys [][]byte, f func(i int, val []byte, ok bool) error) error {
	for i, key := range keys {
		val, ok := c.values[string(key)]
		if err := f(i, []byte(val), ok); err != nil {
			return err
		}
	}
	return nil
}

// Iter implements kv.Reader.
func (c *content) Iter(opt kv.IterOptions) kv.Iterator {
	m := &modelCursor{values: c.values, at: -1, keysOnly: opt.KeysOnly}
	lower, upper := opt.Bounds()
	for _, key := range c.keys() {
		k := []byte(key)
		if bytes.Compare(k, lower) >= 0 && (upper == nil || bytes.Compare(k, upper) < 0) && (opt.Skip == nil || !opt.Skip(k)) {
			m.keys = append(m.keys, key)
		}
	}
	m.values = maps.Clone(c.values)
	return m
}

// modelCursor is what an iterator must do: a place in the list of the keys that
// it visits.
type modelCursor struct {
	keys     []string
	values   map[string]string
	keysOnly bool
	at       int // -1 is unpositioned
}

func (m *modelCursor) move(to int) bool {
	m.at = to
	if to >= len(m.keys) {
		m.at = -1
	}
	return m.Valid()
}

func (m *modelCursor) First() bool { return m.move(0) }
func (m *modelCursor) Last() bool  { return m.move(len(m.keys) - 1) }
func (m *modelCursor) SeekGE(key []byte) bool {
	return m.move(sort.SearchStrings(m.keys, string(key)))
}
func (m *modelCursor) SeekLT(key []byte) bool {
	return m.move(sort.SearchStrings(m.keys, string(key)) - 1)
}
func (m *modelCursor) SeekLE(key []byte) bool {
	return m.move(sort.SearchStrings(m.keys, string(key)+"\x00") - 1)
}
func (m *modelCursor) Next() bool   { return m.Valid() && m.move(m.at+1) }
func (m *modelCursor) Prev() bool   { return m.Valid() && m.move(m.at-1) }
func (m *modelCursor) Valid() bool  { return m.at >= 0 }
func (m *modelCursor) Err() error   { return nil }
func (m *modelCursor) Close() error { return nil }

func (m *modelCursor) Key() []byte {
	if !m.Valid() {
		return nil
	}
	return []byte(m.keys[m.at])
}

func (m *modelCursor) Value() []byte {
	if !m.Valid() || m.keysOnly {
		return nil
	}
	return []byte(m.values[m.keys[m.at]])
}

// sameContent compares r with the model, walking in both directions.
func sameContent(r kv.Reader, want *content) (err error) {
	it := r.Iter(kv.IterOptions{})
	defer func() { err = errors.Join(err, it.Close()) }()
	keys := want.keys()
	for i, ok := 0, it.First(); ok || i < len(keys); i, ok = i+1, it.Next() {
		if err := sameEntry(it, ok, want, keys, i); err != nil {
			return fmt.Errorf("forward: %w", err)
		}
	}
	for i, ok := len(keys)-1, it.Last(); ok || i >= 0; i, ok = i-1, it.Prev() {
		if err := sameEntry(it, ok, want, keys, i); err != nil {
			return fmt.Errorf("backward: %w", err)
		}
	}
	return nil
}

func sameEntry(it kv.Iterator, ok bool, want *content, keys []string, i int) error {
	switch {
	case !ok:
		return errors.Join(fmt.Errorf("key %q is missing", keys[i]), it.Err())
	case i < 0 || i >= len(keys):
		return fmt.Errorf("key %q is there, which should not", it.Key())
	case string(it.Key()) != keys[i]:
		return fmt.Errorf("key %q is there, want %q", it.Key(), keys[i])
	case string(it.Value()) != want.values[keys[i]]:
		return fmt.Errorf("key %q has value %s, want %s", it.Key(), short(it.Value()), short(want.values[keys[i]]))
	}
	return nil
}

func checksum(s string) uint32 { return crc32.ChecksumIEEE([]byte(s)) }
