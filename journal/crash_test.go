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

// history is what the users of a log know about it when the power fails.
type history struct {
	order  []string         // appended, in order
	place  map[string]int   // in order
	synced int              // all before this place in order were acknowledged
	from   uint64           // lower segments are not needed
	cut    int              // place of the first record that is needed
	ticket []journal.Ticket // of order
	failed map[string]bool  // failed for want of room: never to be read
	errs   []error          // that tasks met
}

// engine uses a log as an engine does, in tasks of a Sim.
type engine struct {
	history
	sim    *vfs.Sim
	commit vfs.Mutex
	w      *journal.Writer
}

func newEngine(sim *vfs.Sim, w *journal.Writer) *engine {
	return &engine{sim: sim, commit: sim.NewMutex(), w: w,
		history: history{place: map[string]int{}, failed: map[string]bool{}}}
}

// write appends a record and waits for it.
func (e *engine) write(record string, level journal.Level) error {
	e.commit.Lock()
	ticket, err := e.w.Append([]byte(record))
	if err == nil {
		e.place[record] = len(e.order)
		e.order = append(e.order, record)
		e.ticket = append(e.ticket, ticket)
	}
	e.commit.Unlock()
	if err == nil {
		err = e.w.Wait(ticket, level)
	}
	switch {
	case err == nil && level == journal.Synced:
		e.synced = max(e.synced, e.place[record]+1)
	case err != nil:
		e.errs = append(e.errs, err)
	}
	return err
}

// advance gives up all segments so far, as after a flush.
func (e *engine) advance() error {
	e.commit.Lock()
	n, err := e.w.Rotate()
	cut := len(e.order)
	e.commit.Unlock()
	if err != nil {
		return err
	}
	e.from, e.cut = n, cut // durable elsewhere
	e.synced = max(e.synced, cut)
	return e.w.Release(n)
}

// work runs three writers with records of different sizes and levels, and one
// that rotates.
func (e *engine) work(group *vfs.Group) {
	for i := range 3 {
		group.Go("writer", func() {
			for j := range 6 {
				size := []int{3, 700, 40, 33 << 10, 0, 2500}[(i+2*j)%6]
				record := fmt.Sprintf("%d.%d %s", i, j, strings.Repeat(fmt.Sprint(j), size))
				err := e.write(record, journal.Level((i+j)%3))
				if err != nil && (!errors.Is(err, vfs.ErrNoSpace) || e.w.Resume() != nil) {
					return
				}
			}
		})
	}
	group.Go("flusher", func() {
		for range 2 {
			e.sim.Yield()
			if e.advance() != nil {
				return
			}
		}
	})
}

// run is one life of a log on a disk that may fail.
func run(seed uint64, faulty *vfs.Faulty, opt journal.Options) (*engine, *vfs.Sim, error) {
	sim := vfs.NewSim(seed)
	faulty.SetYield(sim.Yield)
	defer faulty.SetYield(nil)
	opt.FS, opt.Executor = &lateFS{faulty, sim}, sim
	e := newEngine(sim, nil)
	err := sim.Run(func() {
		w, err := journal.Create(opt, journal.Tail{})
		if err != nil {
			return
		}
		e.w = w
		group := vfs.NewGroup(sim)
		e.work(group)
		group.Wait()
		if _, err := w.Close(); err == nil {
			e.synced = len(e.order)
		}
		for i, t := range e.ticket {
			if err := t.Failed(); errors.Is(err, vfs.ErrNoSpace) && !errors.Is(err, journal.ErrUnknownOutcome) {
				e.failed[e.order[i]] = true
			}
		}
	})
	return e, sim, err
}

// lateFS lets other tasks run between the end of a write or a sync and the
// return of the call.
type lateFS struct {
	*vfs.Faulty
	sim *vfs.Sim
}

type lateFile struct {
	vfs.File
	sim *vfs.Sim
}

func (fs *lateFS) OpenWrite(name string) (vfs.File, error) {
	f, err := fs.Faulty.OpenWrite(name)
	if err != nil {
		return nil, err
	}
	return &lateFile{f, fs.sim}, nil
}

func (f *lateFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	f.sim.Yield()
	return n, err
}

func (f *lateFile) Sync() error {
	err := f.File.Sync()
	for range 20 {
		f.sim.Yield()
	}
	return err
}

// verify checks that a log has what must be there and nothing else, in order. It
// returns what it has.
func (h *history) verify(opt journal.Options) ([]string, journal.Tail, error) {
	got, tail, err := read(opt, h.from, nil)
	if err != nil {
		return nil, tail, err
	}
	want := h.order[h.cut:]
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		return nil, tail, fmt.Errorf("read %.40q, which is no beginning of %.40q", got, want)
	}
	if h.cut+len(got) < h.synced {
		return nil, tail, fmt.Errorf("only %d records of %d that were acknowledged are there", h.cut+len(got), h.synced)
	}
	return got, tail, nil
}

var crashOptions = []struct {
	name  string
	opt   journal.Options
	modes []vfs.CrashMode
}{
	{"small segments", journal.Options{SegmentSize: 4 << 10}, tearing},
	{"no reuse", journal.Options{SegmentSize: 64 << 10, Recycle: -1, NoPreallocate: true}, tearing},
	{"small groups", journal.Options{SegmentSize: 40 << 10, MaxGroup: 64, Recycle: 2}, tearing},
	{"collateral", journal.Options{SegmentSize: 40 << 10, Sector: 16 << 10}, append(tearing, vfs.Collateral)},
}

var tearing = []vfs.CrashMode{vfs.KeepNone, vfs.KeepAll, vfs.Mix, vfs.KeepSome, vfs.KeepSome, vfs.KeepSome}

// After a power cut before any disk operation the log has every record that was
// acknowledged as synced, in order, no part of a group, nothing from before in
// reused files, and no damage; also if the power fails again while the log is
// continued.
func TestPowerCutAtEachOperation(t *testing.T) {
	for _, c := range crashOptions {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2) {
				for k := int64(0); crashAt(t, seed, k, c.opt, c.modes); k++ {
				}
			}
		})
	}
}

// crashAt cuts the power before operation k and reports whether there was one.
func crashAt(t *testing.T, seed uint64, k int64, opt journal.Options, modes []vfs.CrashMode) bool {
	t.Helper()
	m, base := disk(t)
	opt.Dir = base.Dir
	faulty := vfs.NewFaulty(m)
	faulty.SetHook(vfs.CrashAt(k))
	e, _, err := run(seed, faulty, opt)
	check(t, err)
	for i, mode := range modes {
		opt.FS = m.CrashClone(vfs.CrashOptions{Seed: seed*1000 + uint64(i), Mode: mode})
		got, tail, err := e.verify(opt)
		if err != nil {
			t.Fatalf("seed %d, cut at %d, %v %d: %v", seed, k, mode, i, err)
		}
		if k%12 == int64(i) {
			crashAgain(t, e, opt, got, tail, mode)
		}
	}
	return faulty.Crashed()
}

// crashAgain continues a log after a power cut and cuts the power before each of
// the operations of that.
func crashAgain(t *testing.T, e *engine, opt journal.Options, got []string, tail journal.Tail, mode vfs.CrashMode) {
	t.Helper()
	first := opt.FS.(*vfs.Mem)
	more := []string{"more 1", strings.Repeat("more 2", 1000), "more 3"}
	for k := int64(0); ; k++ {
		m := first.Clone()
		faulty := vfs.NewFaulty(m)
		faulty.SetHook(vfs.CrashAt(k))
		opt.FS = faulty
		h := history{order: slices.Concat(e.order[:e.cut], got, more), from: e.from, cut: e.cut, synced: e.cut + len(got)}
		if w, err := journal.Create(opt, tail); err == nil {
			for _, r := range more {
				ticket, err := w.Append([]byte(r))
				if err != nil || w.Wait(ticket, journal.Synced) != nil {
					break
				}
				h.synced++
			}
		}
		opt.FS = m.CrashClone(vfs.CrashOptions{Seed: uint64(k), Mode: mode})
		if _, _, err := h.verify(opt); err != nil {
			t.Fatalf("cut again at %d, %v: %v", k, mode, err)
		}
		if !faulty.Crashed() {
			return
		}
	}
}

// The same seed gives the same run, operation by operation.
func TestRunsAreDeterministic(t *testing.T) {
	trace := func() (uint64, int64) {
		m, opt := disk(t)
		opt.SegmentSize = 4 << 10
		faulty := vfs.NewFaulty(m)
		_, sim, err := run(42, faulty, opt)
		check(t, err)
		return sim.Trace(), faulty.Ops()
	}
	trace1, ops1 := trace()
	if trace2, ops2 := trace(); trace1 != trace2 || ops1 != ops2 {
		t.Fatalf("%d operations with trace %x, then %d with %x", ops1, trace1, ops2, trace2)
	}
}

// What a log had when it was continued is not lost by a later power cut, even if
// it was only buffered before.
func TestContinuingMakesDurableWhatWasRead(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Buffered, numbered(0, 5)...)
	tail := wantRecords(t, opt, 1, nil, numbered(0, 5)) // after the process died
	faulty := vfs.NewFaulty(m)
	rewritten := false // for systems whose cache holds what they failed to write
	faulty.SetHook(func(op vfs.Op) error {
		rewritten = rewritten || op.Kind == vfs.OpWrite && op.Name == smallFiles[0]
		return nil
	})
	opt.FS = faulty
	w = create(t, opt, tail)
	if !rewritten {
		t.Fatal("what was not known to be durable was not written again")
	}
	put(t, w, journal.Synced, numbered(5, 1)...)
	for i, mode := range tearing {
		opt.FS = m.CrashClone(vfs.CrashOptions{Seed: uint64(i), Mode: mode})
		wantRecords(t, opt, 1, nil, numbered(0, 6))
	}
}

// A power cut while segments are released leaves a chain without gaps.
func TestPowerCutInRelease(t *testing.T) {
	for k := int64(0); ; k++ {
		m, opt := disk(t)
		faulty := vfs.NewFaulty(m)
		opt.FS, opt.Recycle = faulty, 2
		w := create(t, opt, journal.Tail{})
		for i := range 7 {
			put(t, w, journal.Synced, numbered(i, 1)...)
			_, err := w.Rotate()
			check(t, err)
		}
		put(t, w, journal.Synced, "last")
		faulty.SetHook(vfs.CrashAt(k))
		if err := w.Release(8); err == nil {
			return
		}
		for seed := range uint64(10) {
			opt.FS = m.CrashClone(vfs.CrashOptions{Seed: seed, Mode: vfs.KeepSome})
			got, _, err := read(opt, 0, nil)
			if want := append(numbered(0, 7), "last"); err != nil || len(got) == 0 || !slices.Equal(got, want[8-len(got):]) {
				t.Fatalf("cut at %d: read %q: %v", k, got, err)
			}
		}
	}
}

// A spare file is not reused where its old content would count again.
func TestSpareFilesOfALaterLogAreNotReused(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "old 1", "old 2", "old 3")
	n, err := w.Rotate()
	check(t, err)
	put(t, w, journal.Synced, "old 4")
	check(t, w.Release(n))
	closeLog(t, w)
	check(t, m.Remove("log/000002.log"))
	w = create(t, opt, wantRecords(t, opt, 0, nil, nil))
	put(t, w, journal.Synced, "new 1")
	wantRecords(t, opt, 0, nil, []string{"new 1"})
}
