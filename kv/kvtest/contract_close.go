package kvtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/varvedb/varve/kv"
)

func closeClauses() []clause {
	return []clause{
		{"Close is idempotent", closeTwice},
		{"after Close everything is ErrClosed", closedStore},
		{"iterators and snapshots that are open end with ErrClosed", closedHandles},
		{"Close waits for running calls", closeWhileRunning},
	}
}

func closeTwice(s *subject) {
	s.put("k", "v")
	store := s.store
	s.close()
	s.ok(store.Close())
	s.ok(store.Close())
}

func closedStore(s *subject) {
	ctx := context.Background()
	s.put("k", "v")
	ks := s.keyspace(1)
	store := s.store
	s.close()
	var b kv.Batch
	b.Put([]byte("k"), nil)
	calls := map[string]func() error{
		"Get": func() error { _, _, err := store.Get([]byte("k"), nil); return err },
		"Has": func() error { _, err := store.Has([]byte("k")); return err },
		"MultiGet": func() error {
			return store.MultiGet([][]byte{[]byte("k")}, func(int, []byte, bool) error { return nil })
		},
		"Iter":     func() error { it := store.Iter(kv.IterOptions{}); it.First(); return it.Close() },
		"Snapshot": func() error { _, err := store.Snapshot(ctx); return err },
		"Apply":    func() error { _, err := store.Apply(ctx, &b, kv.WriteOptions{}); return err },
		"Keyspace": func() error { _, err := store.Keyspace(1, kv.KeyspaceOptions{}); return err },
		"Stats":    func() error { _, err := ks.Stats(ctx); return err },
		"Begin":    func() error { _, err := kv.Begin(ctx, store); return err },
		"Update":   func() error { return kv.Update(ctx, store, kv.WriteOptions{}, func(*kv.Txn) error { return nil }) },
	}
	optionalCalls(store, calls)
	for name, call := range calls {
		if err := call(); !errors.Is(err, kv.ErrClosed) {
			s.t.Errorf("%s after Close: %v", name, err)
		}
	}
	s.that(store.Limits() == kv.DefaultLimits(), "limits are told for ever")
	store.Features()
}

// optionalCalls adds the methods of optional interfaces that store has.
func optionalCalls(store kv.Store, calls map[string]func() error) {
	ctx, has := context.Background(), store.Features()
	if x, ok := store.(kv.Syncer); ok && has.Syncer {
		calls["Sync"] = func() error { return x.Sync(ctx) }
	}
	if x, ok := store.(kv.Flusher); ok && has.Flusher {
		calls["Flush"] = func() error { return x.Flush(ctx) }
	}
	if x, ok := store.(kv.Compactor); ok && has.Compactor {
		calls["Compact"] = func() error { return x.Compact(ctx, kv.Span{}, nil) }
	}
	if x, ok := store.(kv.Checkpointer); ok && has.Checkpointer {
		calls["Checkpoint"] = func() error { return x.Checkpoint(ctx, "never") }
	}
	if x, ok := store.(kv.Watcher); ok && has.Watcher {
		calls["Watch"] = func() error { _, err := x.Watch(0); return err }
	}
	if x, ok := store.(kv.Verifier); ok && has.Verifier {
		calls["Verify"] = func() error { return x.Verify(ctx, nil) }
	}
}

func closedHandles(s *subject) {
	s.put("a", "1", "b", "2")
	snap := s.snapshot()
	moved, fresh := s.store.Iter(kv.IterOptions{}), snap.Iter(kv.IterOptions{})
	s.that(moved.First(), "there is a key")
	tx := s.begin()
	store := s.store
	s.store = nil
	s.that(store.Close() != nil, "Close reports what is open")
	_, _, err := snap.Get([]byte("a"), nil)
	s.is(err, kv.ErrClosed)
	_, _, err = tx.Get([]byte("a"), nil)
	s.is(err, kv.ErrClosed)
	s.is(s.commitClosed(tx), kv.ErrClosed)
	for _, it := range []kv.Iterator{moved, fresh} {
		s.that(!it.First() && !it.Valid() && it.Key() == nil, "an iterator of a closed store finds nothing")
		s.is(it.Err(), kv.ErrClosed)
		s.is(it.Close(), kv.ErrClosed)
	}
	s.ok(snap.Close())
	s.ok(store.Close())
}

func (s *subject) commitClosed(tx *kv.Txn) error {
	tx.Put([]byte("k"), nil)
	return s.commit(tx)
}

func closeWhileRunning(s *subject) {
	store := s.store
	s.store = nil
	var workers sync.WaitGroup
	var bad errorList
	for i := range 4 {
		workers.Go(func() { bad.add(untilClosed(store, i)) })
	}
	time.Sleep(5 * time.Millisecond)
	for range 2 {
		workers.Go(func() {
			// What the workers have open at this moment is reported, rightly.
			store.Close()
			_, err := store.Snapshot(context.Background())
			bad.add(unless(err, kv.ErrClosed))
		})
	}
	workers.Wait()
	s.ok(bad.join())
	if !s.e.Volatile {
		s.open()
		_, err := snapshotContent(s.store)
		s.ok(err)
	}
}

// untilClosed uses a store until it is closed; anything but ErrClosed is an error.
func untilClosed(store kv.Store, worker int) error {
	ctx := context.Background()
	for n := byte(0); ; n++ {
		var b kv.Batch
		b.Put([]byte{byte(worker), n}, []byte{n})
		_, err := store.Apply(ctx, &b, kv.WriteOptions{Durability: kv.Durability(n % 3)})
		if err == nil {
			_, _, err = store.Get([]byte{byte(worker), n}, nil)
		}
		if err == nil {
			it := store.Iter(kv.IterOptions{})
			it.Last()
			err = it.Close()
		}
		if err != nil {
			return unless(err, kv.ErrClosed)
		}
	}
}

// unless returns nil if err is target, else an error.
func unless(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return errors.Join(err, errors.New("want "+target.Error()))
}

// errorList collects the errors of goroutines.
type errorList struct {
	mu   sync.Mutex
	list []error
}

func (l *errorList) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && len(l.list) < 5 {
		l.list = append(l.list, err)
	}
}

func (l *errorList) join() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.list...)
}
