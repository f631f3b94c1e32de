package kvtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/varvedb/varve/kv"
)

func importClauses() []clause {
	return []clause{
		{"an import is one write over what was there", importOver},
		{"what is written after an import is over it", importUnder},
		{"an import that fails leaves nothing", importFails},
		{"an import is there after reopening", importReopened},
		{"an import without entries changes nothing", importEmpty},
		{"conditions see an import", importConflicts},
		{"feeds go on after an import, or end before it", importFeeds},
		{"an import beside writers has its place among them", importBeside},
	}
}

// source returns what Import reads: keys and values in turn, and then err.
func source(err error, keyVals ...string) func() (key, val []byte, err error) {
	return func() ([]byte, []byte, error) {
		if len(keyVals) == 0 {
			return nil, nil, err
		}
		key, val := keyVals[0], keyVals[1]
		keyVals = keyVals[2:]
		return []byte(key), []byte(val), nil
	}
}

// importer returns the store; the test is skipped if it cannot.
func (s *subject) importer() kv.Importer {
	s.t.Helper()
	in, ok := s.store.(kv.Importer)
	if !ok || !s.store.Features().Importer {
		s.t.Skip("the store imports nothing")
	}
	return in
}

func (s *subject) imports(keyVals ...string) kv.Seq {
	s.t.Helper()
	seq, err := s.importer().Import(s.t.Context(), source(io.EOF, keyVals...))
	s.ok(err)
	return seq
}

func importOver(s *subject) {
	s.put("a", "old")
	s.put("b", "old")
	s.put("z", "old")
	s.apply(func(b *kv.Batch) { b.DeleteRange([]byte("b"), []byte("y")) })
	before := s.snapshot()
	it := s.store.Iter(kv.IterOptions{})
	s.that(it.First(), "there is a first key")
	seq := s.imports("a", "new", "b", "new", "x", "new")
	s.that(seq > before.Seq(), "number %d after %d", seq, before.Seq())
	s.holds(s.store, "a", "new", "b", "new", "x", "new", "z", "old")
	s.holds(before, "a", "old", "z", "old")
	s.that(it.Next() && string(it.Key()) == "z", "the iterator stands: at %q", it.Key())
	s.ok(it.Close())
	s.ok(before.Close())
	if c, ok := s.store.(kv.Compactor); ok {
		s.ok(c.Compact(s.t.Context(), kv.Span{}, nil))
	}
	s.holds(s.store, "a", "new", "b", "new", "x", "new", "z", "old")
	s.ok(verifyAll(s.store))
}

func importUnder(s *subject) {
	first := s.imports("a", "1", "b", "1", "c", "1", "d", "1")
	snap := s.snapshot()
	second := s.imports("b", "2", "c", "2")
	s.that(second > first && snap.Seq() >= first, "numbers rise: %d, %d, %d", first, snap.Seq(), second)
	s.put("b", "3")
	s.apply(func(b *kv.Batch) { b.DeleteRange([]byte("c"), []byte("d")) })
	s.apply(func(b *kv.Batch) { b.Delete([]byte("a")) })
	s.holds(s.store, "b", "3", "d", "1")
	s.holds(snap, "a", "1", "b", "1", "c", "1", "d", "1")
	s.ok(snap.Close())
}

func importFails(s *subject) {
	s.put("a", "old")
	in := s.importer()
	stop := errors.New("stop")
	_, err := in.Import(s.t.Context(), source(stop, "a", "new", "b", "new"))
	s.is(err, stop)
	for _, keyVals := range [][]string{{"b", "1", "a", "2"}, {"b", "1", "b", "2"}} {
		_, err = in.Import(s.t.Context(), source(io.EOF, keyVals...))
		s.that(err != nil, "%q is not in order", keyVals)
	}
	_, err = in.Import(s.t.Context(), source(io.EOF, string(make([]byte, kv.MaxKey+1)), ""))
	s.is(err, kv.ErrTooLarge)
	ended, cancel := context.WithCancel(s.t.Context())
	cancel()
	_, err = in.Import(ended, source(io.EOF, "b", "1"))
	s.is(err, context.Canceled)
	s.holds(s.store, "a", "old")
	s.put("c", "1")
	s.holds(s.store, "a", "old", "c", "1")
}

func importReopened(s *subject) {
	s.needsFiles()
	s.put("b", "old")
	s.imports("a", "1", "b", "1", "d", "1")
	s.put("d", "2")
	s.reopen()
	s.holds(s.store, "a", "1", "b", "1", "d", "2")
	s.ok(verifyAll(s.store))
	s.put("a", "3")
	s.holds(s.store, "a", "3", "b", "1", "d", "2")
}

func importEmpty(s *subject) {
	s.put("a", "1")
	s.imports()
	s.holds(s.store, "a", "1")
}

func importConflicts(s *subject) {
	s.importer()
	s.put("b", "1")
	tx, err := kv.Begin(s.t.Context(), s.store)
	s.ok(err)
	_, _, err = tx.Get([]byte("b"), nil)
	s.ok(err)
	tx.Put([]byte("copy"), nil)
	s.imports("a", "2", "b", "2")
	s.is(s.commit(tx), kv.ErrConflict)
	s.holds(s.store, "a", "2", "b", "2")
}

func importFeeds(s *subject) {
	s.importer()
	behind := s.watch(0)
	first := s.durably(func(b *kv.Batch) { b.Put([]byte("a"), []byte("1")) })
	s.tells(behind, first, "a=1")
	seq := s.imports("b", "1")
	after := s.watch(seq)
	last := s.durably(func(b *kv.Batch) { b.Put([]byte("c"), []byte("1")) })
	s.tells(after, last, "c=1")
	c, err := behind.Next(s.t.Context())
	s.that(errors.Is(err, kv.ErrCompacted) || err == nil && c.Seq == seq && changeText(c) == "b=1",
		"a feed that is behind tells the import or ends: %v, %v", changeText(c), err)
}

// Writers and imports write the same keys; the highest number counts.
func importBeside(s *subject) {
	in := s.importer()
	const keys, rounds = 20, 15
	var bad errorList
	var mu sync.Mutex
	newest, want := map[string]kv.Seq{}, map[string]string{}
	note := func(seq kv.Seq, key, val string) {
		mu.Lock()
		defer mu.Unlock()
		if seq > newest[key] {
			newest[key], want[key] = seq, val
		}
	}
	var all sync.WaitGroup
	for w := range 2 {
		all.Go(func() {
			for i := range 10 * rounds {
				key, val := fmt.Sprintf("k%02d", (i*7+w)%keys), fmt.Sprint("writer ", w, i)
				var b kv.Batch
				b.Put([]byte(key), []byte(val))
				seq, err := s.store.Apply(context.Background(), &b, kv.WriteOptions{})
				bad.add(err)
				note(seq, key, val)
			}
		})
	}
	all.Go(func() {
		for i := range rounds {
			var keyVals []string
			for k := i % 3; k < keys; k += 2 {
				keyVals = append(keyVals, fmt.Sprintf("k%02d", k), fmt.Sprint("import ", i))
			}
			seq, err := in.Import(context.Background(), source(io.EOF, keyVals...))
			bad.add(err)
			for k := 0; k < len(keyVals); k += 2 {
				note(seq, keyVals[k], keyVals[k+1])
			}
		}
	})
	all.Wait()
	s.ok(bad.join())
	for key, val := range want {
		got, _, err := s.store.Get([]byte(key), nil)
		s.ok(err)
		s.that(string(got) == val, "%s holds %q, want %q", key, got, val)
	}
	s.ok(verifyAll(s.store))
}
