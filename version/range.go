package version

import "iter"

// Cursor is a walk over entries of a state that has not begun: its methods say
// what is walked over, and All walks. It can walk again. A cursor is used by one
// goroutine.
type Cursor[K, V any] struct {
	r            *reader[K, V]
	lower, upper []byte // encoded; nil is no bound
	back         bool
	limit        int
	err          error
}

// Backward turns the direction of the walk around.
func (c *Cursor[K, V]) Backward() *Cursor[K, V] { c.back = !c.back; return c }

// Limit ends the walk after n entries; 0 is no limit.
func (c *Cursor[K, V]) Limit(n int) *Cursor[K, V] { c.limit = n; return c }

// All walks over the entries. The loop sees one state, whatever is written
// meanwhile. After it, Err tells whether it met an error, which ends it early.
func (c *Cursor[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		c.run(func(key []byte, value func() ([]byte, error)) (bool, error) {
			data, err := value()
			if err != nil {
				return false, err
			}
			k, v, err := c.r.m.decode(key, data)
			return err == nil && yield(k, v), err
		})
	}
}

// Keys walks over the keys alone; large values are not read.
func (c *Cursor[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		c.run(func(key []byte, _ func() ([]byte, error)) (bool, error) {
			k, err := c.r.m.kc.Decode(key)
			return err == nil && yield(k), err
		})
	}
}

// Err returns the first error of the walks, nil if there was none.
func (c *Cursor[K, V]) Err() error { return c.err }

func (c *Cursor[K, V]) run(visit func(key []byte, value func() ([]byte, error)) (bool, error)) {
	if c.err != nil {
		return
	}
	n := 0
	c.err = c.r.view(func(s *session, st state) error {
		return s.walk(st, c.lower, c.upper, c.back, func(key []byte, value func() ([]byte, error)) (bool, error) {
			more, err := visit(key, value)
			n++
			return more && n != c.limit, err
		})
	})
}
