package kvtest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/varvedb/varve/kv"
)

// content is what a store should hold: the plainest model there is.
type diskContent map[string]string

func (c diskContent) clone() diskContent {
	if c == nil {
		return diskContent{}
	}
	return maps.Clone(c)
}

func (c diskContent) has(key []byte) bool {
	_, ok := c[string(key)]
	return ok
}

// apply changes the content as a store does.
func (c diskContent) apply(b *kv.Batch) {
	for op := range b.Ops() {
		key := string(op.Key)
		switch op.Kind {
		case kv.OpPut:
			c[key] = string(op.Value)
		case kv.OpDelete:
			delete(c, key)
		case kv.OpDeleteRange:
			maps.DeleteFunc(c, func(k, _ string) bool { return op.Span().Contains([]byte(k)) })
		case kv.OpMerge:
			old, present := c[key]
			val, err := kv.Mergers{}.Merge(op.Merger, nil, []byte(old), present, op.Value)
			if err != nil {
				panic(err) // the harness made the operand
			}
			c[key] = string(val)
		}
	}
}

// equal returns nil if c is what is wanted.
func (c diskContent) equal(want diskContent) error {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		val, ok := c[key]
		if !ok {
			return fmt.Errorf("key %q is missing, it should be %s (%d keys, %d should be there)", key, briefly(want[key]), len(c), len(want))
		}
		if val != want[key] {
			return fmt.Errorf("key %q is %s, it should be %s", key, briefly(val), briefly(want[key]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if _, ok := want[key]; !ok {
			return fmt.Errorf("key %q is %s, it should be absent", key, briefly(c[key]))
		}
	}
	return nil
}

func briefly(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%q and %d more bytes", s[:40], len(s)-40)
	}
	return fmt.Sprintf("%q", s)
}

// readStore reads what r holds, by iterators in both directions and by key. An
// error comes with nothing.
func readStore(r kv.Reader) (diskContent, error) {
	c := diskContent{}
	it := r.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		c[string(it.Key())] = string(it.Value())
	}
	if err := it.Close(); err != nil {
		return nil, fmt.Errorf("iterate: %w", err)
	}
	n := 0
	it = r.Iter(kv.IterOptions{KeysOnly: true})
	for ok := it.Last(); ok; ok = it.Prev() {
		if !c.has(it.Key()) {
			n = -1
			break
		}
		n++
	}
	if err := it.Close(); err != nil {
		return nil, fmt.Errorf("iterate backwards: %w", err)
	}
	if n != len(c) {
		return nil, fmt.Errorf("%w: forwards and backwards give different keys", errWrongAnswer)
	}
	return c, c.matches(r)
}

// matches compares the content with what Get says.
func (c diskContent) matches(r kv.Reader) error {
	var buf []byte
	for key, want := range c {
		val, ok, err := r.Get([]byte(key), buf)
		if err != nil {
			return fmt.Errorf("get: %w", err)
		}
		if !ok || string(val) != want {
			return fmt.Errorf("%w: key %q is %s by iterator, and by Get %t %s", errWrongAnswer, key, briefly(want), ok, briefly(string(val)))
		}
		buf = val
	}
	return nil
}

// errWrongAnswer marks an answer that contradicts another one.
var errWrongAnswer = fmt.Errorf("wrong answer")
