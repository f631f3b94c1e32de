package kvtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// subject is the store of one test and the disk under it. When the test ends
// the store is verified and closed, which reports what was left open.
type subject struct {
	t     testing.TB
	e     Engine
	disk  *vfs.Mem
	env   Env
	store kv.Store // nil while closed
}

// newSubject returns an open store in a new directory of a new disk.
func newSubject(t testing.TB, e Engine, seed uint64) *subject {
	t.Helper()
	disk := vfs.NewMem()
	s := &subject{t: t, e: e, disk: disk,
		env: Env{FS: disk, Executor: vfs.Go(), Dir: "db", Seed: seed, Mergers: testMergers()}}
	t.Cleanup(s.finish)
	s.open()
	return s
}

// mergeAppend is a merge operator as programs bring their own: it appends.
const mergeAppend = kv.FirstUserMerger + 7

func testMergers() kv.Mergers {
	m, err := kv.NewMergers(kv.Merger{ID: mergeAppend, Merge: func(dst, value []byte, _ bool, operand []byte) ([]byte, error) {
		return append(append(dst[:0], value...), operand...), nil
	}})
	if err != nil {
		panic(err) // impossible: the id is a user's and there is one
	}
	return m
}

func (s *subject) open() {
	s.t.Helper()
	store, err := s.e.Open(context.Background(), s.env)
	if err != nil {
		s.t.Fatalf("open: %v", err)
	}
	s.store = store
}

// other opens a second store, closed at the end of the test at the latest.
func (s *subject) other(change func(*Env)) (kv.Store, error) {
	env := s.env
	change(&env)
	store, err := s.e.Open(context.Background(), env)
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { s.ok(store.Close()) })
	return store, nil
}

func (s *subject) close() {
	s.t.Helper()
	store := s.store
	s.store = nil
	s.ok(store.Close())
}

func (s *subject) reopen() {
	s.t.Helper()
	s.close()
	s.open()
}

func (s *subject) finish() {
	if s.store == nil {
		return
	}
	if !s.t.Failed() {
		s.ok(verifyAll(s.store))
	}
	if err := s.store.Close(); err != nil && !s.t.Failed() {
		s.t.Errorf("close: %v", err)
	}
}

// verifyAll runs the store's own check, if it has one.
func verifyAll(store kv.Store) error {
	v, ok := store.(kv.Verifier)
	if !ok || !store.Features().Verifier {
		return nil
	}
	return v.Verify(context.Background(), nil)
}

// ok fails the test if err is not nil.
func (s *subject) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// is fails the test unless err is target.
func (s *subject) is(err, target error) {
	s.t.Helper()
	if !errors.Is(err, target) {
		s.t.Fatalf("the error is %v, want %v", err, target)
	}
}

// that fails the test unless what is claimed is true.
func (s *subject) that(claim bool, format string, args ...any) {
	s.t.Helper()
	if !claim {
		s.t.Fatalf("it is not true that "+format, args...)
	}
}

// try applies the batch that f fills.
func (s *subject) try(opt kv.WriteOptions, f func(*kv.Batch)) (kv.Seq, error) {
	var b kv.Batch
	f(&b)
	return s.store.Apply(context.Background(), &b, opt)
}

// apply applies the batch that f fills, without a sync: most tests are not about
// durability.
func (s *subject) apply(f func(*kv.Batch)) kv.Seq {
	s.t.Helper()
	seq, err := s.try(kv.WriteOptions{Durability: kv.Process}, f)
	s.ok(err)
	return seq
}

// put puts keys and values, given in turn.
func (s *subject) put(pairs ...string) kv.Seq {
	s.t.Helper()
	return s.apply(func(b *kv.Batch) {
		for i := 0; i < len(pairs); i += 2 {
			b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
		}
	})
}

func (s *subject) del(key string) kv.Seq {
	s.t.Helper()
	return s.apply(func(b *kv.Batch) { b.Delete([]byte(key)) })
}

func (s *subject) merge(m kv.MergerID, key string, operand []byte) kv.Seq {
	s.t.Helper()
	return s.apply(func(b *kv.Batch) { b.Merge(m, []byte(key), operand) })
}

// absent is what value returns for a key that is not there.
const absent = "(absent)"

func (s *subject) value(r kv.Reader, key string) string {
	s.t.Helper()
	val, ok, err := r.Get([]byte(key), nil)
	s.ok(err)
	has, err := r.Has([]byte(key))
	s.ok(err)
	s.that(has == ok, "Has and Get agree on %q: %v and %v", key, has, ok)
	if !ok {
		return absent
	}
	return string(val)
}

// wants fails the test unless key has the value.
func (s *subject) wants(r kv.Reader, key, value string) {
	s.t.Helper()
	if got := s.value(r, key); got != value {
		s.t.Fatalf("key %q has value %s, want %s", key, short(got), short(value))
	}
}

// holds fails the test unless r has exactly the keys and values given in turn,
// by Get and by iterators in both directions.
func (s *subject) holds(r kv.Reader, pairs ...string) {
	s.t.Helper()
	want := newContent()
	for i := 0; i < len(pairs); i += 2 {
		want.set(pairs[i], pairs[i+1])
	}
	s.ok(sameContent(r, want))
	for key, value := range want.values {
		s.wants(r, key, value)
	}
}

func (s *subject) snapshot() kv.Snapshot {
	s.t.Helper()
	snap, err := s.store.Snapshot(context.Background())
	s.ok(err)
	return snap
}

func (s *subject) begin() *kv.Txn {
	s.t.Helper()
	tx, err := kv.Begin(context.Background(), s.store)
	s.ok(err)
	return tx
}

// commit commits tx and returns its error.
func (s *subject) commit(tx *kv.Txn) error {
	_, err := tx.Commit(context.Background(), kv.WriteOptions{Durability: kv.Process})
	s.remembers(err)
	return err
}

// remembers ends a test about conflicts if the options that were chosen at
// random keep too little history to tell one.
func (s *subject) remembers(err error) {
	if errors.Is(err, kv.ErrTooOld) && s.env.Seed != 0 {
		s.t.Skip("with these options the engine forgets at once: ", err)
	}
}

// needsFiles ends a test here if stores of the engine do not outlive their
// handle.
func (s *subject) needsFiles() {
	if s.e.Volatile {
		s.t.Skip("the engine has no files")
	}
}

// short prints a value so that a person can tell two apart.
func short[T string | []byte](v T) string {
	if len(v) <= 40 {
		return fmt.Sprintf("%q", string(v))
	}
	return fmt.Sprintf("%q… (%d bytes, sum %08x)", string(v[:16]), len(v), checksum(string(v)))
}
