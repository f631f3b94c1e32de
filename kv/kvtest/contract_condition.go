package kvtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
)

func conditionClauses() []clause {
	return []clause{
		{"Keys fail when the key was written since", conditionKeys},
		{"Spans fail when something was written, made or removed in them", conditionSpans},
		{"Equal compares with the newest content", conditionEqual},
		{"an empty value is not an absent key", conditionEmptyValue},
		{"conditions on merged keys see the merge", conditionMerge},
		{"a batch without operations can have conditions", conditionAlone},
		{"a state too old to judge is ErrTooOld, never a wrong yes", conditionTooOld},
		{"compare-and-swap creates, updates and deletes", compareAndSwap},
		{"fetch-and-update gives the value before and after", fetchAndUpdate},
		{"the function of fetch-and-update may keep and change what it is given", fetchAndUpdateInPlace},
	}
}

// conflicts applies a batch under conditions and reports whether they failed.
func (s *subject) conflicts(c kv.Conditions) bool {
	s.t.Helper()
	_, err := s.try(kv.WriteOptions{If: &c, Durability: kv.Process}, func(*kv.Batch) {})
	if err == nil {
		return false
	}
	s.remembers(err)
	s.is(err, kv.ErrConflict)
	var conflict *kv.ConflictError
	s.that(errors.As(err, &conflict), "the error is a *ConflictError: %v", err)
	s.that(kv.Retryable(err), "a conflict can be tried again")
	return true
}

func conditionKeys(s *subject) {
	type change struct {
		what string
		do   func(*kv.Batch)
		hits string
	}
	for _, c := range []change{
		{"put", func(b *kv.Batch) { b.Put([]byte("b"), nil) }, "b"},
		{"delete", func(b *kv.Batch) { b.Delete([]byte("b")) }, "b"},
		{"merge", func(b *kv.Batch) { b.Merge(mergeAppend, []byte("b"), nil) }, "b"},
		{"delete of an absent key", func(b *kv.Batch) { b.Delete([]byte("x")) }, "x"},
		{"range delete", func(b *kv.Batch) { b.DeleteRange([]byte("b"), []byte("c")) }, "b"},
		{"the empty key", func(b *kv.Batch) { b.Put(nil, nil) }, ""},
		{"nothing", func(*kv.Batch) {}, "none"},
	} {
		s.put("a", "1", "b", "1", "c", "1")
		snap := s.snapshot()
		s.apply(c.do)
		for _, key := range []string{"", "a", "b", "b\x00", "c", "x"} {
			got := s.conflicts(kv.Conditions{At: snap.Seq(), Keys: [][]byte{[]byte("zz"), []byte(key)}})
			inRange := c.what == "range delete" && key == "b\x00"
			s.that(got == (key == c.hits || inRange), "after %s a condition on %q fails: %v", c.what, key, got)
		}
		s.ok(snap.Close())
	}
}

func conditionSpans(s *subject) {
	s.put("b", "1", "d", "1")
	for _, c := range []struct {
		start, end string
		do         func(*kv.Batch)
		conflict   bool
	}{
		{"b", "c", func(b *kv.Batch) { b.Put([]byte("b"), nil) }, true},
		{"a", "b", func(b *kv.Batch) { b.Put([]byte("b"), nil) }, false},
		{"a", "b\x00", func(b *kv.Batch) { b.Put([]byte("b"), nil) }, true},
		{"b\x00", "d", func(b *kv.Batch) { b.Put([]byte("b"), nil) }, false},
		{"b\x00", "d", func(b *kv.Batch) { b.Put([]byte("c"), nil) }, true}, // a phantom
		{"b\x00", "d", func(b *kv.Batch) { b.Put([]byte("d"), nil) }, false},
		{"d", "", func(b *kv.Batch) { b.Put([]byte("z"), nil) }, true},
		{"", "a", func(b *kv.Batch) { b.Put(nil, nil) }, true},
		{"", "", func(b *kv.Batch) { b.Put([]byte("q"), nil) }, true},
		{"", "", func(*kv.Batch) {}, false},
		{"x", "y", func(b *kv.Batch) { b.Delete([]byte("x")) }, true},
		{"c", "e", func(b *kv.Batch) { b.Merge(mergeAppend, []byte("d"), nil) }, true},
		{"c", "e", func(b *kv.Batch) { b.DeleteRange([]byte("a"), []byte("c")) }, false},
		{"c", "e", func(b *kv.Batch) { b.DeleteRange([]byte("a"), []byte("c\x00")) }, true},
		{"c", "e", func(b *kv.Batch) { b.DeleteRange([]byte("e"), nil) }, false},
		{"c", "e", func(b *kv.Batch) { b.DeleteRange(nil, nil) }, true},
		{"e", "c", func(b *kv.Batch) { b.Put([]byte("d"), nil) }, false},
		{"d", "d", func(b *kv.Batch) { b.Put([]byte("d"), nil) }, false},
	} {
		span := kv.Span{Start: []byte(c.start), End: []byte(c.end)}
		if c.end == "" {
			span.End = nil
		}
		snap := s.snapshot()
		s.apply(c.do)
		got := s.conflicts(kv.Conditions{At: snap.Seq(), Spans: []kv.Span{span}})
		s.that(got == c.conflict, "condition on %q…%q fails: %v, want %v", c.start, c.end, got, c.conflict)
		s.ok(snap.Close())
		s.put("b", "1", "d", "1")
	}
}

func conditionEqual(s *subject) {
	s.put("a", "1", "b", "2")
	equal := func(list ...kv.KV) error {
		_, err := s.try(kv.WriteOptions{If: &kv.Conditions{Equal: list}, Durability: kv.Process}, func(*kv.Batch) {})
		return err
	}
	kvOf := func(key, val string) kv.KV {
		return kv.KV{Key: []byte(key), Value: []byte(val), Absent: val == absent}
	}
	s.ok(equal(kvOf("a", "1"), kvOf("b", "2"), kvOf("c", absent)))
	for _, c := range []struct{ key, expected, actual string }{
		{"a", "2", "1"}, {"a", absent, "1"}, {"c", "1", absent}, {"c", "", absent}, {"a", "", "1"}, {"a", "11", "1"},
	} {
		var conflict *kv.ConflictError
		err := equal(kvOf("b", "2"), kvOf(c.key, c.expected))
		s.that(errors.As(err, &conflict) && errors.Is(err, kv.ErrConflict), "%q = %s is a conflict: %v", c.key, c.expected, err)
		s.that(string(conflict.Key) == c.key && conflict.Expected, "it names the key: %+v", conflict)
		s.that(string(conflict.Actual.Key) == c.key && conflict.Actual.Absent == (c.actual == absent) &&
			(conflict.Actual.Absent || string(conflict.Actual.Value) == c.actual), "it tells what is there: %+v", conflict.Actual)
	}
}

func conditionEmptyValue(s *subject) {
	ctx := context.Background()
	s.put("k", "")
	swapped, actual, err := kv.CompareAndSwap(ctx, s.store, []byte("k"), kv.KV{Absent: true}, kv.KV{Value: []byte("x")}, kv.WriteOptions{})
	s.ok(err)
	s.that(!swapped && !actual.Absent && len(actual.Value) == 0, "an empty value is not absence: %+v", actual)
	swapped, _, err = kv.CompareAndSwap(ctx, s.store, []byte("k"), kv.KV{}, kv.KV{Value: []byte("x")}, kv.WriteOptions{})
	s.that(swapped && err == nil, "nil and empty values are the same: %v", err)
	s.wants(s.store, "k", "x")
}

func conditionMerge(s *subject) {
	s.put("k", "a")
	s.merge(mergeAppend, "k", []byte("b"))
	ok := func(val string) bool {
		return !s.conflicts(kv.Conditions{Equal: []kv.KV{{Key: []byte("k"), Value: []byte(val)}}})
	}
	s.that(ok("ab") && !ok("a") && !ok("b"), "the merged value is compared")
}

func conditionAlone(s *subject) {
	s.put("a", "1")
	snap := s.snapshot()
	defer snap.Close()
	s.that(!s.conflicts(kv.Conditions{At: snap.Seq(), Keys: [][]byte{[]byte("a")}, Spans: []kv.Span{{}}}), "nothing was written")
	s.put("a", "1")
	s.that(s.conflicts(kv.Conditions{At: snap.Seq(), Keys: [][]byte{[]byte("a")}}), "the same value written again is a write")
}

func conditionTooOld(s *subject) {
	snap := s.snapshot()
	old := snap.Seq()
	s.ok(snap.Close()) // from here on nothing must be remembered
	for i := range 300 {
		s.put(fmt.Sprint("key", i), "v")
	}
	for _, c := range []kv.Conditions{
		{At: old, Keys: [][]byte{[]byte("key7")}},
		{At: old, Spans: []kv.Span{{Start: []byte("key"), End: []byte("kez")}}},
		{At: 0, Spans: []kv.Span{{}}},
	} {
		_, err := s.try(kv.WriteOptions{If: &c}, func(b *kv.Batch) { b.Put([]byte("wrong"), nil) })
		s.that(kv.Retryable(err), "a write that refers to a state long gone is refused: %v", err)
		s.wants(s.store, "wrong", absent)
	}
}

func compareAndSwap(s *subject) {
	ctx, key := context.Background(), []byte("k")
	for _, c := range []struct{ old, next, left string }{
		{"1", "2", absent}, {absent, "1", "1"}, {absent, "2", "1"}, {"2", "3", "1"}, {"1", "2", "2"}, {"1", absent, "2"},
		{"2", absent, absent}, {absent, absent, absent}, {absent, "", ""}, {"", "4", "4"},
	} {
		before := s.value(s.store, "k")
		swapped, actual, err := kv.CompareAndSwap(ctx, s.store, key,
			kv.KV{Value: []byte(c.old), Absent: c.old == absent}, kv.KV{Value: []byte(c.next), Absent: c.next == absent}, kv.WriteOptions{Durability: kv.Process})
		s.ok(err)
		s.that(swapped == (before == c.old), "from %q to %q when there is %q: %v", c.old, c.next, before, swapped)
		if !swapped {
			s.that(actual.Absent == (before == absent) && (actual.Absent || string(actual.Value) == before), "the actual value is %+v", actual)
		}
		s.wants(s.store, "k", c.left)
	}
}

func fetchAndUpdate(s *subject) {
	ctx, opt := context.Background(), kv.WriteOptions{Durability: kv.Process}
	step := func(old []byte, ok bool) ([]byte, bool) {
		if !ok {
			return []byte("1"), true
		}
		return append(old, '+'), len(old) < 3
	}
	for _, c := range []struct{ before, after string }{{absent, "1"}, {"1", "1+"}, {"1+", "1++"}, {"1++", absent}, {absent, "1"}} {
		old, next, err := kv.FetchAndUpdate(ctx, s.store, []byte("k"), opt, step)
		s.ok(err)
		s.that(old.Absent == (c.before == absent) && (old.Absent || string(old.Value) == c.before), "before it was %+v, want %s", old, c.before)
		s.that(next.Absent == (c.after == absent) && (next.Absent || string(next.Value) == c.after), "after it is %+v, want %s", next, c.after)
		s.wants(s.store, "k", c.after)
	}
}

func fetchAndUpdateInPlace(s *subject) {
	s.put("k", "a")
	calls := 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	old, next, err := kv.FetchAndUpdate(ctx, s.store, []byte("k"), kv.WriteOptions{}, func(old []byte, _ bool) ([]byte, bool) {
		if calls++; calls > 3 {
			cancel() // it would go on for ever
		}
		old[0]++
		return old, true
	})
	s.ok(err)
	s.that(calls == 1 && string(old.Value) == "a" && string(next.Value) == "b", "one call makes b of a: %d calls, %s, %s", calls, old.Value, next.Value)
	s.wants(s.store, "k", "b")
}
