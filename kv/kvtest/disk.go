package kvtest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// diskDir is where the stores of the disk harnesses are. It has a parent, so
// that whoever forgets to sync that is found out.
const diskDir = "data/store"

// maxDiskOps is more operations than any step of a harness takes. An engine that
// reaches it goes round in circles.
const maxDiskOps = 200_000

// machine is a computer: a disk that can fail, and an executor with one task at
// a time. All that happens on it follows from its seed, the content of the disk
// and the engine.
type machine struct {
	engine Engine
	seed   uint64
	sim    *vfs.Sim
	disk   *vfs.Mem
	faulty *vfs.Faulty

	ops     int64  // since arm
	trace   uint64 // hash of all operations
	hit     vfs.Op // of the last fault
	endless bool
}

// newMachine returns a machine that has the disk and no other.
func newMachine(e Engine, seed uint64, disk *vfs.Mem) *machine {
	m := &machine{engine: e, seed: seed, sim: vfs.NewSim(seed), disk: disk, faulty: vfs.NewFaulty(disk)}
	m.faulty.SetYield(m.sim.Yield)
	m.arm(nil)
	return m
}

// arm makes hook decide about the operations from now on; nil lets all succeed.
func (m *machine) arm(hook func(vfs.Op) error) {
	m.ops = 0
	m.faulty.SetHook(func(op vfs.Op) error {
		m.note(op)
		if m.ops > maxDiskOps {
			m.endless = true
			return vfs.ErrInjectedCrash
		}
		if hook == nil {
			return nil
		}
		err := hook(op)
		if err != nil {
			m.hit = op
		}
		return err
	})
}

// traceSeed makes traces comparable within a process.
var traceSeed = maphash.MakeSeed()

func (m *machine) note(op vfs.Op) {
	m.ops++
	m.trace = maphash.Comparable(traceSeed, [2]any{m.trace, op})
}

// run runs f as the main task. A deadlock, a panic of any task, and operations
// without end are errors.
func (m *machine) run(f func() error) error {
	err := errors.New("the main task was ended")
	ran := m.sim.Run(func() { err = f() })
	switch {
	case ran != nil:
		return ran
	case m.endless:
		return fmt.Errorf("no end after %d disk operations", m.ops)
	}
	return err
}

// open opens the store of the machine, with options by a seed.
func (m *machine) open(seed uint64, change ...func(*Env)) (kv.Store, error) {
	env := Env{FS: m.faulty, Executor: m.sim, Dir: diskDir, Seed: seed}
	for _, f := range change {
		f(&env)
	}
	return m.engine.Open(context.Background(), env)
}

// seedFor makes a new seed of a seed and what it is for.
func seedFor(seed uint64, parts ...any) uint64 {
	const prime = 1<<40 + 0x1b3
	h := seed ^ 0xcbf29ce484222325
	for _, b := range []byte(fmt.Sprint(parts...)) {
		h = (h ^ uint64(b)) * prime
	}
	h ^= h >> 31
	h *= 0x9e3779b97f4a7c15
	return max(1, h^h>>29) // 0 would stand for default options
}

// replayError says how a failure is seen again.
type replayError struct {
	engine, part string
	seed         uint64
	steps        []string // from the scenario inwards
	err          error
}

// Error names all that leads to the failure.
func (e *replayError) Error() string {
	return fmt.Sprintf("%s: %s: %v\nreplay: VARVE_SEED=%d go test -run '/%s'",
		e.engine, strings.Join(e.steps, ", "), e.err, e.seed, e.part)
}

func (e *replayError) Unwrap() error { return e.err }

// diskSeeds returns the seeds of a harness: those that were asked for, or the
// first n.
func diskSeeds(asked []uint64, n int) []uint64 {
	if len(asked) > 0 {
		return asked
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i + 1)
	}
	return list
}

// firstWrong returns the first error that is not nil.
func firstWrong(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
