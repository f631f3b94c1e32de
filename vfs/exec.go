package vfs

import (
	"sync"
	"time"
)

// Executor runs an engine's background work, lets its tasks wait for each
// other, and tells the time. Engines start no goroutine, wait on nothing and
// read no clock except through it. With [Go] that costs nothing; with [Sim]
// exactly one task runs at a time and every choice follows from a seed, so disk
// operation k is the same operation in every run.
//
// The rule for its users: a task may block only in a Mutex or Cond of its
// executor and in file operations.
type Executor interface {
	// Go starts task. The name is for traces.
	Go(name string, task func())
	// NewMutex makes a mutex for tasks of this executor.
	NewMutex() Mutex
	// NewCond makes a condition variable on m, which is a Mutex of this executor.
	NewCond(m Mutex) Cond
	// Now returns the time; under Sim a virtual one, which moves only when all
	// tasks wait.
	Now() time.Time
	// AfterFunc runs f as a task of its own after d. The returned function
	// stops it and reports whether f will not run.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// Mutex is a lock between tasks.
type Mutex interface {
	sync.Locker
	TryLock() bool
}

// Cond is a condition variable, as [sync.Cond].
type Cond interface {
	Wait()
	Signal()
	Broadcast()
}

// Go returns the executor of real programs: goroutines, the locks of package
// sync, the system's clock.
func Go() Executor { return goExecutor{} }

type goExecutor struct{}

func (goExecutor) Go(_ string, task func()) { go task() }
func (goExecutor) NewMutex() Mutex          { return new(sync.Mutex) }
func (goExecutor) NewCond(m Mutex) Cond     { return sync.NewCond(m) }
func (goExecutor) Now() time.Time           { return time.Now() }
func (goExecutor) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// Group starts tasks and waits for them: an engine holds one, and its Close
// waits for it. The zero value is not usable; see NewGroup.
type Group struct {
	exec Executor
	mu   Mutex
	idle Cond
	n    int
}

// NewGroup returns an empty group of tasks on exec.
func NewGroup(exec Executor) *Group {
	g := &Group{exec: exec, mu: exec.NewMutex()}
	g.idle = exec.NewCond(g.mu)
	return g
}

// Go starts task as a member of the group. It may be called concurrently.
func (g *Group) Go(name string, task func()) {
	g.mu.Lock()
	g.n++
	g.mu.Unlock()
	g.exec.Go(name, func() {
		defer g.done()
		task()
	})
}

func (g *Group) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.n == 0 {
		g.idle.Broadcast()
	}
}

// Wait returns when no task of the group runs.
func (g *Group) Wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.n > 0 {
		g.idle.Wait()
	}
}
