package varve

import (
	"errors"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// table is what Map, OrderedMap and Set share: typed keys and values in a space.
type table[K, V any] struct {
	space
	kc codec.Key[K]
	vc codec.Value[V]
}

// openTable opens the collection of a name with the given codecs.
func openTable[K, V any](db *DB, name string, kind Kind, kc codec.Key[K], vc codec.Value[V], c *config) (t table[K, V], err error) {
	rec := record{Kind: kind, Counted: c.counted, Key: kc.Shape()}
	if kind != KindSet {
		rec.Value = vc.Shape()
	}
	e, err := db.open(name, rec)
	if err != nil {
		return t, err
	}
	return table[K, V]{space{db: db, entry: e, dur: db.opt.Durability}, kc, vc}, nil
}

// encodeKey appends the whole key of k.
func (t *table[K, V]) encodeKey(dst []byte, p place, k K) ([]byte, error) {
	return t.kc.Append(kv.AppendKeyspace(dst, p.space), k)
}

func (t *table[K, V]) get(k K) (v V, ok bool, err error) {
	r, p, err := t.newest()
	if err != nil {
		return v, false, err
	}
	sc := t.db.scratch.Get().(*scratch)
	defer t.db.scratch.Put(sc)
	if sc.key, err = t.encodeKey(sc.key[:0], p, k); err != nil {
		return v, false, t.fail(err)
	}
	val, ok, err := r.Get(sc.key, sc.val)
	if err != nil || !ok {
		return v, false, err
	}
	sc.val = val
	v, err = t.vc.Decode(val)
	return v, err == nil, t.fail(err)
}

func (t *table[K, V]) has(k K) (bool, error) {
	r, p, err := t.newest()
	if err != nil {
		return false, err
	}
	sc := t.db.scratch.Get().(*scratch)
	defer t.db.scratch.Put(sc)
	if sc.key, err = t.encodeKey(sc.key[:0], p, k); err != nil {
		return false, t.fail(err)
	}
	return r.Has(sc.key)
}

// put stores v under k without looking, unless the collection is counted.
func (t *table[K, V]) put(k K, v V) error {
	if t.counts() {
		_, _, err := t.change(k, func(V, bool) (V, verdict) { return v, keep })
		return err
	}
	return t.write(func(w writer, p place) error { return t.putTo(w, p, k, v) })
}

// counts reports whether writes must look whether the key is there.
func (t *table[K, V]) counts() bool {
	p := t.entryPlace()
	return p != nil && p.counted
}

func (s *space) entryPlace() *place {
	if s.entry == nil {
		return nil
	}
	return s.entry.now.Load()
}

func (t *table[K, V]) putTo(w writer, p place, k K, v V) error {
	sc := t.db.scratch.Get().(*scratch)
	defer t.db.scratch.Put(sc)
	var err error
	if sc.key, err = t.encodeKey(sc.key[:0], p, k); err != nil {
		return t.fail(err)
	}
	if sc.val, err = t.vc.Append(sc.val[:0], v); err != nil {
		return t.fail(err)
	}
	w.Put(sc.key, sc.val)
	return nil
}

func (t *table[K, V]) delete(k K) error {
	if t.counts() {
		_, _, err := t.change(k, func(old V, ok bool) (V, verdict) { return old, remove })
		return err
	}
	return t.write(func(w writer, p place) error {
		key, err := t.encodeKey(nil, p, k)
		if err == nil {
			w.Delete(key)
		}
		return t.fail(err)
	})
}

// verdict says what change does with the key.
type verdict uint8

const (
	keep   verdict = iota // store the value
	remove                // delete the key
	leave                 // do nothing
)

// change reads the entry of k and does with it what f says, atomically. It
// returns the entry as it was. A value that cannot be decoded is an error.
func (t *table[K, V]) change(k K, f func(old V, ok bool) (V, verdict)) (old V, had bool, err error) {
	err = t.update(func(txn *kv.Txn, p place) error {
		key, err := t.encodeKey(nil, p, k)
		if err != nil {
			return err
		}
		val, ok, err := txn.Get(key, nil)
		if err != nil {
			return err
		}
		if old, had = *new(V), ok; ok {
			if old, err = t.vc.Decode(val); err != nil {
				return txn.Fail(err)
			}
		}
		next, v := f(old, had)
		return t.settle(txn, p, key, next, had, v)
	})
	return old, had, err
}

func (t *table[K, V]) settle(txn *kv.Txn, p place, key []byte, next V, had bool, v verdict) error {
	switch {
	case v == keep:
		val, err := t.vc.Append(nil, next)
		if err != nil {
			return err
		}
		txn.Put(key, val)
		if !had {
			p.count(txn, 1)
		}
	case v == remove && had:
		txn.Delete(key)
		p.count(txn, -1)
	}
	return nil
}

// deleteRange removes the keys from lower to before upper, encoded without the
// keyspace; nil is no bound.
func (t *table[K, V]) deleteRange(lower, upper []byte) error {
	if t.counts() {
		return t.update(func(txn *kv.Txn, p place) error {
			span := p.span(lower, upper)
			n, err := countKeys(txn, span)
			if err == nil {
				txn.DeleteRange(span.Start, span.End)
				p.count(txn, -n)
			}
			return err
		})
	}
	return t.write(func(w writer, p place) error {
		span := p.span(lower, upper)
		w.DeleteRange(span.Start, span.End)
		return nil
	})
}

func (p place) span(lower, upper []byte) kv.Span {
	all := kv.KeyspaceSpan(p.space)
	s := kv.Span{Start: append(all.Start, lower...), End: all.End}
	if upper != nil {
		s.End = append(kv.KeyspacePrefix(p.space), upper...)
	}
	return s
}

func countKeys(r kv.Reader, s kv.Span) (n int64, err error) {
	it := r.Iter(kv.IterOptions{Lower: s.Start, Upper: s.End, KeysOnly: true})
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	return n, it.Close()
}

// pop removes the first or last entry and returns it.
func (t *table[K, V]) pop(last bool) (k K, v V, ok bool, err error) {
	err = t.update(func(txn *kv.Txn, p place) error {
		it := txn.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(p.space)})
		defer it.Close()
		if ok = last && it.Last() || !last && it.First(); !ok {
			return it.Err()
		}
		if k, v, err = t.decode(it); err != nil {
			return txn.Fail(err)
		}
		txn.Delete(it.Key())
		p.count(txn, -1)
		return nil
	})
	return k, v, ok && err == nil, err
}

func (t *table[K, V]) decode(it kv.Iterator) (k K, v V, err error) {
	if k, err = t.kc.Decode(it.Key()[8:]); err == nil {
		v, err = t.vc.Decode(it.Value())
	}
	return k, v, err
}

// seek returns the entry to which move takes an iterator.
func (t *table[K, V]) seek(move func(it kv.Iterator, p place) (bool, error)) (k K, v V, ok bool, err error) {
	r, p, release, err := t.steady()
	if err != nil {
		return k, v, false, err
	}
	it := r.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(p.space)})
	ok, err = move(it, p)
	if ok && err == nil {
		k, v, err = t.decode(it)
	}
	err = errors.Join(t.fail(err), it.Close(), release())
	return k, v, ok && err == nil, err
}

func (t *table[K, V]) cursor() *Cursor[K, V] {
	return &Cursor[K, V]{scan: scan{s: &t.space}, key: t.kc.Decode, value: t.vc.Decode}
}

func (t *table[K, V]) keyCursor() *KeyCursor[K] {
	return &KeyCursor[K]{scan: scan{s: &t.space, keysOnly: true},
		decode: func(key, _ []byte) (K, error) { return t.kc.Decode(key) }}
}

func (t *table[K, V]) valueCursor() *KeyCursor[V] {
	return &KeyCursor[V]{scan: scan{s: &t.space}, decode: func(_, val []byte) (V, error) { return t.vc.Decode(val) }}
}
