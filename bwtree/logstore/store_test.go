package logstore_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/vfs"
)

func TestRecordsAreReadBackFromMemoryAndDisk(t *testing.T) {
	_, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	var refs []logstore.Ref
	records := numbered(60)
	for _, r := range records {
		refs = append(refs, mustAdd(t, s, r))
		wants(t, s, refs[len(refs)-1], r)
	}
	check(t, s.MakeStable(refs[30].Addr))
	if s.Stable() <= refs[30].Addr {
		t.Fatal("it is not stable")
	}
	for i, ref := range refs {
		wants(t, s, ref, records[i])
	}
	check(t, s.Close())
	tail := wantRecords(t, opt, 0, records)
	if !tail.Clean || tail.Torn != nil || tail.First != 1 || tail.Records != len(records) {
		t.Fatalf("%+v", tail)
	}
	s = open(t, opt, tail)
	for i, ref := range refs {
		wants(t, s, ref, records[i])
	}
	more := mustAdd(t, s, "more")
	check(t, s.Close())
	if more.Addr <= refs[len(refs)-1].Addr {
		t.Fatal("addresses do not rise")
	}
	wantRecords(t, opt, 0, append(records, "more"))
}

func TestThreeOutcomesOfARead(t *testing.T) {
	m, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	good := mustAdd(t, s, "good")
	r, err := s.Reserve(7)
	check(t, err)
	copy(r.Bytes(), "aborted")
	r.Abort()
	if _, outcome, err := s.Read(r.Ref(), nil); outcome != logstore.Zeroed || err != nil {
		t.Fatal("an aborted record in memory:", outcome, err)
	}
	last := mustAdd(t, s, "last")
	check(t, s.MakeStable(last.Addr))
	if _, outcome, err := s.Read(r.Ref(), nil); outcome != logstore.Zeroed || err != nil {
		t.Fatal("an aborted record on disk:", outcome, err)
	}
	beyond := logstore.Ref{Addr: last.Addr + 4096, Size: 8}
	if _, outcome, err := s.Read(beyond, nil); outcome != logstore.Zeroed || err != nil {
		t.Fatal("a record that was never written:", outcome, err)
	}
	wrong := []logstore.Ref{{Addr: good.Addr, Size: 5}, {Addr: good.Addr + 8, Size: 4}, {Addr: 99 << 32, Size: 4}, {Addr: good.Addr, Size: 1 << 20}}
	for _, ref := range wrong {
		if _, outcome, err := s.Read(ref, nil); outcome != logstore.Corrupt || !isCorruption(err) {
			t.Fatal("a wrong ref:", ref, outcome, err)
		}
	}
	f, err := m.OpenWrite("log/000001.seg")
	check(t, err)
	_, err = f.WriteAt([]byte{'G'}, good.Addr.Offset()+24)
	check(t, err)
	if _, outcome, err := s.Read(good, nil); outcome != logstore.Corrupt || !isCorruption(err) {
		t.Fatal("a damaged record:", outcome, err)
	}
	wants(t, s, last, "last")
	check(t, s.Close())
}

func TestAnOpenReservationHoldsBackOnlyStability(t *testing.T) {
	_, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	first := mustAdd(t, s, "first")
	open, err := s.Reserve(10)
	check(t, err)
	var after []logstore.Ref
	for i := range 100 { // through many buffers and segments
		after = append(after, mustAdd(t, s, fmt.Sprintf("after %d %0200d", i, 0)))
	}
	for i, ref := range after {
		wants(t, s, ref, fmt.Sprintf("after %d %0200d", i, 0))
	}
	if s.Stable() > first.Addr {
		t.Fatal("a buffer was written before it was complete")
	}
	open.Complete()
	check(t, s.MakeStable(after[99].Addr))
	check(t, s.Close())
}

func TestIterateAndReleaseSegments(t *testing.T) {
	_, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	records := numbered(60)
	var refs []logstore.Ref
	for _, r := range records {
		refs = append(refs, mustAdd(t, s, r))
	}
	check(t, s.Sync())
	iterated := func(s *logstore.Store, from logstore.Addr) (got []string) {
		check(t, s.Iterate(from, func(r logstore.Record) error {
			got = append(got, string(r.Data))
			return nil
		}))
		return got
	}
	if got := iterated(s, refs[17].Addr); !slices.Equal(got, records[17:]) {
		t.Fatalf("from 17 on there are %d", len(got))
	}
	before := refs[40].Addr.Segment()
	check(t, s.Release(before))
	list, err := s.Segments()
	check(t, err)
	if list[0] != before {
		t.Fatal("segments left:", list)
	}
	n := slices.IndexFunc(refs, func(r logstore.Ref) bool { return r.Addr.Segment() >= before })
	if got := iterated(s, 0); !slices.Equal(got, records[n:]) {
		t.Fatalf("after the release there are %d", len(got))
	}
	if _, outcome, err := s.Read(refs[0], nil); outcome != logstore.Corrupt || !isCorruption(err) {
		t.Fatal(outcome, err)
	}
	check(t, s.Release(1<<30))
	if list, _ := s.Segments(); len(list) != 1 {
		t.Fatal("the last segment has gone:", list)
	}
	mustAdd(t, s, "after all")
	check(t, s.Close())
	tail := wantRecords(t, opt, list[len(list)-1], append(slices.Clone(records[len(records)-lastOf(refs):]), "after all"))
	s = open(t, opt, tail)
	mustAdd(t, s, "reopened")
	check(t, s.Sync())
	if got := iterated(s, 0); got[len(got)-1] != "reopened" || got[len(got)-2] != "after all" {
		t.Fatal(got)
	}
	check(t, s.Close())
}

// lastOf returns how many refs are in the last segment.
func lastOf(refs []logstore.Ref) (n int) {
	for _, r := range refs {
		if r.Addr.Segment() == refs[len(refs)-1].Addr.Segment() {
			n++
		}
	}
	return n
}

func TestManyWritersAndReaders(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			_, opt := disk(t)
			s := open(t, opt, logstore.Tail{})
			var wait sync.WaitGroup
			var aborted sync.Map
			for w := range 8 {
				wait.Go(func() {
					for i := range 100 {
						data := fmt.Sprintf("%d/%d/%0*d", w, i, 1+i*7%300, 0)
						r, err := s.Reserve(len(data))
						if err != nil {
							t.Error(err)
							return
						}
						copy(r.Bytes(), data)
						if i%10 == 9 {
							r.Abort()
							aborted.Store(data, true)
							continue
						}
						ref := r.Complete()
						if got, outcome, err := s.Read(ref, nil); outcome != logstore.OK || string(got) != data {
							t.Error("at once:", outcome, err)
						}
						if i%5 == 0 {
							if err := s.MakeStable(ref.Addr); err != nil || s.Stable() <= ref.Addr {
								t.Error("not stable:", err)
							}
							if got, outcome, err := s.Read(ref, nil); outcome != logstore.OK || string(got) != data {
								t.Error("once stable:", outcome, err)
							}
						}
					}
				})
			}
			wait.Wait()
			check(t, s.Close())
			got, refs, tail, err := scan(opt, 0)
			check(t, err)
			if len(got) != 8*90 || !tail.Clean {
				t.Fatalf("%d records, %+v", len(got), tail)
			}
			next := map[string]int{}
			for i, data := range got {
				var w string
				var n int
				fmt.Sscanf(data, "%1s/%d/", &w, &n)
				if n < next[w] || i > 0 && refs[i].Addr <= refs[i-1].Addr {
					t.Fatal("out of order:", data[:5])
				}
				if _, gone := aborted.Load(data); gone {
					t.Fatal("an aborted record is there")
				}
				next[w] = n + 1
			}
		})
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	m, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	ref := mustAdd(t, s, "before")
	check(t, s.MakeStable(ref.Addr))
	m.SetCapacity(1)
	records := []string{"before"}
	for i := range 30 {
		records = append(records, fmt.Sprintf("%d %0300d", i, 0))
		ref = mustAdd(t, s, records[i+1])
	}
	for range 3 {
		if err := s.MakeStable(ref.Addr); !errors.Is(err, vfs.ErrNoSpace) {
			t.Fatal(err)
		}
	}
	wants(t, s, ref, records[30])
	m.SetCapacity(0)
	check(t, s.MakeStable(ref.Addr))
	check(t, s.Close())
	wantRecords(t, opt, 0, records)
}

func TestAFailedSyncEndsTheStore(t *testing.T) {
	m, opt := disk(t)
	faulty := vfs.NewFaulty(m)
	opt.FS = faulty
	s := open(t, opt, logstore.Tail{})
	first := mustAdd(t, s, "first")
	check(t, s.MakeStable(first.Addr))
	faulty.SetHook(vfs.FailAt(0, vfs.DroppedSync(nil), vfs.OpSync))
	ref := mustAdd(t, s, "second")
	if err := s.MakeStable(ref.Addr); !errors.Is(err, logstore.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	if _, err := s.Reserve(1); !errors.Is(err, logstore.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, logstore.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	got, _, _, err := scan(opt, 0)
	if err != nil || got[0] != "first" {
		t.Fatal(got, err)
	}
}

func TestAfterCloseThereIsNothing(t *testing.T) {
	_, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	ref := mustAdd(t, s, "x")
	check(t, s.Close())
	check(t, s.Close())
	if _, err := s.Reserve(1); !errors.Is(err, vfs.ErrClosed) {
		t.Fatal(err)
	}
	if _, _, err := s.Read(ref, nil); !errors.Is(err, vfs.ErrClosed) {
		t.Fatal(err)
	}
	if err := s.MakeStable(ref.Addr + 1000); !errors.Is(err, vfs.ErrClosed) {
		t.Fatal(err)
	}
	opt.ReadOnly = true
	s = open(t, opt, wantRecords(t, opt, 0, []string{"x"}))
	wants(t, s, ref, "x")
	if _, err := s.Reserve(1); !errors.Is(err, vfs.ErrReadOnly) {
		t.Fatal(err)
	}
	if _, err := s.Reserve(logstore.MaxRecord + 1); !errors.Is(err, logstore.ErrTooLarge) {
		t.Fatal(err)
	}
	check(t, s.Close())
	opt.SegmentSize = 1
	if _, err := logstore.Open(opt, logstore.Tail{}); err == nil {
		t.Fatal("a bad option was taken")
	}
}

func TestAReservationDoesNotAllocate(t *testing.T) {
	_, opt := disk(t)
	opt.BufferSize, opt.SegmentSize = 1<<20, 1<<24
	s := open(t, opt, logstore.Tail{})
	data := make([]byte, 100)
	var last logstore.Ref
	if n := testing.AllocsPerRun(1000, func() {
		r, err := s.Reserve(len(data))
		if err != nil {
			t.Fatal(err)
		}
		copy(r.Bytes(), data)
		last = r.Complete()
	}); n > 0.5 {
		t.Errorf("%v allocations", n)
	}
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(1000, func() {
		if _, outcome, _ := s.Read(last, buf); outcome != logstore.OK {
			t.Fatal(outcome)
		}
	}); n > 0.5 {
		t.Errorf("%v allocations per read", n)
	}
	check(t, s.Close())
}

func TestALogIsContinuedBehindDamage(t *testing.T) {
	m, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	first, second := mustAdd(t, s, "first"), mustAdd(t, s, "second")
	check(t, s.Close())
	damageByte(t, m, "log/000001.seg", first.Addr.Offset()+25)
	if _, _, _, err := scan(opt, 0); !isCorruption(err) {
		t.Fatal(err)
	}
	tail, err := logstore.Behind(opt)
	check(t, err)
	s = open(t, opt, tail)
	third := mustAdd(t, s, "third")
	check(t, s.Sync())
	wants(t, s, second, "second")
	wants(t, s, third, "third")
	if _, outcome, err := s.Read(first, nil); outcome != logstore.Corrupt || !isCorruption(err) {
		t.Fatal(outcome, err)
	}
	check(t, s.Close())
	if tail, err := logstore.Behind(logstore.Options{FS: m, Dir: "none"}); err != nil || tail.Next != 1 {
		t.Fatal(tail, err)
	}
}
