package kvtest

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/varvedb/varve/kv"
)

func basicClauses() []clause {
	return []clause{
		{"a key is absent until it is put and after it is deleted", putAndDelete},
		{"deleting what is absent is no error", deleteAbsent},
		{"the empty key and the empty value are like others", emptyKeyAndValue},
		{"keys are ordered by their bytes", bytesOrder},
		{"Get appends to dst[:0]", getAppends},
		{"what Get returned belongs to the caller", callerOwnsValue},
		{"MultiGet answers in the order asked", multiGetOrder},
		{"an error of the function given to MultiGet ends it", multiGetError},
		{"the store keeps no slice of the caller", storeKeepsNothing},
		{"a range delete removes what lies in the range", deleteRangeBounds},
		{"a range delete reaches across keyspaces", deleteRangeAcross},
		{"a key at the limit is stored and one over it refused", keyLimit},
		{"a large value is stored", largeValue},
		{"limits are those of the module", limits},
	}
}

func putAndDelete(s *subject) {
	s.wants(s.store, "k", absent)
	s.holds(s.store)
	s.put("k", "one")
	s.put("l", "other")
	s.holds(s.store, "k", "one", "l", "other")
	s.put("k", "two")
	s.wants(s.store, "k", "two")
	s.del("k")
	s.holds(s.store, "l", "other")
	s.put("k", "three")
	s.holds(s.store, "k", "three", "l", "other")
}

func deleteAbsent(s *subject) {
	before := s.del("k")
	s.that(s.del("k") > before, "a delete that removes nothing has a sequence number of its own")
	s.holds(s.store)
}

func emptyKeyAndValue(s *subject) {
	s.put("", "of the empty key", "k", "", "\x00", "")
	s.holds(s.store, "", "of the empty key", "\x00", "", "k", "")
	it := s.store.Iter(kv.IterOptions{})
	defer it.Close()
	s.that(it.First() && it.Key() != nil, "Key is not nil at the empty key")
	s.that(it.SeekLE(nil) && len(it.Key()) == 0, "SeekLE finds the empty key")
	s.that(!it.SeekLT(nil), "nothing is below the empty key")
	s.del("")
	s.holds(s.store, "\x00", "", "k", "")
}

func bytesOrder(s *subject) {
	c := newContent()
	for _, key := range append(trickyKeys(), "B", "a", "aa", "ä", "Z") {
		s.put(key, "v"+key)
		c.set(key, "v"+key)
	}
	s.ok(sameContent(s.store, c))
}

func getAppends(s *subject) {
	s.put("k", "value")
	dst := make([]byte, 3, 100)
	copy(dst, "old")
	val, ok, err := s.store.Get([]byte("k"), dst)
	s.ok(err)
	s.that(ok && string(val) == "value", "the value is %q", val)
	s.that(&val[0] == &dst[0], "room in dst is used")
	val, ok, err = s.store.Get([]byte("k"), make([]byte, 0, 2))
	s.that(ok && err == nil && string(val) == "value", "dst grows when it is too small: %q %v", val, err)
}

func callerOwnsValue(s *subject) {
	for _, val := range []string{"short", strings.Repeat("long", 5000)} {
		s.put("k", val)
		got, _, err := s.store.Get([]byte("k"), nil)
		s.ok(err)
		clear(got)
		s.wants(s.store, "k", val)
	}
}

func multiGetOrder(s *subject) {
	s.put("a", "1", "b", "2", "", "0")
	var got []string
	keys := [][]byte{[]byte("b"), []byte("x"), []byte("a"), []byte("b"), nil}
	s.ok(s.store.MultiGet(keys, func(i int, val []byte, ok bool) error {
		got = append(got, fmt.Sprintf("%d%s%v", i, val, ok))
		return nil
	}))
	s.that(strings.Join(got, " ") == "02true 1false 21true 32true 40true", "the answers are %v", got)
	s.ok(s.store.MultiGet(nil, func(int, []byte, bool) error { return errors.New("called for nothing") }))
}

func multiGetError(s *subject) {
	s.put("a", "1", "b", "2")
	stop, calls := errors.New("enough"), 0
	err := s.store.MultiGet([][]byte{[]byte("a"), []byte("b")}, func(int, []byte, bool) error {
		calls++
		return stop
	})
	s.is(err, stop)
	s.that(calls == 1, "the function was called once, not %d times", calls)
}

func storeKeepsNothing(s *subject) {
	key, val := []byte("key"), []byte("value")
	var b kv.Batch
	b.Put(key, val)
	clear(key)
	clear(val)
	_, err := s.store.Apply(s.t.Context(), &b, kv.WriteOptions{Durability: kv.Process})
	s.ok(err)
	clear(b.Encoding())
	s.holds(s.store, "key", "value")
	s.put("m", "n")
	lower, upper, prefix := []byte("k"), []byte("l"), []byte("ke")
	it := s.store.Iter(kv.IterOptions{Lower: lower, Upper: upper, Prefix: prefix})
	clear(lower)
	clear(upper)
	clear(prefix)
	saw, err := walk(it, []walkMove{{kind: moveFirst}, {kind: moveNext}, {kind: moveLast}}, false)
	s.ok(errors.Join(err, it.Close()))
	s.ok(sameSight("iterator whose bounds were overwritten", saw, "first: \"key\" = \"value\"\nnext: none\nlast: \"key\" = \"value\"\n"))
}

func deleteRangeBounds(s *subject) {
	for _, c := range []struct{ start, end, left string }{
		{"b", "d", "a d e"}, {"b", "d\x00", "a e"}, {"b", "b", "a b c d e"}, {"d", "b", "a b c d e"},
		{"", "c", "c d e"}, {"c", "(none)", "a b"}, {"", "(none)", ""}, {"a\x00", "b", "a b c d e"}, {"c", "", "a b c d e"},
	} {
		s.put("a", "", "b", "", "c", "", "d", "", "e", "")
		end := []byte(c.end)
		if c.end == "(none)" {
			end = nil
		}
		s.apply(func(b *kv.Batch) { b.DeleteRange([]byte(c.start), end) })
		var pairs []string
		for _, key := range strings.Fields(c.left) {
			pairs = append(pairs, key, "")
		}
		s.holds(s.store, pairs...)
		s.put("b", "again")
		s.wants(s.store, "b", "again")
	}
}

func deleteRangeAcross(s *subject) {
	key := func(id uint64, rest string) string { return string(kv.KeyspacePrefix(id)) + rest }
	for _, id := range []uint64{0, 1, 255, 256, math.MaxUint64} {
		s.put(key(id, "a"), "1", key(id, "b"), "2")
	}
	s.apply(func(b *kv.Batch) { b.DeleteRange([]byte(key(1, "b")), []byte(key(256, "b"))) })
	s.holds(s.store, key(0, "a"), "1", key(0, "b"), "2", key(1, "a"), "1",
		key(256, "b"), "2", key(math.MaxUint64, "a"), "1", key(math.MaxUint64, "b"), "2")
	span := kv.KeyspaceSpan(math.MaxUint64)
	s.apply(func(b *kv.Batch) { b.DeleteRange(span.Start, span.End) })
	s.holds(s.store, key(0, "a"), "1", key(0, "b"), "2", key(1, "a"), "1", key(256, "b"), "2")
}

func keyLimit(s *subject) {
	longest := strings.Repeat("k", kv.MaxKey)
	s.put(longest, "v", "other", "w")
	s.holds(s.store, longest, "v", "other", "w")
	seq := s.put("a", "1")
	for name, f := range map[string]func(*kv.Batch){
		"put":          func(b *kv.Batch) { b.Put([]byte(longest+"k"), nil) },
		"delete":       func(b *kv.Batch) { b.Delete([]byte(longest + "k")) },
		"merge":        func(b *kv.Batch) { b.Merge(kv.MergeMax, []byte(longest+"k"), nil) },
		"delete range": func(b *kv.Batch) { b.DeleteRange([]byte(longest+"kk"), nil) },
	} {
		_, err := s.try(kv.WriteOptions{}, func(b *kv.Batch) {
			b.Put([]byte("a"), []byte("2"))
			f(b)
			b.Delete([]byte("other"))
		})
		if !errors.Is(err, kv.ErrTooLarge) {
			s.t.Fatalf("%s of a key over the limit: %v", name, err)
		}
	}
	s.holds(s.store, longest, "v", "other", "w", "a", "1")
	s.that(s.put("b", "1") > seq, "the store goes on after a refused batch")
	s.apply(func(b *kv.Batch) { b.DeleteRange([]byte(longest), kv.After([]byte(longest))) })
	s.wants(s.store, longest, absent)
	over := []byte(longest + "k")
	_, ok, err := s.store.Get(over, nil)
	s.that(!ok && (err == nil || errors.Is(err, kv.ErrTooLarge)), "a key over the limit is absent: %v", err)
}

func largeValue(s *subject) {
	val := strings.Repeat("0123456789abcdef", 3<<20/16)
	s.put("k", val, "l", "small")
	s.holds(s.store, "k", val, "l", "small")
	if !s.e.Volatile {
		s.reopen()
		s.holds(s.store, "k", val, "l", "small")
	}
	over := make([]byte, kv.MaxValue+1) // costs nothing as long as nobody reads it
	_, err := s.try(kv.WriteOptions{}, func(b *kv.Batch) { b.Put([]byte("l"), over) })
	s.is(err, kv.ErrTooLarge)
	s.wants(s.store, "l", "small")
}

func limits(s *subject) {
	s.that(s.store.Limits() == kv.DefaultLimits(), "the limits are %+v", s.store.Limits())
}
