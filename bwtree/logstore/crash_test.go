package logstore_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/vfs"
)

// history is what the users of a log know about it.
type history struct {
	data   map[logstore.Ref]string // completed
	stable map[logstore.Ref]bool   // for which MakeStable returned nil
	errs   []error
}

// live is one life of a log, in which three tasks write, on a disk that may fail.
func live(seed uint64, faulty *vfs.Faulty, opt logstore.Options, after logstore.Tail, h *history) error {
	sim := vfs.NewSim(seed)
	faulty.SetYield(sim.Yield)
	defer faulty.SetYield(nil)
	opt.FS, opt.Executor = faulty, sim
	return sim.Run(func() {
		s, err := logstore.Open(opt, after)
		if err != nil {
			h.errs = append(h.errs, err)
			return
		}
		group := vfs.NewGroup(sim)
		for w := range 3 {
			group.Go("writer", func() {
				for i := range 6 {
					if err := h.write(s, sim, w, i); err != nil {
						h.errs = append(h.errs, err)
						return
					}
				}
			})
		}
		group.Wait()
		if err := s.Close(); err != nil {
			h.errs = append(h.errs, err)
			return
		}
		for ref := range h.data {
			h.stable[ref] = true
		}
	})
}

func (h *history) write(s *logstore.Store, sim *vfs.Sim, w, i int) error {
	data := fmt.Sprintf("%d.%d %s", w, i, strings.Repeat("x", []int{3, 700, 40, 9000, 0, 2500}[(w+2*i)%6]))
	r, err := s.Reserve(len(data))
	if err != nil {
		return err
	}
	sim.Yield()
	copy(r.Bytes(), data)
	if (w+i)%5 == 4 {
		r.Abort()
		return nil
	}
	ref := r.Complete()
	h.data[ref] = data
	if (w+i)%2 == 0 {
		return nil
	}
	err = s.MakeStable(ref.Addr)
	if errors.Is(err, vfs.ErrNoSpace) {
		return nil // another call tries again
	}
	if err != nil {
		return err
	}
	for other := range h.data {
		if other.Addr <= ref.Addr {
			h.stable[other] = true
		}
	}
	return nil
}

// verify checks that a log has what must be there, as it was written, and nothing
// else, and that all of it can be read.
func (h *history) verify(opt logstore.Options) (logstore.Tail, error) {
	got, refs, tail, err := scan(opt, 0)
	if err != nil {
		return tail, err
	}
	for i, ref := range refs {
		if want, ok := h.data[ref]; !ok || want != got[i] {
			return tail, fmt.Errorf("at %v is %.20q, want %.20q", ref, got[i], want)
		}
	}
	opt.ReadOnly = true
	s, err := logstore.Open(opt, tail)
	if err != nil {
		return tail, err
	}
	defer s.Close()
	for ref := range h.stable {
		data, outcome, err := s.Read(ref, nil)
		if outcome != logstore.OK || string(data) != h.data[ref] {
			return tail, fmt.Errorf("read %v: %v %w", ref, outcome, err)
		}
		if !slices.Contains(refs, ref) {
			return tail, fmt.Errorf("stable record %v was not visited", ref)
		}
	}
	return tail, nil
}

func newHistory() *history {
	return &history{data: map[logstore.Ref]string{}, stable: map[logstore.Ref]bool{}}
}

var tearing = []vfs.CrashMode{vfs.KeepNone, vfs.KeepAll, vfs.Mix, vfs.KeepSome, vfs.KeepSome, vfs.KeepSome}

// After a power cut before any disk operation the log has every record that was
// stable, and no other bytes than were written; also if the power fails again
// while the log is continued.
func TestAPowerCutAnywhereLosesNothingStable(t *testing.T) {
	for seed := range uint64(3) {
		for k := int64(0); crashAt(t, seed, k); k++ {
		}
	}
}

// crashAt cuts the power before operation k and reports whether there was one.
func crashAt(t *testing.T, seed uint64, k int64) bool {
	t.Helper()
	m, opt := disk(t)
	faulty := vfs.NewFaulty(m)
	faulty.SetHook(vfs.CrashAt(k))
	h := newHistory()
	check(t, live(seed, faulty, opt, logstore.Tail{}, h))
	for i, mode := range tearing {
		again := &history{data: cloneMap(h.data), stable: cloneMap(h.stable)}
		c := m.CrashClone(vfs.CrashOptions{Seed: seed + uint64(i), Mode: mode})
		opt.FS = c
		tail, err := again.verify(opt)
		if err != nil {
			t.Fatalf("seed %d, cut at %d, %v: %v", seed, k, mode, err)
		}
		// What was found is there for good once the log is continued.
		second := vfs.NewFaulty(c)
		second.SetHook(vfs.CrashAt(int64(i) * 3))
		got, refs, _, _ := scan(opt, 0)
		forget(again, refs)
		check(t, live(seed+1, second, opt, tail, again))
		if len(again.errs) == 0 || second.Ops() > 4 {
			for j, ref := range refs {
				if again.data[ref] == got[j] {
					continue
				}
				t.Fatal("a record was written over")
			}
		}
		opt.FS = c.CrashClone(vfs.CrashOptions{Seed: seed, Mode: mode})
		if _, err := again.verify(opt); err != nil {
			t.Fatalf("seed %d, cut at %d, %v, and again at %d: %v", seed, k, mode, i*3, err)
		}
	}
	return faulty.Crashed()
}

// forget drops what the crash has taken, whose addresses may be used again.
func forget(h *history, refs []logstore.Ref) {
	for ref := range h.data {
		if !slices.Contains(refs, ref) {
			delete(h.data, ref)
			delete(h.stable, ref)
		}
	}
}

func cloneMap[V any](m map[logstore.Ref]V) map[logstore.Ref]V {
	c := make(map[logstore.Ref]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// A disk that fails at any operation in any way makes calls fail, and loses
// nothing that was stable.
func TestAFaultAnywhereIsAnError(t *testing.T) {
	faults := []error{vfs.ErrInjected, vfs.ErrNoSpace, vfs.ShortIO(5, vfs.ErrInjected), vfs.ShortIO(100, vfs.ErrNoSpace), vfs.DroppedSync(nil)}
	for seed := range uint64(2) {
		for i, fault := range faults {
			for k := int64(0); ; k++ {
				m, opt := disk(t)
				faulty := vfs.NewFaulty(m)
				faulty.SetHook(vfs.FailAt(k, fault))
				h := newHistory()
				check(t, live(seed, faulty, opt, logstore.Tail{}, h))
				if faulty.Ops() <= k {
					break
				}
				opt.FS = m
				if _, err := h.verify(opt); err != nil {
					t.Fatalf("seed %d, fault %d at operation %d: %v, after %v", seed, i, k, err, h.errs)
				}
				if errors.Is(fault, vfs.ErrNoSpace) && len(h.errs) > 0 && !errors.Is(h.errs[0], vfs.ErrNoSpace) {
					t.Fatalf("seed %d, a full disk at operation %d: %v", seed, k, h.errs)
				}
			}
		}
	}
}

// A log whose process was killed is read from the system's cache; what was read is
// durable when Open returns.
func TestWhatScanFoundIsDurableOnceOpened(t *testing.T) {
	m, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	first := mustAdd(t, s, "first")
	check(t, s.MakeStable(first.Addr))
	var last logstore.Ref
	for i := range 20 { // written when their buffers are full, and not synced
		last = mustAdd(t, s, fmt.Sprintf("%d %0100d", i, 0))
	}
	for s.Stats().Writes < 3 {
		runtime.Gosched()
	}
	again := m.Clone()
	opt.FS = again
	got, refs, tail, err := scan(opt, 0)
	check(t, err)
	if len(got) < 2 || refs[len(refs)-1] == last {
		t.Fatalf("%d records were read", len(got))
	}
	f, err := again.OpenWrite("log/000001.seg")
	check(t, err)
	data := make([]byte, tail.Length-first.Addr.Offset())
	_, err = f.ReadAt(data, first.Addr.Offset())
	check(t, err)
	_, err = f.WriteAt(make([]byte, len(data)), first.Addr.Offset())
	check(t, err)
	check(t, f.Sync()) // as if the system had never written them
	_, err = f.WriteAt(data, first.Addr.Offset())
	check(t, err)
	open(t, opt, tail)
	opt.FS = again.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
	wantRecords(t, opt, 0, got)
	check(t, s.Close())
}
