package explore

import (
	"errors"
	"strings"
	"testing"
)

// counter is two processes that each raise a number by one.
type counter struct {
	n     int
	local [2]int
	pc    [2]int
}

// counting returns a model of it; atomic raises in one step.
func counting(atomic bool) Model[counter] {
	return Model[counter]{
		Processes: 2,
		Next: func(s counter, p int, step func(string, counter)) {
			switch {
			case s.pc[p] == 0 && atomic:
				s.n, s.pc[p] = s.n+1, 2
				step("raise", s)
			case s.pc[p] == 0:
				s.local[p], s.pc[p] = s.n, 1
				step("load", s)
			case s.pc[p] == 1:
				s.n, s.pc[p] = s.local[p]+1, 2
				step("store", s)
			}
		},
		Finished: func(s counter, p int) bool { return s.pc[p] == 2 },
		Wrong: func(s counter) string {
			if s.pc == [2]int{2, 2} && s.n != 2 {
				return "one was lost"
			}
			return ""
		},
		Parkable: []int{0, 1},
	}
}

func TestALostUpdateIsFound(t *testing.T) {
	if r, err := All(counting(true), 100); err != nil || r.States != 4 {
		t.Fatal(r, err)
	}
	_, err := All(counting(false), 100)
	var v *Violation
	if !errors.As(err, &v) || v.What != "one was lost" || len(v.Trace) != 4 {
		t.Fatal(err)
	}
}

// pairOfLocks is two processes that take two locks, in one order or in two.
type pairOfLocks struct {
	held [2]bool
	pc   [2]int
}

func locking(sameOrder bool) Model[pairOfLocks] {
	return Model[pairOfLocks]{
		Processes: 2,
		Next: func(s pairOfLocks, p int, step func(string, pairOfLocks)) {
			switch {
			case s.pc[p] < 2:
				l := s.pc[p]
				if p == 1 && !sameOrder {
					l = 1 - l
				}
				if !s.held[l] {
					s.held[l] = true
					s.pc[p]++
					step("lock", s)
				}
			case s.pc[p] == 2:
				s.held, s.pc[p] = [2]bool{}, 3
				step("unlock both", s)
			}
		},
		Finished: func(s pairOfLocks, p int) bool { return s.pc[p] == 3 },
		Wrong:    func(pairOfLocks) string { return "" },
	}
}

func TestADeadlockIsFound(t *testing.T) {
	if _, err := All(locking(true), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := All(locking(false), 100); err == nil || !strings.HasPrefix(err.Error(), "deadlock") {
		t.Fatal(err)
	}
	m := locking(true)
	m.Parkable = []int{0}
	if _, err := All(m, 100); err == nil || !strings.Contains(err.Error(), "parked") {
		t.Fatal("a process that is parked with a lock was not found:", err)
	}
}

func TestTooManyStatesAreSaid(t *testing.T) {
	m := counting(true)
	m.Next = func(s counter, p int, step func(string, counter)) { s.n++; step("on", s) }
	if _, err := All(m, 10); err == nil {
		t.Fatal("an endless model ended")
	}
}
