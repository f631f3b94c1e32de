package varve

import (
	"bytes"
	"errors"
	"iter"

	"github.com/varvedb/varve/kv"
)

// scan is a walk over a part of a collection that has not begun.
type scan struct {
	s            *space
	lower, upper []byte // encoded keys without the keyspace; nil is no bound
	back         bool
	keysOnly     bool
	limit        int                          // 0 is no limit
	begin        func(kv.Reader, place) error // called when a walk begins
	err          error
}

// run calls visit for each entry, without the keyspace in the key, until it
// returns false. What was used is closed when run returns; errors are kept.
func (c *scan) run(visit func(key, val []byte) (bool, error)) {
	if c.err != nil {
		return
	}
	r, p, release, err := c.s.steady()
	if err != nil {
		c.fail(err)
		return
	}
	if c.begin != nil {
		err = c.begin(r, p)
	}
	it := r.Iter(c.options(p))
	if err == nil {
		err = c.walk(it, visit)
	}
	c.fail(errors.Join(err, it.Close(), release()))
}

func (c *scan) options(p place) kv.IterOptions {
	prefix := kv.KeyspacePrefix(p.space)
	opt := kv.IterOptions{Prefix: prefix, KeysOnly: c.keysOnly}
	if c.lower != nil {
		opt.Lower = append(bytes.Clone(prefix), c.lower...)
	}
	if c.upper != nil {
		opt.Upper = append(bytes.Clone(prefix), c.upper...)
	}
	return opt
}

func (c *scan) walk(it kv.Iterator, visit func(key, val []byte) (bool, error)) error {
	first, next := it.First, it.Next
	if c.back {
		first, next = it.Last, it.Prev
	}
	n := 0
	for ok := first(); ok; ok = next() {
		if more, err := visit(it.Key()[8:], it.Value()); err != nil || !more {
			return err
		}
		if n++; n == c.limit {
			return nil
		}
	}
	return nil
}

// fail keeps the first error, makes an enclosing transaction fail, and logs it,
// since nobody may look at Err.
func (c *scan) fail(err error) {
	if err == nil || c.err != nil {
		return
	}
	c.err = c.s.fail(err)
	if c.s.db != nil && c.s.tx == nil {
		c.s.db.opt.Logger.Error("varve: an iteration ended early", "collection", c.s.ID(), "err", err)
	}
}

// between narrows the walk to the intersection with [lower, upper).
func (c *scan) between(lower, upper []byte, err error) {
	c.err = errors.Join(c.err, c.s.fail(err))
	if bytes.Compare(lower, c.lower) > 0 {
		c.lower = lower
	}
	if upper != nil && (c.upper == nil || bytes.Compare(upper, c.upper) < 0) {
		c.upper = upper
	}
}

// Cursor is a walk over entries of a collection that has not begun: its methods
// say what is walked over, and All walks. It can walk again. A cursor is used by
// one goroutine.
type Cursor[K, V any] struct {
	scan
	key   func([]byte) (K, error)
	value func([]byte) (V, error)
}

// Backward turns the direction of the walk around.
func (c *Cursor[K, V]) Backward() *Cursor[K, V] { c.back = !c.back; return c }

// Limit ends the walk after n entries; 0 is no limit.
func (c *Cursor[K, V]) Limit(n int) *Cursor[K, V] { c.limit = n; return c }

// All walks over the entries. The loop sees one state of the database and closes
// what it used when it ends, by break or return too. After it, Err tells whether
// it met an error, which ends it early.
func (c *Cursor[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		c.run(func(key, val []byte) (bool, error) {
			k, err := c.key(key)
			if err != nil {
				return false, err
			}
			v, err := c.value(val)
			if err != nil {
				return false, err
			}
			return yield(k, v), nil
		})
	}
}

// Err returns the first error of the walks, nil if there was none.
func (c *Cursor[K, V]) Err() error { return c.err }

// KeyCursor is a walk over keys, or values, alone.
type KeyCursor[K any] struct {
	scan
	decode func(key, val []byte) (K, error)
}

// Backward turns the direction of the walk around.
func (c *KeyCursor[K]) Backward() *KeyCursor[K] { c.back = !c.back; return c }

// Limit ends the walk after n entries; 0 is no limit.
func (c *KeyCursor[K]) Limit(n int) *KeyCursor[K] { c.limit = n; return c }

// All walks, as Cursor.All.
func (c *KeyCursor[K]) All() iter.Seq[K] {
	return func(yield func(K) bool) {
		c.run(func(key, val []byte) (bool, error) {
			k, err := c.decode(key, val)
			if err != nil {
				return false, err
			}
			return yield(k), nil
		})
	}
}

// Err returns the first error of the walks, nil if there was none.
func (c *KeyCursor[K]) Err() error { return c.err }
