package bwtree

import (
	"context"
	"errors"
	"testing"

	"github.com/varvedb/varve/kv"
)

// A writer stops between ordering a put and adding it. Another deletes the range
// around it and fills the leaf, so that its deltas are consolidated: the put comes
// late, and is deleted all the same.
func TestADeletedRangeStaysEmptyWhenAnEarlierPutComesLate(t *testing.T) {
	ctx := context.Background()
	for _, deltas := range []int{1, 2, 3} {
		s, err := Open(ctx, &Options{Deltas: deltas})
		if err != nil {
			t.Fatal(err)
		}
		var late, b kv.Batch
		late.Put([]byte("k"), []byte("late"))
		w := newWrite(&late, kv.Process, nil, nil)
		w.unlogged = true
		s.queue.push(w)
		b.DeleteRange([]byte("a"), []byte("z"))
		for i := range 4 {
			b.Put([]byte{'z', byte(i)}, nil)
		}
		if _, err := s.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Process}); err != nil {
			t.Fatal(err)
		}
		if val, ok, err := s.Get([]byte("k"), nil); ok || err != nil {
			t.Errorf("with %d deltas the key has the value %q, %v", deltas, val, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A deletion was forgotten, and a condition asks about the time before it. Somebody
// has added a later version of the key already, beside its turn: it tells nothing
// about what was forgotten.
func TestAConditionOlderThanAForgottenDeletionIsTooOldEvenBesideALaterPut(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, &Options{Deltas: 4})
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("k")
	apply := func(op func(b *kv.Batch)) kv.Seq {
		t.Helper()
		var b kv.Batch
		op(&b)
		seq, err := s.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Process})
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	at := apply(func(b *kv.Batch) { b.Put(key, []byte("old")) })
	apply(func(b *kv.Batch) { b.Delete(key) })
	if err := s.Compact(ctx, kv.Span{}, nil); err != nil {
		t.Fatal(err)
	}
	var b kv.Batch
	b.Put([]byte("other"), nil)
	w := newWrite(&b, kv.Process, &kv.Conditions{At: at, Keys: [][]byte{key}}, nil)
	w.unlogged = true
	s.queue.push(w)
	apply(func(b *kv.Batch) { b.Put(key, []byte("new")) })
	if out := w.outcome.Load(); out == nil || !errors.Is(out.err, kv.ErrTooOld) {
		t.Errorf("the outcome is %+v", out)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
