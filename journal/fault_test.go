package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

// An error at any operation is returned, makes no acknowledged record disappear,
// and lets no record be read that was refused for want of room.
func TestFaultAtEachOperation(t *testing.T) {
	faults := map[string]error{
		"error":        vfs.ErrInjected,
		"full":         vfs.ErrNoSpace,
		"full, short":  vfs.ShortIO(700, vfs.ErrNoSpace),
		"short":        vfs.ShortIO(1000, vfs.ErrInjected),
		"dropped sync": vfs.DroppedSync(vfs.ErrInjected),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range crashOptions {
				for k := int64(0); faultAt(t, k, fault, c.opt); k++ {
				}
			}
		})
	}
}

// faultAt lets operation k fail and reports whether there was one.
func faultAt(t *testing.T, k int64, fault error, opt journal.Options) bool {
	t.Helper()
	m, base := disk(t)
	opt.Dir = base.Dir
	faulty := vfs.NewFaulty(m)
	faulty.SetHook(vfs.FailAt(k, fault))
	e, _, err := run(uint64(k), faulty, opt)
	check(t, err)
	broken := slices.ContainsFunc(e.errs, func(err error) bool { return errors.Is(err, journal.ErrUnknownOutcome) })
	for _, err := range e.errs {
		if !errors.Is(err, fault) && !errors.Is(err, vfs.ErrNoSpace) && !errors.Is(err, vfs.ErrInjected) {
			t.Fatalf("fault at %d: %v", k, err)
		}
	}
	for i, mode := range tearing[k%2:][:3] {
		opt.FS = m.CrashClone(vfs.CrashOptions{Seed: uint64(k) + uint64(i), Mode: mode})
		if err := e.verifyFaulty(opt, broken); err != nil {
			t.Fatalf("fault at %d, %v: %v", k, mode, err)
		}
	}
	return faulty.Ops() > k
}

// A power cut soon after a write that found the disk full lets nothing of it
// come back.
func TestPowerCutAfterAFullDisk(t *testing.T) {
	for _, c := range crashOptions {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for full := int64(0); full < 40; full++ {
				for later := range int64(8) {
					crashAfterFull(t, full, later, c.opt, c.modes)
				}
			}
		})
	}
}

func crashAfterFull(t *testing.T, full, later int64, opt journal.Options, modes []vfs.CrashMode) {
	t.Helper()
	m, base := disk(t)
	opt.Dir = base.Dir
	faulty := vfs.NewFaulty(m)
	failing, crashing := vfs.FailAt(full, vfs.ShortIO(33<<10, vfs.ErrNoSpace), vfs.OpWrite), vfs.CrashAt(later)
	hit := false
	faulty.SetHook(func(op vfs.Op) error {
		if hit {
			return crashing(op)
		}
		err := failing(op)
		hit = err != nil
		return err
	})
	e, _, err := run(uint64(full), faulty, opt)
	check(t, err)
	for i, mode := range modes {
		opt.FS = m.CrashClone(vfs.CrashOptions{Seed: uint64(10*full+later) + uint64(i), Mode: mode})
		if err := e.verifyFaulty(opt, false); err != nil {
			t.Fatalf("full at write %d, cut %d later, %v: %v", full, later, mode, err)
		}
	}
}

// verifyFaulty is verify for a history in which records may have failed.
func (h *history) verifyFaulty(opt journal.Options, broken bool) error {
	got, _, err := read(opt, h.from, nil)
	if err != nil {
		return err
	}
	if want := h.order[h.cut:]; !subsequence(got, want) {
		return fmt.Errorf("read %.40q of %.40q", got, want)
	}
	for _, r := range got {
		if h.failed[r] {
			return fmt.Errorf("read %.40q, which was refused (broken: %v)", r, broken)
		}
	}
	for i := h.cut; i < h.synced; i++ {
		if r := h.order[i]; !h.failed[r] && !slices.Contains(got, r) {
			return fmt.Errorf("%.40q is lost, which was acknowledged", r)
		}
	}
	return nil
}

// After a full disk the writer goes on when told so, and what failed is never
// read.
func TestAFullDiskIsSurvived(t *testing.T) {
	for _, reserve := range []bool{true, false} {
		m, opt := disk(t)
		opt.NoPreallocate, opt.SegmentSize = !reserve, 1<<20
		w := create(t, opt, journal.Tail{})
		put(t, w, journal.Buffered, "before")
		m.SetCapacity(200 << 10)
		first, err := w.Append([]byte(strings.Repeat("x", 500<<10)))
		check(t, err)
		second, err := w.Append([]byte("behind"))
		check(t, err)
		for _, err := range []error{w.Wait(second, journal.Synced), w.Wait(first, journal.Buffered), first.Failed(), second.Failed()} {
			if !errors.Is(err, vfs.ErrNoSpace) || errors.Is(err, journal.ErrUnknownOutcome) {
				t.Fatal(err)
			}
		}
		if _, err := w.Append([]byte("early")); !errors.Is(err, vfs.ErrNoSpace) {
			t.Fatalf("appended to a stalled log: %v", err)
		}
		check(t, w.Sync())
		wantRecords(t, opt, 1, nil, []string{"before"})
		check(t, w.Resume())
		put(t, w, journal.Synced, "small")
		m.SetCapacity(0)
		put(t, w, journal.Synced, strings.Repeat("y", 600<<10), "after")
		want := []string{"before", "small", strings.Repeat("y", 600<<10), "after"}
		wantRecords(t, opt, 1, nil, want)
		end := closeLog(t, w)
		wantRecords(t, opt, 1, &end, want)
	}
}

// Segment numbers that Rotate announced are kept when the records fail.
func TestRotateIsKeptWhenTheDiskIsFull(t *testing.T) {
	m, opt := disk(t)
	opt.SegmentSize = 4 << 10
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "a")
	m.SetCapacity(1)
	for range 3 {
		_, err := w.Append(make([]byte, 4<<10))
		check(t, err)
	}
	n, err := w.Rotate()
	check(t, err)
	ticket, err := w.Append([]byte("b"))
	check(t, err)
	if err := w.Wait(ticket, journal.Buffered); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatal(err)
	}
	m.SetCapacity(0)
	check(t, w.Resume())
	put(t, w, journal.Synced, "c")
	wantRecords(t, opt, n, nil, []string{"c"})
	wantRecords(t, opt, 1, nil, []string{"a", "c"})
	check(t, w.Release(n))
	wantRecords(t, opt, n, nil, []string{"c"})
}

// A failed sync stops the writer for good, and what it may have lost is never
// acknowledged, though the next sync would succeed.
func TestAFailedSyncPoisons(t *testing.T) {
	m, opt := disk(t)
	faulty := vfs.NewFaulty(m)
	opt.FS = faulty
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "a")
	ticket, err := w.Append([]byte("b"))
	check(t, err)
	faulty.SetHook(vfs.FailAt(0, vfs.DroppedSync(vfs.ErrInjected), vfs.OpSync))
	first := w.Wait(ticket, journal.Synced)
	_, appendErr := w.Append(nil)
	_, rotateErr := w.Rotate()
	_, closeErr := w.Close()
	for i, err := range []error{first, w.Wait(ticket, journal.Synced), w.Wait(ticket, journal.Process), ticket.Failed(),
		appendErr, rotateErr, w.Sync(), w.Resume(), w.Release(1), closeErr} {
		if !errors.Is(err, journal.ErrUnknownOutcome) || !errors.Is(err, vfs.ErrInjected) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	wantRecords(t, opt, 1, nil, []string{"a"})
}

// Many writers share a sync.
func TestGroupCommitSharesSyncs(t *testing.T) {
	m, opt := disk(t)
	sim := vfs.NewSim(1)
	faulty := vfs.NewFaulty(m)
	faulty.SetYield(func() {
		for range 20 {
			sim.Yield()
		}
	})
	opt.FS, opt.Executor = faulty, sim
	check(t, sim.Run(func() {
		w, err := journal.Create(opt, journal.Tail{})
		check(t, err)
		group := vfs.NewGroup(sim)
		for i := range 16 {
			group.Go("writer", func() { put(t, w, journal.Synced, numbered(100*i, 100)...) })
		}
		group.Wait()
		if s := w.Stats(); s.Records != 1600 || s.Syncs > 800 {
			t.Errorf("stats are %+v", s)
		}
		_, err = w.Close()
		check(t, err)
	}))
	opt.FS, opt.Executor = m, nil
	got, _, err := read(opt, 1, nil)
	if err != nil || len(got) != 1600 {
		t.Fatalf("read %d records: %v", len(got), err)
	}
}

// Records that nobody waits for take no memory of their own.
func TestAppendDoesNotAllocate(t *testing.T) {
	m := vfs.NewMemUntracked()
	w := create(t, journal.Options{FS: m, Dir: "log", SegmentSize: 1 << 30}, journal.Tail{})
	record := make([]byte, 100)
	put(t, w, journal.Synced, strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20))
	allocs := testing.AllocsPerRun(5000, func() {
		ticket, err := w.Append(record)
		if err != nil || w.Wait(ticket, journal.Process) != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Fatalf("%v allocations for each record", allocs)
	}
}

// A segment whose header found no room is not left in the middle of the chain,
// where a recycled file would look like damage.
func TestASegmentWithoutHeaderIsNotLeftInTheChain(t *testing.T) {
	m, opt := disk(t)
	faulty := vfs.NewFaulty(m)
	opt.FS = faulty
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "first")
	second, err := w.Rotate()
	check(t, err)
	put(t, w, journal.Synced, "second")
	check(t, w.Release(second)) // leaves a file to recycle
	_, err = w.Rotate()
	check(t, err)
	_, err = w.Append([]byte("refused"))
	check(t, err)
	_, err = w.Rotate()
	check(t, err)
	refused, err := w.Append([]byte("refused too"))
	check(t, err)
	full := false
	faulty.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && op.Offset == 0 && !full {
			full = true
			return vfs.ErrNoSpace
		}
		return nil
	})
	if err := w.Wait(refused, journal.Synced); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatal(err)
	}
	check(t, w.Resume())
	put(t, w, journal.Synced, "third")
	opt.FS = m.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
	wantRecords(t, opt, second, nil, []string{"second", "third"})
	end := closeLog(t, w)
	opt.FS = m.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
	wantRecords(t, opt, second, &end, []string{"second", "third"})
}
