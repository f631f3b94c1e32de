package bwtree_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, opt *bwtree.Options) *bwtree.Store {
	t.Helper()
	s, err := bwtree.Open(context.Background(), opt)
	check(t, err)
	return s
}

func put(s *bwtree.Store, d kv.Durability, pairs ...string) error {
	var b kv.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	_, err := s.Apply(context.Background(), &b, kv.WriteOptions{Durability: d})
	return err
}

func TestAResidentGetAllocatesNothing(t *testing.T) {
	s := open(t, nil)
	defer s.Close()
	for i := range 5000 {
		check(t, put(s, kv.Process, fmt.Sprintf("key %06d", i), fmt.Sprint(i)))
	}
	key, buf := []byte("key 004321"), make([]byte, 0, 64)
	if n := testing.AllocsPerRun(1000, func() {
		if val, ok, err := s.Get(key, buf); !ok || err != nil || string(val) != "4321" {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// counted counts how often the locks of an executor are taken, or tried.
type counted struct {
	vfs.Executor
	locks *atomic.Int64
}

type countedMutex struct {
	sync.Mutex
	locks *atomic.Int64
}

func (c counted) NewMutex() vfs.Mutex { return &countedMutex{locks: c.locks} }

func (m *countedMutex) Lock() {
	m.locks.Add(1)
	m.Mutex.Lock()
}

func (m *countedMutex) TryLock() bool {
	m.locks.Add(1)
	return m.Mutex.TryLock()
}

func TestAResidentGetTakesNoLock(t *testing.T) {
	var locks atomic.Int64
	s := open(t, &bwtree.Options{Executor: counted{vfs.Go(), &locks}})
	for i := range 5000 {
		check(t, put(s, kv.Process, fmt.Sprintf("key %06d", i), fmt.Sprint(i)))
	}
	locks.Store(0)
	for i := range 5000 {
		if _, ok, err := s.Get(fmt.Appendf(nil, "key %06d", i), nil); !ok || err != nil {
			t.Fatal(i, ok, err)
		}
	}
	if n := locks.Load(); n != 0 {
		t.Errorf("%d locks in 5000 Gets", n)
	}
	if check(t, s.Close()); locks.Load() == 0 {
		t.Error("locks are not counted")
	}
}

// Pages that were flushed are evicted and read again, and what is read is right.
func TestDataLargerThanMemoryIsReadBack(t *testing.T) {
	ctx := context.Background()
	opt := &bwtree.Options{Dir: "db", FS: vfs.NewMem(), CacheBytes: 200 << 10, RedoBytes: 1 << 20}
	s := open(t, opt)
	val := make([]byte, 100)
	for i := range 20_000 {
		check(t, put(s, kv.Process, fmt.Sprintf("key %06d", i*7919%20_000), fmt.Sprint(i*7919%20_000)+string(val)))
	}
	check(t, s.Flush(ctx))
	check(t, s.Flush(ctx))
	if used := s.Metrics().ResidentBytes; used > 200<<10 {
		t.Errorf("%d bytes are resident", used)
	}
	readAll := func() {
		rng := rand.New(rand.NewPCG(1, 1))
		for range 2000 {
			i := rng.IntN(20_000)
			got, ok, err := s.Get(fmt.Appendf(nil, "key %06d", i), nil)
			if err != nil || !ok || string(got) != fmt.Sprint(i)+string(val) {
				t.Fatalf("key %d: %.20q %v %v", i, got, ok, err)
			}
		}
		n := 0
		it := s.Iter(kv.IterOptions{})
		for ok := it.First(); ok; ok = it.Next() {
			if string(it.Key()) != fmt.Sprintf("key %06d", n) {
				t.Fatalf("entry %d is %q", n, it.Key())
			}
			n++
		}
		check(t, it.Close())
		if n != 20_000 {
			t.Fatalf("%d entries", n)
		}
	}
	readAll()
	check(t, s.Verify(ctx, nil))
	check(t, s.Close())
	s = open(t, opt)
	readAll()
	check(t, s.Close())
}

// Rewriting the same keys again and again leaves files of bounded size.
func TestSpaceComesBack(t *testing.T) {
	ctx := context.Background()
	opt := &bwtree.Options{Dir: "db", FS: vfs.NewMem(), RedoBytes: 200 << 10, LogSegmentBytes: 64 << 10, PageSegmentBytes: 64 << 10,
		LogRetention: -1}
	s := open(t, opt)
	val := string(make([]byte, 200))
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 30_000 { // six megabytes, of which half a megabyte is live
		check(t, put(s, kv.Process, fmt.Sprint(rng.IntN(2000)), fmt.Sprint(i)+val))
	}
	check(t, s.Flush(ctx))
	if used := s.Metrics().DiskBytes; used > 2<<20 {
		t.Errorf("%d bytes on disk", used)
	}
	check(t, s.Verify(ctx, nil))
	check(t, s.Close())
}

// Threads put, read back, scan and take snapshots while leaves are split and
// consolidated all the time.
func TestConcurrentWritersAndReadersAgree(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			opt := &bwtree.Options{Dir: "db", FS: vfs.NewMem(), Fanout: 4, Deltas: 2, CacheBytes: 20 << 10, RedoBytes: 20 << 10, PageSegmentBytes: 8 << 10}
			s := open(t, opt)
			const workers, each = 6, 150
			var wait sync.WaitGroup
			for w := range workers {
				wait.Go(func() {
					for i := range each {
						key, val := fmt.Sprintf("%03d/%d", i, w), fmt.Sprint(i)
						if err := put(s, kv.Durability(i%3), key, val, fmt.Sprintf("sum/%d", w), val); err != nil {
							t.Error(err)
							return
						}
						got, ok, err := s.Get([]byte(key), nil)
						if err != nil || !ok || string(got) != val {
							t.Errorf("%s is %q %v %v, want %s", key, got, ok, err, val)
							return
						}
						if i%20 == 0 {
							if err := oneState(s, w, i); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			wait.Wait()
			count := func() (n int) {
				it := s.Iter(kv.IterOptions{})
				for ok := it.Last(); ok; ok = it.Prev() {
					n++
				}
				check(t, it.Close())
				return n
			}
			if n := count(); n != workers*each+workers {
				t.Errorf("%d entries", n)
			}
			check(t, s.Verify(context.Background(), nil))
			check(t, s.Close())
			s = open(t, opt)
			if n := count(); n != workers*each+workers {
				t.Errorf("%d entries after opening", n)
			}
			check(t, s.Close())
		})
	}
}

// oneState checks that a snapshot has both keys of each batch or none.
func oneState(s *bwtree.Store, worker, i int) error {
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		return err
	}
	defer snap.Close()
	for w := range 6 {
		last, ok, err := snap.Get(fmt.Appendf(nil, "sum/%d", w), nil)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		n := 0
		fmt.Sscan(string(last), &n)
		for j := range 150 {
			if has, err := snap.Has(fmt.Appendf(nil, "%03d/%d", j, w)); err != nil || has != (j <= n) {
				return fmt.Errorf("at %d, key %d of %d is there: %v, its last one is %d, %v", snap.Seq(), j, w, has, n, err)
			}
		}
	}
	return nil
}

func TestOwnsKnowsItsFiles(t *testing.T) {
	if !bwtree.Owns([]string{"TREE", "DIR-000001", "000001.log"}) || bwtree.Owns([]string{"META", "SNAP-000001", "000001.log", "000001.sst"}) {
		t.Fatal("stores of other engines are taken for ours")
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	for _, opt := range []bwtree.Options{
		{MustExist: true, MustBeNew: true}, {ReadOnly: true}, {ReadOnly: true, Dir: "x", MustBeNew: true},
		{Fanout: 1}, {Deltas: -1}, {Deltas: 2000}, {LeafBytes: -1}, {SyncInterval: -1},
	} {
		if _, err := bwtree.Open(context.Background(), &opt); err == nil {
			t.Errorf("%+v was taken", opt)
		}
	}
}

// A damaged page is an error for what is in it, and nothing else.
func TestADamagedPageIsAnErrorOnlyForItsKeys(t *testing.T) {
	ctx, disk := context.Background(), vfs.NewMem()
	opt := &bwtree.Options{Dir: "db", FS: disk, Fanout: 4, CacheBytes: -1}
	s := open(t, opt)
	for i := range 100 {
		check(t, put(s, kv.Sync, fmt.Sprintf("%03d", i), "v"))
	}
	check(t, s.Flush(ctx))
	check(t, s.Close())
	f, err := disk.OpenWrite("db/000001.seg")
	check(t, err)
	_, err = f.WriteAt([]byte{0xff}, 200)
	check(t, err)
	s = open(t, opt)
	damaged := 0
	for i := range 100 {
		_, ok, err := s.Get(fmt.Appendf(nil, "%03d", i), nil)
		var damage *kv.CorruptionError
		switch {
		case errors.As(err, &damage):
			damaged++
		case err != nil || !ok:
			t.Fatal(i, ok, err)
		}
	}
	if damaged == 0 || damaged > 20 {
		t.Errorf("%d keys are damaged", damaged)
	}
	if err := s.Verify(ctx, nil); err == nil {
		t.Error("Verify did not notice")
	}
	check(t, s.Close())
}

// A reader beside a writer sees one state until it asks for a newer one; what it
// has open stays as it was.
func TestAReaderBesideAWriterCanBeRefreshed(t *testing.T) {
	ctx, disk := context.Background(), vfs.NewMem()
	opt := &bwtree.Options{Dir: "db", FS: disk, Fanout: 4, Deltas: 2}
	w := open(t, opt)
	check(t, put(w, kv.Sync, "a", "1", "b", "1"))
	ro := *opt
	ro.ReadOnly = true
	r := open(t, &ro)
	want := func(from kv.Reader, key, val string) {
		t.Helper()
		got, _, err := from.Get([]byte(key), nil)
		if err != nil || string(got) != val {
			t.Fatalf("%s is %q %v, want %q", key, got, err, val)
		}
	}
	snap, err := r.Snapshot(ctx)
	check(t, err)
	for round := 2; round < 6; round++ {
		check(t, put(w, kv.Sync, "a", fmt.Sprint(round), "c", "new"))
		check(t, w.Flush(ctx))
		want(r, "a", fmt.Sprint(round-1))
		check(t, r.Refresh(ctx))
		want(r, "a", fmt.Sprint(round))
		want(r, "b", "1")
		want(snap, "a", "1")
		want(snap, "c", "")
	}
	check(t, snap.Close())
	check(t, r.Close())
	if err := put(r, kv.Sync, "x", "y"); !errors.Is(err, kv.ErrClosed) {
		t.Fatal(err)
	}
	check(t, w.Close())
}

// Large values are split off into leaves of their own as they come, so that no leaf
// outgrows what can be written at once.
func TestLargeValuesDoNotGatherInALeaf(t *testing.T) {
	ctx := context.Background()
	opt := &bwtree.Options{Dir: "db", FS: vfs.NewMem(), PageSegmentBytes: 1 << 20}
	s := open(t, opt)
	val := string(make([]byte, 1<<20))
	for i := range 40 {
		check(t, put(s, kv.Process, fmt.Sprintf("%02d", i), fmt.Sprint(i)+val))
	}
	check(t, s.Compact(ctx, kv.Span{}, nil))
	check(t, s.Close()) // in the background files may still be replaced
	names, err := opt.FS.List("db")
	check(t, err)
	for _, name := range names {
		if info, err := opt.FS.Stat("db/" + name); err != nil || info.Size > 8<<20 {
			t.Errorf("%s has %d bytes, %v", name, info.Size, err)
		}
	}
	s = open(t, opt)
	for i := range 40 {
		got, ok, err := s.Get(fmt.Appendf(nil, "%02d", i), nil)
		if err != nil || !ok || string(got) != fmt.Sprint(i)+val {
			t.Fatal(i, len(got), ok, err)
		}
	}
	check(t, s.Close())
}
