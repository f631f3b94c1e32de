package kv

import (
	"bytes"
	"context"
	"errors"
)

// CompareAndSwap replaces the value of key if it is what old says, and reports
// whether it did. old.Absent stands for no value, and so does next.Absent: so
// keys are created, updated and deleted. If the value is another one, that is
// returned.
func CompareAndSwap(ctx context.Context, store Store, key []byte, old, next KV, opt WriteOptions) (swapped bool, actual KV, err error) {
	var b Batch
	if next.Absent {
		b.Delete(key)
	} else {
		b.Put(key, next.Value)
	}
	opt.If = &Conditions{Equal: []KV{{Key: key, Value: old.Value, Absent: old.Absent}}}
	_, err = store.Apply(ctx, &b, opt)
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		return false, conflict.Actual, nil
	}
	return err == nil, KV{}, err
}

// FetchAndUpdate replaces the value of key by what f makes of it, atomically,
// and returns both. f is called again if the value was changed meanwhile; it
// returns false to delete the key. The slice given to f is f's to keep.
func FetchAndUpdate(ctx context.Context, store Store, key []byte, opt WriteOptions, f func(old []byte, ok bool) ([]byte, bool)) (old, next KV, err error) {
	old = KV{Key: key}
	var ok bool
	if old.Value, ok, err = store.Get(key, nil); err != nil {
		return old, next, err
	}
	for old.Absent = !ok; ; {
		val, keep := f(bytes.Clone(old.Value), !old.Absent)
		next = KV{Key: key, Value: val, Absent: !keep}
		swapped, actual, err := CompareAndSwap(ctx, store, key, old, next, opt)
		if err != nil || swapped {
			return old, next, err
		}
		if err := ctx.Err(); err != nil {
			return old, next, err
		}
		old = actual
	}
}
