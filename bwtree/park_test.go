//go:build interleave

package bwtree

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// With one goroutine parked at any point of a put, all others finish: puts of every
// durability, conditional ones, reads, scans and snapshots. Each point at which a
// put passes is tried, at its first few passings.
func TestAGoroutineParkedAnywhereInAPutBlocksNobody(t *testing.T) {
	points := pointsOfAPut(t)
	t.Logf("%d points: %q", len(points), points)
	if len(points) < 10 {
		t.Fatalf("only these points were seen: %q", points)
	}
	for _, point := range points {
		for nth := range 3 {
			for _, d := range []kv.Durability{kv.Process, kv.Sync} {
				t.Run(fmt.Sprint(point, " ", nth, " ", d), func(t *testing.T) { parkAt(t, point, nth, d) })
			}
		}
	}
}

// tiny returns a store whose leaves are consolidated, split and merged at every turn,
// and written and let go all the time.
func tiny(t *testing.T) *Store {
	t.Helper()
	s, err := Open(context.Background(), &Options{Dir: "db", FS: vfs.NewMem(), Fanout: 2, Deltas: 1, CacheBytes: -1, RedoBytes: 2000})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func putKey(s *Store, d kv.Durability, key string) error {
	var b kv.Batch
	b.Put([]byte(key), []byte(key))
	b.Delete([]byte(key + "x"))
	b.DeleteRange([]byte(key+"y"), []byte(key+"z"))
	_, err := s.Apply(context.Background(), &b, kv.WriteOptions{Durability: d})
	return err
}

// swap changes the value of a key that nobody else writes, by compare-and-swap.
func swap(t *testing.T, s *Store, key string) {
	swapped, _, err := kv.CompareAndSwap(context.Background(), s, []byte(key), kv.KV{Value: []byte(key)},
		kv.KV{Value: []byte("swapped")}, kv.WriteOptions{})
	if !swapped || err != nil {
		t.Error("not swapped:", key, err)
	}
}

// victims are goroutines in a put, which alone are recorded and parked.
var victims sync.Map

// goid tells goroutines apart by where their stack is; good enough for a mark that
// the goroutine sets itself.
type victim struct{ hook func(point string) }

// asVictim runs f with hook called at each point that this goroutine passes.
func asVictim(hook func(point string), f func()) {
	id := goroutine()
	victims.Store(id, &victim{hook})
	defer victims.Delete(id)
	f()
}

func callVictim(point string) {
	if v, ok := victims.Load(goroutine()); ok {
		v.(*victim).hook(point)
	}
}

// pointsOfAPut returns the points at which puts pass.
func pointsOfAPut(t *testing.T) (points []string) {
	s := tiny(t)
	defer s.Close()
	step.SetHook(callVictim)
	defer step.SetHook(nil)
	var mu sync.Mutex
	note := func(point string) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(points, point) {
			points = append(points, point)
		}
	}
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			asVictim(note, func() {
				for i := range 40 {
					key := fmt.Sprintf("%02d/%d", i, w)
					if err := putKey(s, kv.Durability(i%3), key); err != nil {
						t.Error(err)
					}
					swap(t, s, key)
				}
			})
		})
	}
	wait.Wait()
	return points
}

// parkAt parks a put at the nth passing of a point and lets others work.
func parkAt(t *testing.T, point string, nth int, d kv.Durability) {
	s := tiny(t)
	for i := range 10 {
		if err := putKey(s, kv.Process, fmt.Sprintf("%02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	step.SetHook(callVictim)
	parked, release, done := make(chan bool), make(chan bool), make(chan error, 1)
	passed := 0
	go asVictim(func(at string) {
		if at != point {
			return
		}
		if passed == nth {
			parked <- true
			<-release
		}
		passed++
	}, func() {
		var err error
		for i := 0; i < 30 && err == nil; i++ {
			key := fmt.Sprintf("%02d/victim", i)
			if err = putKey(s, d, key); err == nil {
				swap(t, s, key)
			}
		}
		done <- err
		close(done)
	})
	select {
	case <-parked:
		t.Log("parked")
		others(t, s)
	case <-done: // it does not pass there so often
	}
	step.SetHook(nil)
	close(release)
	for err := range done {
		if err != nil {
			t.Error(err)
		}
	}
	if n := count(t, s, "victim"); n != 30 {
		t.Errorf("%d keys of the one that was parked", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// others works on the store and fails the test if that takes too long.
func others(t *testing.T, s *Store) {
	t.Helper()
	finished := make(chan bool)
	go func() {
		defer close(finished)
		var wait sync.WaitGroup
		for w := range 3 {
			wait.Go(func() {
				for i := range 12 {
					key := fmt.Sprintf("%02d/other%d", i, w)
					if err := putKey(s, kv.Durability(i%3), key); err != nil {
						t.Error(err)
					}
					if _, ok, err := s.Get([]byte(key), nil); !ok || err != nil {
						t.Error("it is not read back:", key, ok, err)
					}
					swap(t, s, key)
				}
			})
		}
		wait.Wait()
		if n := count(t, s, "other"); n != 36 {
			t.Errorf("%d keys of the others", n)
		}
	}()
	select {
	case <-finished:
	case <-time.After(20 * time.Second):
		t.Fatal("the others do not finish")
	}
}

// count returns how many keys have a part, by an iterator.
func count(t *testing.T, s *Store, part string) (n int) {
	it := s.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		if len(it.Key()) > 3 && string(it.Key()[3:3+len(part)]) == part {
			n++
		}
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
	return n
}
