package kvtest

import (
	"fmt"
	"strings"

	"github.com/varvedb/varve/kv"
)

func txnRangeClauses() []clause {
	return []clause{
		{"a key that appears where an iterator looked is a conflict", phantoms},
		{"a walk that turns remembers all it passed", phantomsAfterTurn},
		{"a range that was found empty counts as read", phantomInNothing},
		{"an iterator left open at the commit counts as read", openIterAtCommit},
		{"bounds of the caller may change after Iter", phantomsAndBounds},
		{"scans of disjoint ranges do not conflict", disjointScans},
		{"keys shorter than the prefix of a keyspace are watched like others", phantomShortKey},
	}
}

// survives runs a transaction that walks and writes, with a write to key in
// between, and reports whether it commits.
func (s *subject) survives(opt walkOptions, moves []walkMove, key string, leaveOpen bool) bool {
	s.t.Helper()
	tx := s.begin()
	it := tx.Iter(opt.options())
	_, err := walk(it, moves, opt.keysOnly)
	s.ok(err)
	if !leaveOpen {
		s.ok(it.Close())
	}
	tx.Put([]byte("~result"), nil)
	s.put(key, "phantom")
	err = s.commit(tx)
	if err != nil {
		s.is(err, kv.ErrConflict)
	}
	s.restoreScene()
	return err == nil
}

// restoreScene makes the content the keys 10, 20, … 90.
func (s *subject) restoreScene() {
	s.apply(func(b *kv.Batch) {
		b.DeleteRange(nil, nil)
		for i := 10; i < 100; i += 10 {
			b.Put(fmt.Append(nil, i), nil)
		}
	})
}

func phantoms(s *subject) {
	s.restoreScene()
	for _, c := range []struct {
		moves []walkMove
		hits  string // keys whose appearance must be noticed
	}{
		{[]walkMove{{kind: moveFirst}}, "0 05 10"},
		{[]walkMove{{kind: moveLast}}, "90 91 99"},
		{[]walkMove{{kind: moveGE, key: "35"}}, "35 37 40"},
		{[]walkMove{{kind: moveLE, key: "35"}}, "30 32 35"},
		{[]walkMove{{kind: moveLT, key: "40"}}, "30 32 35"},
		{[]walkMove{{kind: moveGE, key: "35"}, {kind: moveNext}}, "35 40 45 50"},
		{[]walkMove{{kind: moveLE, key: "35"}, {kind: movePrev}}, "20 25 30 35"},
		{[]walkMove{{kind: moveGE, key: "85"}, {kind: moveNext}, {kind: moveNext}}, "85 90 95 99"},
		{[]walkMove{{kind: moveLE, key: "15"}, {kind: movePrev}, {kind: movePrev}}, "0 05 10 15"},
		{[]walkMove{{kind: moveGE, key: "35"}, {kind: moveGE, key: "75"}}, "35 40 75 80"},
		{[]walkMove{{kind: moveGE, key: "95"}}, "95 99"},
		{[]walkMove{{kind: moveLT, key: "10"}}, "0 05"},
		{[]walkMove{{kind: moveGE, key: "38"}, {kind: moveNextPrefix, n: 1}}, "38 40 50"},
	} {
		s.mustNotice(walkOptions{}, c.moves, c.hits)
	}
}

// mustNotice checks that a transaction with the walk fails for each key given.
func (s *subject) mustNotice(opt walkOptions, moves []walkMove, keys string) {
	s.t.Helper()
	for _, key := range strings.Fields(keys) {
		for _, open := range []bool{false, true} {
			if s.survives(opt, moves, key, open) {
				s.t.Fatalf("a transaction walked %v %v and committed although %q was written meanwhile (iterator left open: %v)", opt, moves, key, open)
			}
		}
	}
}

// phantomsAfterTurn: turning back must not forget what was passed.
func phantomsAfterTurn(s *subject) {
	s.restoreScene()
	next, prev := walkMove{kind: moveNext}, walkMove{kind: movePrev}
	s.mustNotice(walkOptions{}, []walkMove{{kind: moveGE, key: "35"}, next, prev}, "35 37 40 45 50")
	s.mustNotice(walkOptions{}, []walkMove{{kind: moveGE, key: "35"}, next, next, prev, prev, prev}, "30 33 35 45 55 60")
	s.mustNotice(walkOptions{}, []walkMove{{kind: moveLast}, prev, next}, "80 85 90 95")
	s.mustNotice(walkOptions{}, []walkMove{{kind: moveLE, key: "35"}, prev, prev, next}, "10 15 25 30 32 35")
	s.mustNotice(walkOptions{}, []walkMove{{kind: moveFirst}, next, prev}, "0 05 10 15 20")
}

func phantomInNothing(s *subject) {
	s.restoreScene()
	between := walkOptions{lower: "31", upper: "39", bounded: [3]bool{true, true}}
	for _, moves := range [][]walkMove{{{kind: moveFirst}}, {{kind: moveLast}}, {{kind: moveGE, key: "31"}}, {{kind: moveLE, key: "38"}}, {{kind: moveLT, key: "99"}}} {
		s.mustNotice(between, moves, "31 35 38")
		s.that(s.survives(between, moves, "30", false) && s.survives(between, moves, "39", false), "keys beside the bounds do not matter to %v", moves)
	}
	prefix := walkOptions{prefix: "no", bounded: [3]bool{false, false, true}}
	s.mustNotice(prefix, []walkMove{{kind: moveFirst}}, "no nothing no\xff\xff")
	s.that(s.survives(prefix, []walkMove{{kind: moveFirst}}, "np", false), "a key with another prefix does not matter")
	s.apply(func(b *kv.Batch) { b.DeleteRange(nil, nil) })
	tx := s.begin()
	it := tx.Iter(kv.IterOptions{})
	s.that(!it.First(), "there is nothing")
	tx.Put([]byte("~result"), nil)
	s.put("x", "")
	s.is(s.commit(tx), kv.ErrConflict)
}

func openIterAtCommit(s *subject) {
	s.restoreScene()
	tx := s.begin()
	var its []kv.Iterator
	for i := range 5 {
		it := tx.Iter(kv.IterOptions{})
		s.that(it.SeekGE(fmt.Append(nil, 15+10*i)), "there is a key")
		its = append(its, it)
	}
	s.ok(its[1].Close())
	s.ok(its[0].Close())
	tx.Put([]byte("~result"), nil)
	s.put("37", "")
	s.is(s.commit(tx), kv.ErrConflict)
	never := s.begin() // an iterator that never moved has read nothing
	never.Iter(kv.IterOptions{})
	never.Put([]byte("~result"), nil)
	s.put("38", "")
	s.ok(s.commit(never))
}

func phantomsAndBounds(s *subject) {
	s.restoreScene()
	tx := s.begin()
	tx.Put([]byte("~result"), nil)
	lower, upper := []byte("31"), []byte("59")
	it := tx.Iter(kv.IterOptions{Lower: lower, Upper: upper})
	copy(lower, "98")
	copy(upper, "99")
	saw, err := walk(it, []walkMove{{kind: moveFirst}, {kind: moveNext}, {kind: moveNext}}, false)
	s.ok(err)
	s.ok(sameSight("walk", saw, "first: \"40\" = \"\"\nnext: \"50\" = \"\"\nnext: none\n"))
	s.put("35", "phantom")
	s.is(s.commit(tx), kv.ErrConflict)
}

func disjointScans(s *subject) {
	s.restoreScene()
	scan := []walkMove{{kind: moveFirst}, {kind: moveNext}, {kind: moveNext}, {kind: moveNext}}
	bounds := walkOptions{lower: "25", upper: "45", bounded: [3]bool{true, true}}
	for _, key := range []string{"20", "24", "45", "50", ""} {
		s.that(s.survives(bounds, scan, key, false) && s.survives(bounds, scan, key, true), "a scan of 25…45 does not mind a write of %q", key)
	}
	for _, m := range []walkMove{{kind: moveGE, key: "1"}, {kind: moveGE, key: "99"}, {kind: moveLE, key: "99"}, {kind: moveLT, key: "1"}} {
		for _, key := range []string{"10", "60"} {
			s.that(s.survives(bounds, []walkMove{m}, key, false), "%v within bounds does not mind a write of %q outside", m, key)
		}
	}
	few := []walkMove{{kind: moveGE, key: "35"}, {kind: moveNext}}
	for _, key := range []string{"34", "30", "51", "60", "99"} {
		s.that(s.survives(walkOptions{}, few, key, false), "a walk from 35 to 50 does not mind a write of %q", key)
	}
}

// phantomShortKey: 01 lies below the keyspace 0x0100000000000000 and is inside
// the range that ends with its prefix.
func phantomShortKey(s *subject) {
	low, high := kv.KeyspacePrefix(1<<56-1), kv.KeyspacePrefix(1<<56)
	for _, id := range []uint64{1<<56 - 1, 1 << 56} {
		_, err := s.store.Keyspace(id, kv.KeyspaceOptions{})
		s.ok(err)
	}
	tx := s.begin()
	it := tx.Iter(kv.IterOptions{Lower: low, Upper: high})
	s.that(!it.First(), "there is nothing")
	tx.Put([]byte("~result"), nil)
	s.put("\x01", "")
	s.is(s.commit(tx), kv.ErrConflict)

	tx = s.begin()
	s.wants(tx, "\x01", "")
	tx.Put([]byte("~result"), nil)
	s.apply(func(b *kv.Batch) { b.DeleteRange(low, high) })
	s.wants(s.store, "\x01", absent)
	s.is(s.commit(tx), kv.ErrConflict)
}
