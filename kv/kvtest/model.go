package kvtest

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ModelOptions say how much CheckModel does. The zero value is what each change
// is tested with.
type ModelOptions struct {
	// Histories is how many are run; default 500.
	Histories int
	// Ops is the number of steps of each; default 150.
	Ops int
	// Seed is that of the first history, the others follow; default 1. A
	// failure names the seed of its history: run that alone with Histories 1.
	Seed uint64
	// Against are engines that are to run the same histories: all are compared
	// with the model, and so with each other.
	Against []Engine
	// ShrinkFor bounds the time spent on making a failing history shorter;
	// default 10 seconds.
	ShrinkFor time.Duration
}

func (o ModelOptions) filled() ModelOptions {
	o.Histories = cmp.Or(o.Histories, 500)
	o.Ops = cmp.Or(o.Ops, 150)
	o.Seed = cmp.Or(o.Seed, 1)
	o.ShrinkFor = cmp.Or(o.ShrinkFor, 10*time.Second)
	return o
}

// ModelError is a history in which an engine did other than the model.
type ModelError struct {
	Engine  string
	Seed    uint64
	Ops     int    // of the history before it was shrunk
	History string // as text, shrunk
	Err     error  // what differed
}

// Error returns the history and what went wrong at its end.
func (e *ModelError) Error() string {
	return fmt.Sprintf("engine %s, history %d (%d steps): %v\nThe shortest history found that fails:\n%s", e.Engine, e.Seed, e.Ops, e.Err, e.History)
}

// Unwrap returns what went wrong.
func (e *ModelError) Unwrap() error { return e.Err }

// RunModel runs random histories on e and compares each answer with that of a
// plain Go map; see [CheckModel]. VARVE_SEED runs one history alone.
func RunModel(t *testing.T, e Engine, opt ModelOptions) {
	opt = opt.filled()
	if testing.Short() {
		opt.Histories = min(opt.Histories, 60)
	}
	if list := seeds(t, 2); len(list) == 1 {
		opt.Seed, opt.Histories = list[0], 1
	}
	if err := CheckModel(e, opt); err != nil {
		t.Fatalf("%v%s", err, replayHint(t, err))
	}
}

// CheckModel runs histories of random steps on e, with restarts, snapshots,
// iterators and transactions, under random options that change at each restart,
// and compares every answer with the model. Each history is a function of its
// seed and runs on a simulated disk by a simulated executor, so it can be
// replayed. The error is a *ModelError with the history, shrunk.
func CheckModel(e Engine, opt ModelOptions) error {
	opt = opt.filled()
	engines := append([]Engine{e}, opt.Against...)
	var failed atomic.Pointer[ModelError]
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for failed.Load() == nil {
				i := next.Add(1) - 1
				if i >= int64(opt.Histories) {
					return
				}
				if err := checkHistory(engines, opt.Seed+uint64(i), opt); err != nil {
					failed.CompareAndSwap(nil, err)
				}
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return err
	}
	return nil
}

// checkHistory runs the history of a seed on all engines.
func checkHistory(engines []Engine, seed uint64, opt ModelOptions) *ModelError {
	h := newHistory(seed, opt.Ops)
	for _, e := range engines {
		if err := runHistory(e, seed, h); err != nil {
			short, err := shrinkHistory(h, err, func(h history) error { return runHistory(e, seed, h) }, opt.ShrinkFor)
			return &ModelError{Engine: e.Name, Seed: seed, Ops: opt.Ops, History: short.String(), Err: err}
		}
	}
	return nil
}

// shrinkHistory leaves steps out of a failing history for as long as it still
// fails, and returns what is left with its error.
func shrinkHistory(h history, err error, run func(history) error, limit time.Duration) (history, error) {
	deadline := time.Now().Add(limit)
	for size := len(h) / 2; size > 0; {
		progress := false
		for at := len(h) - size; at > -size && time.Now().Before(deadline); at -= size {
			from := max(at, 0)
			less := append(append(history{}, h[:from]...), h[min(from+size, len(h)):]...)
			if e := run(less); e != nil {
				h, err, progress = less, e, true
			}
		}
		if !progress || size > 1 {
			size /= 2
		}
	}
	return shrinkSteps(h, err, run, deadline)
}

// shrinkSteps leaves parts out of the steps that are left.
func shrinkSteps(h history, err error, run func(history) error, deadline time.Time) (history, error) {
	for i := range h {
		for _, less := range []func(*step) bool{
			func(s *step) bool { return dropLast(&s.writes, 1) }, func(s *step) bool { return dropFirst(&s.writes, 1) },
			func(s *step) bool { return dropLast(&s.acts, 1) }, func(s *step) bool { return dropFirst(&s.acts, 1) },
			func(s *step) bool { return dropLast(&s.rival, 1) }, func(s *step) bool { return dropFirst(&s.rival, 0) },
			func(s *step) bool { return dropLast(&s.moves, 1) }, func(s *step) bool { return dropFirst(&s.moves, 1) },
			func(s *step) bool { return dropLast(&s.keys, 1) }, func(s *step) bool { return dropFirst(&s.keys, 1) },
		} {
			for time.Now().Before(deadline) {
				shorter := append(history{}, h...)
				if !less(&shorter[i]) {
					break
				}
				e := run(shorter)
				if e == nil {
					break
				}
				h, err = shorter, e
			}
		}
	}
	return h, err
}

// dropLast shortens a list, which it does not change, to no less than least.
func dropLast[T any](list *[]T, least int) bool {
	if len(*list) <= least {
		return false
	}
	*list = (*list)[: len(*list)-1 : len(*list)-1]
	return true
}

func dropFirst[T any](list *[]T, least int) bool {
	if len(*list) <= least {
		return false
	}
	*list = (*list)[1:]
	return true
}

// replayHint says how to run what failed again.
func replayHint(t testing.TB, err error) string {
	seed := uint64(0)
	switch err := err.(type) {
	case *ModelError:
		seed = err.Seed
	case *IsolationError:
		seed = err.Seed
	}
	return fmt.Sprintf("\nreplay: VARVE_SEED=%d go test -run '%s'", seed, runPattern(t.Name()))
}

// runPattern returns the pattern that makes go test run the test of that name.
func runPattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
