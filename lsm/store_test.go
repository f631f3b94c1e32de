package lsm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

var ctx = context.Background()

// open opens a store, which is verified and closed when the test ends.
func open(t *testing.T, opt Options) *Store {
	t.Helper()
	s, err := Open(ctx, &opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.closed.Load() {
			return
		}
		if err := errors.Join(s.Verify(ctx, nil), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func apply(t *testing.T, s *Store, fill func(*kv.Batch)) kv.Seq {
	t.Helper()
	var b kv.Batch
	fill(&b)
	seq, err := s.Apply(ctx, &b, kv.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func put(t *testing.T, s *Store, key, val string) {
	t.Helper()
	apply(t, s, func(b *kv.Batch) { b.Put([]byte(key), []byte(val)) })
}

func flush(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func compact(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Compact(ctx, kv.Span{}, nil); err != nil {
		t.Fatal(err)
	}
}

// holds checks what a reader gets for a key; "" is nothing.
func holds(t *testing.T, r kv.Reader, key, want string) {
	t.Helper()
	val, ok, err := r.Get([]byte(key), nil)
	if err != nil || ok != (want != "") || string(val) != want {
		t.Fatalf("%q holds %q, %v, %v; want %q", key, val, ok, err, want)
	}
}

// keys returns all keys in order, walked both ways.
func keys(t *testing.T, r kv.Reader, opt kv.IterOptions) string {
	t.Helper()
	it := r.Iter(opt)
	defer it.Close()
	var forward, backward []string
	for ok := it.First(); ok; ok = it.Next() {
		forward = append(forward, string(it.Key()))
	}
	for ok := it.Last(); ok; ok = it.Prev() {
		backward = append([]string{string(it.Key())}, backward...)
	}
	if it.Err() != nil || strings.Join(forward, " ") != strings.Join(backward, " ") {
		t.Fatalf("forward %v, backward %v, %v", forward, backward, it.Err())
	}
	return strings.Join(forward, " ")
}

// levels returns the number of tables in each level.
func levels(s *Store) (n [version.NumLevels]int) {
	for level, files := range s.current.Load().tables.Levels {
		n[level] = len(files)
	}
	return n
}

// still stops compactions that nobody asked for.
var still = Options{L0Trigger: 1 << 20, L0Slowdown: 1 << 20, L0Stop: 1 << 20}

func TestAGetSeesTombstonesOfNewerTables(t *testing.T) {
	s := open(t, still)
	put(t, s, "b", "old")
	put(t, s, "d", "old")
	flush(t, s)
	apply(t, s, func(b *kv.Batch) { b.DeleteRange([]byte("a"), []byte("c")) })
	flush(t, s)
	put(t, s, "a", "new")
	flush(t, s)
	for range 2 {
		holds(t, s, "b", "")
		holds(t, s, "a", "new")
		holds(t, s, "d", "old")
		if got := keys(t, s, kv.IterOptions{}); got != "a d" {
			t.Fatal(got)
		}
		compact(t, s)
	}
}

func TestBackwardIterationRespectsTombstones(t *testing.T) {
	s := open(t, still)
	for i := range 100 {
		put(t, s, fmt.Sprintf("k%02d", i), "v")
		if i%10 == 0 {
			flush(t, s)
		}
	}
	apply(t, s, func(b *kv.Batch) {
		b.DeleteRange([]byte("k10"), []byte("k95"))
		b.Put([]byte("k50"), []byte("again"))
		b.Delete([]byte("k97"))
	})
	want := "k00 k01 k02 k03 k04 k05 k06 k07 k08 k09 k50 k95 k96 k98 k99"
	for range 3 {
		if got := keys(t, s, kv.IterOptions{}); got != want {
			t.Fatal(got)
		}
		flush(t, s)
		if got := keys(t, s, kv.IterOptions{}); got != want {
			t.Fatal(got)
		}
		compact(t, s)
	}
}

func TestAnEntryIsNotHiddenByATombstoneThatIsKeptForOthers(t *testing.T) {
	opt := still
	opt.TargetFile = 1
	s := open(t, opt)
	for _, k := range []string{"a", "m", "z"} {
		put(t, s, k, "old")
	}
	compact(t, s)
	apply(t, s, func(b *kv.Batch) {
		b.DeleteRange([]byte("b"), []byte("zz"))
		b.Put([]byte("n"), []byte("new"))
	})
	for range 3 {
		holds(t, s, "n", "new")
		holds(t, s, "z", "")
		compact(t, s)
	}
}

func TestPrefixesOfTheHighestByteAreWalked(t *testing.T) {
	opt := still
	opt.PrefixLength = 1
	s := open(t, opt)
	for _, k := range []string{"a", "\xff", "\xff\xff", "\xff\xff\xff"} {
		put(t, s, k, "v")
		flush(t, s)
	}
	if got := keys(t, s, kv.IterOptions{Prefix: []byte("\xff")}); got != "\xff \xff\xff \xff\xff\xff" {
		t.Fatalf("%q", got)
	}
	if got := keys(t, s, kv.IterOptions{Prefix: []byte("\xff\xff")}); got != "\xff\xff \xff\xff\xff" {
		t.Fatalf("%q", got)
	}
}

// A snapshot that is taken while a compaction begins must not lose what it sees.
func TestSnapshotsTakenBesideCompactionsSeeTheirState(t *testing.T) {
	s := open(t, Options{WriteBuffer: 4000, TargetFile: 2000, L0Trigger: 2})
	var wg sync.WaitGroup
	var over atomic.Bool
	for range 2 {
		wg.Go(func() {
			for !over.Load() {
				snap, err := s.Snapshot(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				a, okA, errA := snap.Get([]byte("a"), nil)
				b, okB, errB := snap.Get([]byte("b"), nil)
				if okA != okB || string(a) != string(b) || errA != nil || errB != nil {
					t.Errorf("a is %q, b is %q: %v %v", a, b, errA, errB)
				}
				if err := snap.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 3000 {
		apply(t, s, func(b *kv.Batch) {
			val := fmt.Appendf(nil, "%040d", i)
			b.Put([]byte("a"), val)
			b.Put([]byte("b"), val)
		})
	}
	over.Store(true)
	wg.Wait()
}

func TestDamageInTheMiddleOfTheLogIsNoticed(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, Options{Dir: "db", FS: disk})
	for i := range 50 {
		put(t, s, fmt.Sprint("k", i), strings.Repeat("v", 100))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Corrupt("db/000001.log", func(b []byte) []byte { b[1000] ^= 1; return b }); err != nil {
		t.Fatal(err)
	}
	var damage *kv.CorruptionError
	if _, err := Open(ctx, &Options{Dir: "db", FS: disk}); !errors.As(err, &damage) || damage.File != "db/000001.log" {
		t.Fatal(err)
	}
}

// After a sync of the manifest that failed nobody knows what it holds: trying
// again could lose what the system dropped.
func TestAFailedSyncOfTheManifestEndsWriting(t *testing.T) {
	disk := vfs.NewMem()
	faulty := vfs.NewFaulty(disk)
	s := open(t, Options{Dir: "db", FS: faulty})
	put(t, s, "k", "v")
	faulty.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.Contains(op.Name, manifestPrefix) {
			return vfs.ErrInjected
		}
		return nil
	})
	if err := s.Flush(ctx); !errors.Is(err, vfs.ErrInjected) {
		t.Fatal(err)
	}
	faulty.SetHook(nil)
	var b kv.Batch
	b.Put([]byte("k"), []byte("w"))
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); !errors.Is(err, kv.ErrReadOnly) {
		t.Fatal(err)
	}
	holds(t, s, "k", "v")
	s.Close() // fails, rightly
	holds(t, open(t, Options{Dir: "db", FS: disk}), "k", "v")
}

func TestAFlushThatFailsLosesNothing(t *testing.T) {
	disk := vfs.NewMem()
	faulty := vfs.NewFaulty(disk)
	s := open(t, Options{Dir: "db", FS: faulty})
	put(t, s, "a", "1")
	faulty.SetHook(func(op vfs.Op) error {
		if strings.HasSuffix(op.Name, tableSuffix) {
			return vfs.ErrNoSpace
		}
		return nil
	})
	if err := s.Flush(ctx); !errors.Is(err, kv.ErrNoSpace) {
		t.Fatal(err)
	}
	put(t, s, "b", "2")
	crashed := disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
	again := open(t, Options{Dir: "db", FS: crashed})
	holds(t, again, "a", "1")
	holds(t, again, "b", "2")
	faulty.SetHook(nil)
	flush(t, s)
	holds(t, s, "a", "1")
	if n := levels(s); n[0] != 2 {
		t.Fatal("tables:", n)
	}
}

func TestABacklogOfLevel0IsWorkedOffAfterOpening(t *testing.T) {
	disk := vfs.NewMem()
	opt := still
	opt.Dir, opt.FS = "db", disk
	s := open(t, opt)
	for i := range 30 {
		put(t, s, fmt.Sprint("k", i), "v")
		flush(t, s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: "db", FS: disk, L0Trigger: 2, L0Slowdown: 3, L0Stop: 4})
	put(t, s, "k", "v") // which waits for it
	if n := levels(s); n[0] >= 4 {
		t.Fatal("tables:", n)
	}
}

func TestMemtablesBeyondTheBoundAreWrittenWhileTheLogIsReplayed(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, Options{Dir: "db", FS: disk, WriteBuffer: 1 << 30})
	for i := range 200 {
		put(t, s, fmt.Sprintf("k%03d", i), strings.Repeat("v", 100))
	}
	crashed := disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
	for range 2 {
		again := open(t, Options{Dir: "db", FS: crashed, WriteBuffer: 2000, L0Trigger: 1 << 20, L0Slowdown: 1 << 20, L0Stop: 1 << 20})
		if n := levels(again); n[0] < 5 {
			t.Fatal("tables:", n)
		}
		if got := len(strings.Fields(keys(t, again, kv.IterOptions{}))); got != 200 {
			t.Fatal(got, "keys")
		}
		crashed = crashed.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
	}
}

func TestTablesThatAreNotNeededGo(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, Options{Dir: "db", FS: disk})
	for i := range 20 {
		put(t, s, "k", fmt.Sprint(i))
		flush(t, s)
	}
	it := s.Iter(kv.IterOptions{})
	it.First()
	compact(t, s)
	put(t, s, "k", "last")
	compact(t, s)
	if got := string(it.Value()); got != "19" || !it.First() {
		t.Fatal("the iterator lost its state:", got, it.Err())
	}
	it.Close()
	s.tasks.Wait()
	names, err := disk.List("db")
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for _, name := range names {
		if strings.HasSuffix(name, tableSuffix) {
			tables++
		}
	}
	if n := levels(s); tables != 1 || n[6] != 1 {
		t.Fatal(names, n)
	}
}

func TestDeletingEverythingGivesTheSpaceBack(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, Options{Dir: "db", FS: disk, WriteBuffer: 10_000, TargetFile: 10_000})
	val := make([]byte, 100)
	for i := range 2000 {
		binary.BigEndian.PutUint64(val, uint64(i)*0x9E3779B97F4A7C15)
		put(t, s, fmt.Sprint("k", i), string(val))
	}
	apply(t, s, func(b *kv.Batch) { b.DeleteRange(nil, nil) })
	compact(t, s)
	if n := s.current.Load().tables.NumFiles(); n != 0 {
		t.Fatal(n, "tables are left:", s.current.Load().tables.String())
	}
}

func TestUnknownOperandsSurviveCompaction(t *testing.T) {
	disk := vfs.NewMem()
	mergers, err := kv.NewMergers(kv.Merger{ID: 100, Merge: func(dst, value []byte, _ bool, operand []byte) ([]byte, error) {
		return append(append(dst, value...), operand...), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: "db", FS: disk, Mergers: mergers})
	put(t, s, "k", "a")
	apply(t, s, func(b *kv.Batch) { b.Merge(100, []byte("k"), []byte("b")) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: "db", FS: disk})
	apply(t, s, func(b *kv.Batch) { b.Merge(100, []byte("k"), []byte("c")) })
	compact(t, s)
	if _, _, err := s.Get([]byte("k"), nil); !errors.Is(err, kv.ErrUnknownMerger) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, open(t, Options{Dir: "db", FS: disk, Mergers: mergers}), "k", "abc")
}

func TestBusyWritersAreTold(t *testing.T) {
	opt := still
	opt.L0Slowdown, opt.L0Stop = 1, 100
	s := open(t, opt)
	put(t, s, "k", "v")
	flush(t, s)
	var b kv.Batch
	b.Put([]byte("k"), []byte("w"))
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{NoSlowdown: true}); !errors.Is(err, kv.ErrBusy) {
		t.Fatal(err)
	}
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestAMissingTableIsDamage(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, Options{Dir: "db", FS: disk})
	put(t, s, "k", "v")
	flush(t, s)
	name := tableName("db", s.current.Load().tables.Levels[0][0].Number)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Remove(name); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, &Options{Dir: "db", FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var damage *kv.CorruptionError
	if _, _, err := s.Get([]byte("k"), nil); !errors.As(err, &damage) || damage.File != name {
		t.Fatal(err)
	}
	it := s.Iter(kv.IterOptions{})
	if it.First() || !errors.As(it.Err(), &damage) {
		t.Fatal(it.Err())
	}
	it.Close()
}

// raceEnabled is set by race_test.go.
var raceEnabled bool

func TestCachedReadsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := open(t, still)
	for i := range 2000 {
		put(t, s, fmt.Sprintf("k%06d", i), "some value")
	}
	compact(t, s)
	put(t, s, "k000001x", "in the memtable")
	key, dst := []byte("k000777"), make([]byte, 0, 100)
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok, err := s.Get(key, dst); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("a Get allocates %v times", n)
	}
	it := s.Iter(kv.IterOptions{})
	defer it.Close()
	it.First()
	if n := testing.AllocsPerRun(1000, func() {
		if !it.Next() {
			t.Fatal(it.Err())
		}
	}); n != 0 {
		t.Errorf("a Next allocates %v times", n)
	}
}

// A table may be closed for want of room, or compacted away, under a Get.
func TestGetsBeginAnewWhenATableIsClosedUnderThem(t *testing.T) {
	s := open(t, Options{WriteBuffer: 2000, BlockCache: -1, MaxOpenFiles: 1, L0Trigger: 2, TargetFile: 1000})
	var wg sync.WaitGroup
	var over atomic.Bool
	put(t, s, "fixed", "value")
	for range 3 {
		wg.Go(func() {
			for !over.Load() {
				if val, ok, err := s.Get([]byte("fixed"), nil); string(val) != "value" || !ok || err != nil {
					t.Errorf("%q %v %v", val, ok, err)
					return
				}
			}
		})
	}
	for i := range 2000 {
		put(t, s, fmt.Sprint("k", i%300), strings.Repeat("v", 50))
	}
	over.Store(true)
	wg.Wait()
}

func TestACheckpointSharesTheTables(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, Options{Dir: "db", FS: disk})
	put(t, s, "a", "in a table")
	flush(t, s)
	put(t, s, "b", "in a memtable")
	if err := s.Checkpoint(ctx, "copy"); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx, "copy"); err == nil {
		t.Fatal("a checkpoint was written over another")
	}
	put(t, s, "c", "too late")
	c := open(t, Options{Dir: "copy", FS: disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone}), MustExist: true})
	if got := keys(t, c, kv.IterOptions{}); got != "a b" {
		t.Fatal(got)
	}
	one, err1 := vfs.ReadFile(disk, path.Join("db", "000001.sst"), 1<<20)
	two, err2 := vfs.ReadFile(disk, path.Join("copy", "000001.sst"), 1<<20)
	if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Fatal(err1, err2)
	}
}

func TestEveryPropertyHasAValue(t *testing.T) {
	s := open(t, Options{})
	put(t, s, "k", "v")
	flush(t, s)
	for _, name := range Properties() {
		if val, err := s.Property(name); err != nil || val == "" {
			t.Errorf("%s: %q, %v", name, val, err)
		}
	}
	for name, want := range map[string]string{"tables": "1", "tables.at-level-0": "1", "tables.at-level-3": "0", "flush.done": "1"} {
		if got, _ := s.Property(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if _, err := s.Property("tables.at-level-7"); err == nil {
		t.Error("there is no level 7")
	}
}

func TestAWideTombstoneShrinksTheStoreByItself(t *testing.T) {
	s := open(t, Options{WriteBuffer: 10_000, TargetFile: 10_000})
	random := rand.NewChaCha8([32]byte{})
	val := make([]byte, 100)
	for i := range 3000 {
		random.Read(val)
		put(t, s, fmt.Sprintf("k%05d", i), string(val))
	}
	compact(t, s)
	full := s.version().TotalSize()
	apply(t, s, func(b *kv.Batch) { b.DeleteRange([]byte("k0"), []byte("k1")) })
	flush(t, s)
	s.tasks.Wait()
	s.schedule()
	s.tasks.Wait()
	if left := s.version().TotalSize(); left > full/10 {
		t.Fatalf("%d bytes of %d are left:\n%s", left, full, s.version())
	}
}

func TestPresetsAreValid(t *testing.T) {
	for _, opt := range []Options{Balanced(), WriteHeavy(), ReadHeavy()} {
		if err := opt.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestAFilterRemovesAndChangesValues(t *testing.T) {
	opt := still
	opt.Filter = func(_ int, key, value []byte) (Decision, []byte) {
		switch {
		case string(value) == "drop":
			return Remove, nil
		case string(value) == "change":
			return Change, append([]byte("changed "), key...)
		}
		return Keep, nil
	}
	s := open(t, opt)
	put(t, s, "a", "keep")
	put(t, s, "b", "drop")
	put(t, s, "c", "change")
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "d", "drop")
	compact(t, s)
	holds(t, s, "a", "keep")
	holds(t, s, "b", "")
	holds(t, s, "c", "changed c")
	holds(t, s, "d", "drop") // the snapshot does not see it
	if err := snap.Close(); err != nil {
		t.Fatal(err)
	}
	compact(t, s)
	holds(t, s, "d", "")
}

func TestCompactionsKeepTheirPace(t *testing.T) {
	sim := vfs.NewSim(1)
	p := newPace(sim, 1000)
	var took time.Duration
	err := sim.Run(func() {
		begin := sim.Now()
		for range 50 {
			p.wait(100)
		}
		took = sim.Now().Sub(begin)
	})
	if err != nil || took < 4800*time.Millisecond || took > 5*time.Second {
		t.Fatal(took, err)
	}
}

func TestACompactionIsSplit(t *testing.T) {
	opt := still
	opt.MaxSubcompactions, opt.TargetFile = 3, 4000
	s := open(t, opt)
	for round := range 3 {
		for i := range 300 {
			put(t, s, fmt.Sprintf("k%03d", i), strings.Repeat(fmt.Sprint(round), 100))
		}
		apply(t, s, func(b *kv.Batch) { b.DeleteRange([]byte("k050"), []byte("k250")) })
		compact(t, s)
		holds(t, s, "k049", strings.Repeat(fmt.Sprint(round), 100))
		holds(t, s, "k050", "")
		if got := len(strings.Fields(keys(t, s, kv.IterOptions{}))); got != 100 {
			t.Fatal(got, "keys")
		}
	}
}

func TestEventsTellWhatWasDone(t *testing.T) {
	var mu sync.Mutex
	var events []Event
	opt := still
	opt.OnEvent = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}
	s := open(t, opt)
	put(t, s, "a", "1")
	flush(t, s)
	put(t, s, "a", "2")
	compact(t, s)
	mu.Lock()
	defer mu.Unlock()
	if len(events) != 3 {
		t.Fatal(events)
	}
	first, last := events[0], events[2]
	if first.Kind != EventFlush || first.TablesOut != 1 || first.BytesOut == 0 || first.Err != nil {
		t.Error(first)
	}
	if last.Kind != EventCompaction || last.Reason == "" || last.Level != 6 || last.TablesIn != 2 || last.TablesOut != 1 || last.BytesIn <= last.BytesOut {
		t.Error(last)
	}
}

func TestOptionsSurviveText(t *testing.T) {
	for _, opt := range []Options{{}, WriteHeavy(), ReadHeavy(), {BlockCache: -1, SyncInterval: time.Second, Compression: []Compression{NoCompression, S2, Zstd}}} {
		text, err := opt.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Options
		if err := again.UnmarshalText(append([]byte("# a comment\n\n"), text...)); err != nil {
			t.Fatal(err)
		}
		second, err := again.MarshalText()
		if err != nil || !bytes.Equal(text, second) {
			t.Errorf("%s became %s, %v", text, second, err)
		}
	}
	for text, want := range map[string]string{
		"write_buffer = 1\nwrite_bufer = 2": `line 2: no option is called "write_bufer"`,
		"l0_stop = many":                    "line 1: l0_stop",
		"compression = lz4, gzip":           `no compression is called "gzip"`,
		"l0_stop = -1":                      "L0Stop is -1",
	} {
		if err := new(Options).UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
