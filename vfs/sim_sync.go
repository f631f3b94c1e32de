package vfs

import (
	"slices"
	"time"
)

// NewMutex returns a mutex for the tasks of s. It is not fair: a task that waits
// may be overtaken, though not for ever. Unlock of a mutex that is not locked
// panics.
func (s *Sim) NewMutex() Mutex { return &simMutex{sim: s} }

// NewCond returns a condition variable on m. Signal wakes any one of those that
// wait.
func (s *Sim) NewCond(m Mutex) Cond { return &simCond{sim: s, mutex: m} }

type simMutex struct {
	sim     *Sim
	locked  bool
	waiters []*simTask
}

func (m *simMutex) Lock() {
	m.sim.maybeYield()
	for m.locked {
		t := m.sim.waiter("a mutex")
		m.waiters = append(m.waiters, t)
		m.sim.park(t, "a mutex")
	}
	m.locked = true
}

func (m *simMutex) TryLock() bool {
	m.sim.maybeYield()
	if m.locked {
		return false
	}
	m.locked = true
	return true
}

func (m *simMutex) Unlock() {
	if !m.locked {
		if m.sim.dying {
			return
		}
		panic("vfs: unlock of a mutex that is not locked")
	}
	m.locked = false
	for woken := m.sim.dying; !woken && len(m.waiters) > 0; {
		i := m.sim.pick(len(m.waiters))
		woken = m.sim.wakeUp(m.waiters[i])
		m.waiters = slices.Delete(m.waiters, i, i+1)
	}
	m.sim.maybeYield()
}

type simCond struct {
	sim     *Sim
	mutex   Mutex
	waiters []*simWaiter
}

// simWaiter is one call of Wait. It is in the list before the mutex is unlocked,
// when its task may still be ready.
type simWaiter struct {
	task     *simTask
	parked   bool
	signaled bool
}

func (c *simCond) Wait() {
	w := &simWaiter{task: c.sim.waiter("a condition")}
	c.waiters = append(c.waiters, w)
	c.mutex.Unlock()
	for !w.signaled {
		w.parked = true
		c.sim.park(w.task, "a condition")
	}
	c.mutex.Lock()
}

func (c *simCond) Signal() {
	for woken := c.sim.dying; !woken && len(c.waiters) > 0; {
		i := c.sim.pick(len(c.waiters))
		woken = c.wake(c.waiters[i])
		c.waiters = slices.Delete(c.waiters, i, i+1)
	}
	c.sim.maybeYield()
}

func (c *simCond) Broadcast() {
	if !c.sim.dying {
		for _, w := range c.waiters {
			c.wake(w)
		}
		c.waiters = nil
	}
	c.sim.maybeYield()
}

func (c *simCond) wake(w *simWaiter) bool {
	w.signaled = true
	return !w.parked || c.sim.wakeUp(w.task)
}

// pick chooses one of n.
func (s *Sim) pick(n int) int {
	if n == 1 {
		return 0
	}
	return s.rng.IntN(n)
}

// simTimer is a task that starts later.
type simTimer struct {
	at   time.Time
	body func()
}

// AfterFunc runs f as a task when d has passed in virtual time. Timers of one
// instant start their tasks together.
func (s *Sim) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	t := &simTimer{at: s.now.Add(max(d, 0)), body: f}
	s.timers = append(s.timers, t)
	return func() bool {
		i := slices.Index(s.timers, t)
		if i < 0 {
			return false
		}
		s.timers = slices.Delete(s.timers, i, i+1)
		return true
	}
}

// fire moves time to the next timer and starts the tasks that are then due.
func (s *Sim) fire() bool {
	if len(s.timers) == 0 || s.dying {
		return false
	}
	next := s.timers[0].at
	for _, t := range s.timers {
		if t.at.Before(next) {
			next = t.at
		}
	}
	s.now = next
	var later []*simTimer
	for _, t := range s.timers {
		if t.at.After(next) {
			later = append(later, t)
		} else {
			s.add("timer", t.body)
		}
	}
	s.timers = later
	return true
}
