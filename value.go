package varve

import (
	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// Value is a single persistent value, which may be absent. Handles may be used
// concurrently, but for those that In has bound to a transaction. Its errors are
// those of Map.
type Value[T any] struct {
	space
	vc codec.Value[T]
}

// OpenValue opens the value of the given name, and makes it, absent, if there is
// none.
func OpenValue[T any](db *DB, name string, opts ...CollectionOption) (*Value[T], error) {
	vc, err := values[T](newConfig(opts))
	if err != nil {
		return nil, err
	}
	e, err := db.open(name, record{Kind: KindValue, Value: vc.Shape()})
	if err != nil {
		return nil, err
	}
	return &Value[T]{space{db: db, entry: e, dur: db.opt.Durability}, vc}, nil
}

// In returns the value inside a transaction.
func (v *Value[T]) In(tx *Tx) *Value[T] { return &Value[T]{v.in(tx), v.vc} }

// At returns the value as it was at a snapshot.
func (v *Value[T]) At(s *Snapshot) *Value[T] { return &Value[T]{v.at(s), v.vc} }

// Durable returns a handle whose writes have durability d.
func (v *Value[T]) Durable(d Durability) *Value[T] { return &Value[T]{v.durable(d), v.vc} }

// Attach opens, in db, the value whose stored handle v is.
func (v *Value[T]) Attach(db *DB, opts ...CollectionOption) error {
	return attach(v, db, OpenValue[T], opts)
}

// Get returns the value; ok is false if it is absent.
func (v *Value[T]) Get() (val T, ok bool, err error) {
	r, p, err := v.newest()
	if err != nil {
		return val, false, err
	}
	b, ok, err := r.Get(kv.KeyspacePrefix(p.space), nil)
	if err != nil || !ok {
		return val, false, err
	}
	val, err = v.vc.Decode(b)
	return val, err == nil, v.fail(err)
}

// Set sets the value.
func (v *Value[T]) Set(val T) error {
	b, err := v.vc.Append(nil, val)
	if err != nil {
		return v.fail(err)
	}
	return v.write(func(w writer, p place) error {
		w.Put(kv.KeyspacePrefix(p.space), b)
		return nil
	})
}

// SetIfAbsent sets the value if it is absent, and reports whether it did.
func (v *Value[T]) SetIfAbsent(val T) (set bool, err error) {
	err = v.Update(func(old T, ok bool) (T, bool) {
		if set = !ok; ok {
			return old, true
		}
		return val, true
	})
	return set && err == nil, err
}

// Swap sets the value and returns the one it replaced.
func (v *Value[T]) Swap(val T) (old T, had bool, err error) {
	err = v.Update(func(o T, ok bool) (T, bool) {
		old, had = o, ok
		return val, true
	})
	return old, had, err
}

// Update replaces the value by what f makes of it, atomically; old is the zero T
// if it is absent. If f returns false, the value is deleted. f may be called
// again if another write gets ahead.
func (v *Value[T]) Update(f func(old T, ok bool) (T, bool)) error {
	return v.update(func(t *kv.Txn, p place) error {
		key := kv.KeyspacePrefix(p.space)
		b, ok, err := t.Get(key, nil)
		if err != nil {
			return err
		}
		var old T
		if ok {
			if old, err = v.vc.Decode(b); err != nil {
				return t.Fail(err)
			}
		}
		next, stay := f(old, ok)
		if !stay {
			t.Delete(key)
			return nil
		}
		if b, err = v.vc.Append(nil, next); err == nil {
			t.Put(key, b)
		}
		return err
	})
}

// Delete makes the value absent.
func (v *Value[T]) Delete() error {
	return v.write(func(w writer, p place) error {
		w.Delete(kv.KeyspacePrefix(p.space))
		return nil
	})
}
