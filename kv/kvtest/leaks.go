package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// RunLeaks checks that nothing leaks unnoticed: what is left open is reported by
// Close with the function that opened it, what is forgotten is released and
// logged, no goroutine outlives Close, and closed snapshots hold no memory.
func RunLeaks(t *testing.T, e Engine) {
	for _, c := range []clause{
		{"Close reports what was left open, and who opened it", leftOpen},
		{"Close reports nothing when all was closed", nothingLeft},
		{"what is forgotten is released and logged", forgotten},
		{"no goroutine outlives Close", goroutinesEnd},
		{"closed snapshots hold no memory", snapshotMemory},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&subject{t: t, e: e}) })
	}
}

// fresh opens a store of its own with a log; the test closes it.
func (s *subject) fresh(seed uint64, dir string) (store kv.Store, log *logText) {
	s.t.Helper()
	log = &logText{}
	if s.disk == nil {
		s.disk = vfs.NewMem()
	}
	store, err := s.e.Open(context.Background(), Env{FS: s.disk, Executor: vfs.Go(), Dir: dir, Seed: seed,
		Mergers: testMergers(), Logger: slog.New(slog.NewTextHandler(log, nil))})
	s.ok(err)
	return store, log
}

// logText is what was logged. It may be written to by any goroutine.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) has(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, part := range parts {
		if !strings.Contains(l.text.String(), part) {
			return false
		}
	}
	return true
}

func applyPut(store kv.Store, key string, value []byte) error {
	var b kv.Batch
	b.Put([]byte(key), value)
	_, err := store.Apply(context.Background(), &b, kv.WriteOptions{Durability: kv.Process})
	return err
}

// The functions that leave something open must not be inlined: their names are
// what the reports are searched for.

//go:noinline
func leaveSnapshotOpen(store kv.Store) (kv.Snapshot, error) {
	return store.Snapshot(context.Background())
}

//go:noinline
func leaveIteratorOpen(r kv.Reader) kv.Iterator {
	it := r.Iter(kv.IterOptions{})
	it.First()
	return it
}

//go:noinline
func leaveTransactionOpen(store kv.Store) (*kv.Txn, error) {
	return kv.Begin(context.Background(), store)
}

func leftOpen(s *subject) {
	for _, c := range []struct {
		opener, kind string
		leave        func(kv.Store) (any, error)
	}{
		{"leaveSnapshotOpen", "snapshot", func(store kv.Store) (any, error) { return leaveSnapshotOpen(store) }},
		{"leaveIteratorOpen", "iterator", func(store kv.Store) (any, error) { return leaveIteratorOpen(store), nil }},
		{"leaveTransactionOpen", "snapshot", func(store kv.Store) (any, error) { return leaveTransactionOpen(store) }},
	} {
		store, _ := s.fresh(0, c.opener)
		s.ok(applyPut(store, "k", []byte("v")))
		left, err := c.leave(store)
		s.ok(err)
		err = store.Close()
		s.that(err != nil, "Close reports an open %s", c.kind)
		s.that(strings.Contains(err.Error(), c.opener) && strings.Contains(err.Error(), c.kind), "the report names %s and who opened it, %s: %v", c.kind, c.opener, err)
		s.ok(store.Close())
		runtime.KeepAlive(left)
	}
	if s.e.Volatile {
		return
	}
	store, _ := s.fresh(0, "leaveSnapshotOpen")
	val, ok, err := store.Get([]byte("k"), nil)
	s.that(ok && err == nil && string(val) == "v", "the store was closed well all the same: %q %v", val, err)
	s.ok(store.Close())
}

func nothingLeft(s *subject) {
	store, log := s.fresh(0, "db")
	s.ok(applyPut(store, "k", []byte("v")))
	for range 20 {
		snap, err := store.Snapshot(context.Background())
		s.ok(err)
		it := leaveIteratorOpen(snap)
		s.ok(snap.Close())
		s.ok(it.Close())
		s.ok(kv.Update(context.Background(), store, kv.WriteOptions{}, func(tx *kv.Txn) error {
			leaveIteratorOpen(tx)
			leaveIteratorOpen(tx)
			tx.Put([]byte("k"), []byte("w"))
			return nil
		}))
	}
	s.ok(store.Close())
	s.that(!log.has("not closed"), "nothing was logged")
}

func forgotten(s *subject) {
	store, log := s.fresh(0, "db")
	s.ok(applyPut(store, "k", []byte("v")))
	forget(s, store)
	s.eventually("a forgotten snapshot and a forgotten iterator are logged with who opened them", func() bool {
		return log.has("leaveSnapshotOpen", "leaveIteratorOpen", "snapshot", "iterator")
	})
	if m, ok := store.(interface{ Metrics() kv.Metrics }); ok {
		s.eventually("they do not count as open", func() bool { return m.Metrics().OpenSnapshots+m.Metrics().OpenIterators == 0 })
	}
	s.ok(store.Close())
}

//go:noinline
func forget(s *subject, store kv.Store) {
	snap, err := leaveSnapshotOpen(store)
	s.ok(err)
	s.that(snap.Seq() > 0, "the snapshot is open")
	leaveIteratorOpen(snap)
	leaveIteratorOpen(store)
}

// eventually collects garbage until the claim holds.
func (s *subject) eventually(claim string, holds func() bool) {
	s.t.Helper()
	for range 200 {
		runtime.GC()
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("it does not come true that %s", claim)
}

func goroutinesEnd(s *subject) {
	before := runtime.NumGoroutine()
	for seed := range uint64(4) {
		store, _ := s.fresh(seed, fmt.Sprint("db", seed))
		var workers sync.WaitGroup
		var bad errorList
		for i := range 4 {
			workers.Go(func() {
				for n := range 50 {
					bad.add(applyPut(store, fmt.Sprint(i, n), make([]byte, 500)))
				}
			})
		}
		workers.Wait()
		s.ok(bad.join())
		it := store.Iter(kv.IterOptions{NoFill: true})
		it.Last()
		s.ok(errors.Join(it.Close(), store.Close()))
	}
	s.eventually("the goroutines of closed stores have ended", func() bool { return runtime.NumGoroutine() <= before })
}

// snapshotMemory pins many versions of a value by snapshots and looks at the
// heap when they are closed.
func snapshotMemory(s *subject) {
	const versions, size = 300, 32 << 10
	store, _ := s.fresh(0, "")
	var snaps []kv.Snapshot
	val := make([]byte, size)
	random := rand.NewChaCha8([32]byte{}) // what an engine cannot compress
	for range versions {
		random.Read(val)
		s.ok(applyPut(store, "k", val))
		snap, err := store.Snapshot(context.Background())
		s.ok(err)
		snaps = append(snaps, snap)
	}
	for i := range 2000 { // what transactions are checked against
		s.ok(applyPut(store, fmt.Sprintf("%0100d", i%50), nil))
	}
	pinned := liveHeap()
	for _, snap := range snaps {
		s.ok(snap.Close())
	}
	s.ok(tidy(store))
	s.eventually("most of the memory comes back when the snapshots are closed", func() bool {
		return liveHeap() < pinned-versions*size*3/4
	})
	s.ok(store.Close())
}

// tidy gives a store the chance to drop old versions.
func tidy(store kv.Store) error {
	ctx, has := context.Background(), store.Features()
	if f, ok := store.(kv.Flusher); ok && has.Flusher {
		if err := f.Flush(ctx); err != nil {
			return err
		}
	}
	if c, ok := store.(kv.Compactor); ok && has.Compactor {
		return c.Compact(ctx, kv.Span{}, nil)
	}
	return nil
}

// liveHeap returns the bytes that are reachable.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
