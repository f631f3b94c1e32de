package vfs

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Sim is an [Executor] that runs exactly one task at a time and chooses by its
// seed which one goes on, so that a run depends on the seed and the program
// alone: with a disk in memory, disk operation k is the same operation in every
// run. Another task may be chosen when one locks or unlocks a mutex, waits,
// signals, starts a task, calls Yield, or ends; nowhere else. [Faulty.SetYield]
// with Sim.Yield makes every disk operation such a point. Every task that can
// run is chosen at last, though not within a bound.
//
// Time is virtual. It starts at 2026-01-01T00:00:00Z and stands still while a
// task can run; when all tasks wait it jumps to the next timer.
//
// A Sim and its mutexes and conditions belong to its tasks. While Run does not
// run, one goroutine may use them as well: it takes free mutexes, and the tasks
// and timers that it starts wait for Run; where it would have to wait for
// another task it panics, since there is none. While Run runs, a goroutine that
// is not a task must not use them: it would be taken for the task that runs,
// which the race detector reports.
type Sim struct {
	rng     *rand.Rand
	haste   uint64 // optional points switch in haste of 16 cases
	trace   uint64
	now     time.Time
	current *simTask
	ready   []*simTask
	live    []*simTask // not ended, in order of start
	timers  []*simTimer
	started uint64
	idle    chan struct{} // tells Run that no task holds the token
	dying   bool          // Run ends what is left
	failure error
}

// simTask is a task. The task that received from wake, or was just started,
// holds the token.
type simTask struct {
	id      uint64
	name    string
	body    func()
	begun   bool
	ended   bool
	waiting string // for what, if it is not ready
	wake    chan struct{}
}

var _ Executor = (*Sim)(nil)

// NewSim returns an executor whose choices follow from seed.
func NewSim(seed uint64) *Sim {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	return &Sim{
		rng:   rng,
		haste: []uint64{1, 4, 8, 16}[rng.IntN(4)],
		now:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		idle:  make(chan struct{}),
	}
}

// DeadlockError says that all tasks wait and no timer will wake one.
type DeadlockError struct {
	Tasks []string // name and what it waits for, in order of start
}

// Error names the tasks.
func (e *DeadlockError) Error() string {
	return "deadlock: " + strings.Join(e.Tasks, "; ")
}

// PanicError says that a task panicked.
type PanicError struct {
	Task  string
	Value any
	Stack []byte // of the task, where it panicked
}

// Error gives task, value and stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("task %s panicked: %v\n%s", e.Task, e.Value, e.Stack)
}

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Run runs main as a task and returns when all tasks have ended. If they cannot,
// because each waits and there is no timer, it returns a *DeadlockError; if one
// panics, a *PanicError. The remaining tasks are then ended where they wait, as
// by runtime.Goexit: their deferred functions run, in which an Unlock of a mutex
// that is not locked does nothing and what would have to wait ends the function.
// Timers that have not fired when the last task ends never will. Run may be
// called again after it returned; time, choices and trace go on.
func (s *Sim) Run(main func()) error {
	s.add("main", main)
	for s.dispatch() {
		<-s.idle
	}
	if s.failure == nil && len(s.live) > 0 {
		s.failure = s.deadlock()
	}
	s.reap()
	err := s.failure
	s.timers, s.failure = nil, nil
	return err
}

// Trace returns a hash of all scheduling decisions so far.
func (s *Sim) Trace() uint64 { return s.trace }

// Now returns the virtual time.
func (s *Sim) Now() time.Time { return s.now }

// Go starts a task.
func (s *Sim) Go(name string, task func()) {
	if s.dying {
		return
	}
	s.add(name, task)
	s.maybeYield()
}

// Yield lets another task run, or the same go on. Outside of Run it does
// nothing.
func (s *Sim) Yield() {
	t := s.current
	if t == nil {
		return
	}
	if s.dying {
		runtime.Goexit()
	}
	s.ready = append(s.ready, t)
	s.handOver(t)
}

func (s *Sim) add(name string, body func()) {
	s.started++
	t := &simTask{id: s.started, name: name, body: body, wake: make(chan struct{}, 1)}
	s.live = append(s.live, t)
	s.ready = append(s.ready, t)
}

// maybeYield is a point where the seed may choose another task.
func (s *Sim) maybeYield() {
	if s.current == nil || s.dying || len(s.ready) == 0 {
		return
	}
	if s.rng.Uint64N(16) < s.haste {
		s.Yield()
	}
}

// waiter returns the task that is about to wait.
func (s *Sim) waiter(what string) *simTask {
	switch {
	case s.current == nil:
		panic("vfs: waiting for " + what + " of a Sim that does not run")
	case s.dying:
		runtime.Goexit()
	}
	return s.current
}

// park lets t, the current task, wait until another makes it ready.
func (s *Sim) park(t *simTask, what string) {
	t.waiting = what
	s.handOver(t)
}

// wakeUp makes a task that is parked ready. It reports false if the task was
// ended meanwhile.
func (s *Sim) wakeUp(t *simTask) bool {
	if !t.ended {
		t.waiting = ""
		s.ready = append(s.ready, t)
	}
	return !t.ended
}

// handOver gives the token away and waits until t has it again.
func (s *Sim) handOver(t *simTask) {
	next := s.choose()
	if next == t {
		return
	}
	s.pass(next)
	<-t.wake
	if s.dying {
		runtime.Goexit()
	}
}

// dispatch gives the token to a task, if one can run.
func (s *Sim) dispatch() bool {
	if s.failure != nil {
		return false
	}
	next := s.choose()
	if next != nil {
		s.pass(next)
	}
	return next != nil
}

// pass makes t the current task. A nil t gives the token to Run.
func (s *Sim) pass(t *simTask) {
	s.current = t
	switch {
	case t == nil:
		s.idle <- struct{}{}
	case t.begun:
		t.wake <- struct{}{}
	default:
		t.begun = true
		go s.run(t)
	}
}

// choose takes the next task from those that are ready. If none is, time jumps
// to the next timer; if there is no task at all, or no timer, it returns nil.
func (s *Sim) choose() *simTask {
	if len(s.ready) == 0 && (len(s.live) == 0 || !s.fire()) {
		return nil
	}
	i := 0
	if len(s.ready) > 1 {
		i = s.rng.IntN(len(s.ready))
	}
	t := s.ready[i]
	last := len(s.ready) - 1
	s.ready[i], s.ready[last] = s.ready[last], nil
	s.ready = s.ready[:last]
	s.trace = mix(s.trace ^ t.id<<16 ^ uint64(last))
	return t
}

// run is the goroutine of a task.
func (s *Sim) run(t *simTask) {
	defer s.end(t)
	t.body()
}

// end passes the token on when a task returned, panicked or was ended.
func (s *Sim) end(t *simTask) {
	if v := recover(); v != nil && s.failure == nil {
		s.failure = &PanicError{Task: t.name, Value: v, Stack: debug.Stack()}
	}
	t.ended = true
	s.live = without(s.live, t)
	if s.dying || s.failure != nil {
		s.pass(nil)
		return
	}
	s.pass(s.choose())
}

func (s *Sim) deadlock() error {
	e := &DeadlockError{}
	for _, t := range s.live {
		e.Tasks = append(e.Tasks, fmt.Sprintf("%s (task %d) waits for %s", t.name, t.id, t.waiting))
	}
	return e
}

// reap ends the tasks that are left, one after the other.
func (s *Sim) reap() {
	s.dying, s.ready = true, nil
	for len(s.live) > 0 {
		t := s.live[0]
		if !t.begun {
			s.live = s.live[1:]
			continue
		}
		s.current = t
		t.wake <- struct{}{}
		<-s.idle
	}
	s.dying, s.current, s.ready = false, nil, nil
}

// without removes t from a list whose order matters.
func without(list []*simTask, t *simTask) []*simTask {
	for i, other := range list {
		if other == t {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// mix is the finalizer of splitmix64: it spreads each bit of x over all.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
