package varve

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// List is a persistent list, with indexes from 0. Reading, setting and both ends
// cost O(1) accesses; Insert and RemoveAt move the elements on the shorter side.
// Handles may be used concurrently, but for those that In has bound to a
// transaction. Its errors are those of Map, and ErrOutOfRange.
type List[V any] struct {
	space
	vc codec.Value[V]
}

// OpenList opens the list of the given name, and makes it if there is none.
func OpenList[V any](db *DB, name string, opts ...CollectionOption) (*List[V], error) {
	vc, err := values[V](newConfig(opts))
	if err != nil {
		return nil, err
	}
	e, err := db.open(name, record{Kind: KindList, Value: vc.Shape()})
	if err != nil {
		return nil, err
	}
	return &List[V]{space{db: db, entry: e, dur: db.opt.Durability}, vc}, nil
}

// In returns the list inside a transaction.
func (l *List[V]) In(tx *Tx) *List[V] { return &List[V]{l.in(tx), l.vc} }

// At returns the list as it was at a snapshot.
func (l *List[V]) At(s *Snapshot) *List[V] { return &List[V]{l.at(s), l.vc} }

// Durable returns a handle whose writes have durability d.
func (l *List[V]) Durable(d Durability) *List[V] { return &List[V]{l.durable(d), l.vc} }

// Attach opens, in db, the list whose stored handle l is.
func (l *List[V]) Attach(db *DB, opts ...CollectionOption) error {
	return attach(l, db, OpenList[V], opts)
}

// ends are the positions of the first element and after the last. An element
// stays at its position while others come and go at the ends.
type ends struct{ head, tail int64 }

func (e ends) len() int64 { return e.tail - e.head }

// Rows of a list.
const (
	rowEnds    = 0 // varint head, varint tail
	rowElement = 1 // + position, 8 bytes big-endian, sign inverted
)

func endsKey(p place) []byte { return append(kv.KeyspacePrefix(p.space), rowEnds) }

func elementKey(p place, pos int64) []byte {
	return append(kv.KeyspacePrefix(p.space), elementSuffix(pos)...)
}

func elementSuffix(pos int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{rowElement}, uint64(pos)^1<<63)
}

func readEnds(r kv.Reader, p place) (e ends, err error) {
	val, ok, err := r.Get(endsKey(p), nil)
	if err != nil || !ok {
		return e, err
	}
	head, n := binary.Varint(val)
	tail, m := binary.Varint(val[max(n, 0):])
	if n <= 0 || m <= 0 || head > tail {
		return e, fmt.Errorf("ends of a list: %w", codec.ErrMalformed)
	}
	return ends{head, tail}, nil
}

func writeEnds(t *kv.Txn, p place, e ends) {
	t.Put(endsKey(p), binary.AppendVarint(binary.AppendVarint(nil, e.head), e.tail))
}

// change runs f with the ends of the list and stores what it makes of them.
func (l *List[V]) change(f func(t *kv.Txn, p place, e *ends) error) error {
	return l.update(func(t *kv.Txn, p place) error {
		e, err := readEnds(t, p)
		if err != nil {
			return t.Fail(err)
		}
		was := e
		if err := f(t, p, &e); err != nil || e == was {
			return err
		}
		writeEnds(t, p, e)
		return nil
	})
}

func (l *List[V]) putElement(t *kv.Txn, p place, pos int64, v V) error {
	val, err := l.vc.Append(nil, v)
	if err == nil {
		t.Put(elementKey(p, pos), val)
	}
	return err
}

// element reads the element at a position that is in the list.
func (l *List[V]) element(r kv.Reader, p place, pos int64) (v V, err error) {
	val, ok, err := r.Get(elementKey(p, pos), nil)
	if err == nil && !ok {
		err = fmt.Errorf("the list has no element at position %d: %w", pos, codec.ErrMalformed)
	}
	if err == nil {
		v, err = l.vc.Decode(val)
	}
	return v, l.fail(err)
}

func (e ends) position(i int64) (int64, error) {
	if i < 0 || i >= e.len() {
		return 0, fmt.Errorf("%w: %d of a list of %d", ErrOutOfRange, i, e.len())
	}
	return e.head + i, nil
}

// Len returns the number of elements, at the cost of one read.
func (l *List[V]) Len() (int64, error) {
	r, p, err := l.newest()
	if err != nil {
		return 0, err
	}
	e, err := readEnds(r, p)
	return e.len(), l.fail(err)
}

// IsEmpty reports whether there is no element.
func (l *List[V]) IsEmpty() (bool, error) {
	n, err := l.Len()
	return n == 0, err
}

// Get returns element i.
func (l *List[V]) Get(i int64) (v V, err error) {
	r, p, release, err := l.steady()
	if err != nil {
		return v, err
	}
	e, err := readEnds(r, p)
	var pos int64
	if err == nil {
		pos, err = e.position(i)
	}
	if err == nil {
		v, err = l.element(r, p, pos)
	}
	if closed := release(); err == nil {
		err = closed
	}
	return v, err
}

// Set replaces element i.
func (l *List[V]) Set(i int64, v V) error {
	return l.change(func(t *kv.Txn, p place, e *ends) error {
		pos, err := e.position(i)
		if err != nil {
			return err
		}
		return l.putElement(t, p, pos, v)
	})
}

// Push appends elements at the end.
func (l *List[V]) Push(vs ...V) error {
	return l.change(func(t *kv.Txn, p place, e *ends) error {
		for _, v := range vs {
			if err := l.putElement(t, p, e.tail, v); err != nil {
				return err
			}
			e.tail++
		}
		return nil
	})
}

// PushFront puts an element before the first.
func (l *List[V]) PushFront(v V) error {
	return l.change(func(t *kv.Txn, p place, e *ends) error {
		e.head--
		return l.putElement(t, p, e.head, v)
	})
}

// Pop removes the last element and returns it; ok is false if there is none.
func (l *List[V]) Pop() (v V, ok bool, err error) {
	return l.pop(func(e *ends) int64 { e.tail--; return e.tail })
}

// PopFront removes the first element and returns it.
func (l *List[V]) PopFront() (v V, ok bool, err error) {
	return l.pop(func(e *ends) int64 { e.head++; return e.head - 1 })
}

func (l *List[V]) pop(shrink func(*ends) int64) (v V, ok bool, err error) {
	err = l.change(func(t *kv.Txn, p place, e *ends) error {
		if ok = e.len() > 0; !ok {
			return nil
		}
		pos := shrink(e)
		v, err = l.element(t, p, pos)
		t.Delete(elementKey(p, pos))
		return err
	})
	return v, ok && err == nil, err
}

// Insert puts v before element i; at i = Len it is Push.
func (l *List[V]) Insert(i int64, v V) error {
	return l.change(func(t *kv.Txn, p place, e *ends) error {
		if i != e.len() {
			if _, err := e.position(i); err != nil {
				return err
			}
		}
		if i < e.len()/2 {
			e.head--
			for pos := e.head; pos < e.head+i; pos++ {
				if err := move(t, p, pos+1, pos); err != nil {
					return err
				}
			}
		} else {
			for pos := e.tail; pos > e.head+i; pos-- {
				if err := move(t, p, pos-1, pos); err != nil {
					return err
				}
			}
			e.tail++
		}
		return l.putElement(t, p, e.head+i, v)
	})
}

// RemoveAt removes element i and returns it.
func (l *List[V]) RemoveAt(i int64) (v V, err error) {
	err = l.change(func(t *kv.Txn, p place, e *ends) error {
		at, err := e.position(i)
		if err != nil {
			return err
		}
		if v, err = l.element(t, p, at); err != nil {
			return err
		}
		if i < e.len()/2 {
			for ; at > e.head && err == nil; at-- {
				err = move(t, p, at-1, at)
			}
			e.head++
		} else {
			for ; at < e.tail-1 && err == nil; at++ {
				err = move(t, p, at+1, at)
			}
			e.tail--
		}
		t.Delete(elementKey(p, at))
		return err
	})
	return v, err
}

// move copies the element at one position to another.
func move(t *kv.Txn, p place, from, to int64) error {
	val, ok, err := t.Get(elementKey(p, from), nil)
	if err == nil && !ok {
		err = t.Fail(fmt.Errorf("the list has no element at position %d: %w", from, codec.ErrMalformed))
	}
	if err == nil {
		t.Put(elementKey(p, to), val)
	}
	return err
}

// Truncate removes the elements from n on; it does nothing if there are fewer.
func (l *List[V]) Truncate(n int64) error {
	return l.change(func(t *kv.Txn, p place, e *ends) error {
		if n < 0 {
			return fmt.Errorf("%w: truncate to %d", ErrOutOfRange, n)
		}
		if n < e.len() {
			t.DeleteRange(elementKey(p, e.head+n), elementKey(p, e.tail))
			e.tail = e.head + n
		}
		return nil
	})
}

// Clear removes everything, in O(1).
func (l *List[V]) Clear() error { return l.clear() }

// PushAll appends all elements of seq, in batches of a few thousand, each of
// which is atomic. Inside a transaction all are part of it.
func (l *List[V]) PushAll(seq iter.Seq[V]) error {
	batch := make([]V, 0, loadBatch)
	for v := range seq {
		if batch = append(batch, v); len(batch) == loadBatch {
			if err := l.Push(batch...); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return l.Push(batch...)
}

// All walks over the indexes and elements in order.
func (l *List[V]) All() *Cursor[int64, V] {
	c := &Cursor[int64, V]{scan: scan{s: &l.space, lower: []byte{rowElement}}, value: l.vc.Decode}
	var first int64 // position of element 0, known when the walk begins
	c.begin = func(r kv.Reader, p place) error {
		e, err := readEnds(r, p)
		first = e.head
		return err
	}
	c.key = func(b []byte) (int64, error) {
		if len(b) != 9 {
			return 0, fmt.Errorf("position in a list: %w", codec.ErrMalformed)
		}
		return int64(binary.BigEndian.Uint64(b[1:])^1<<63) - first, nil
	}
	return c
}

// Backward walks over the indexes and elements from the last to the first.
func (l *List[V]) Backward() *Cursor[int64, V] { return l.All().Backward() }

// Values walks over the elements in order.
func (l *List[V]) Values() *KeyCursor[V] {
	return &KeyCursor[V]{scan: scan{s: &l.space, lower: []byte{rowElement}},
		decode: func(_, val []byte) (V, error) { return l.vc.Decode(val) }}
}
