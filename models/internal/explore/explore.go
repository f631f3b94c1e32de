// Package explore visits all states of a small concurrent protocol: every
// interleaving of the atomic steps of its processes. It is what a model checker
// does, without one, so that the protocols are checked wherever Go is.
package explore

import (
	"fmt"
	"strings"
)

// Model is a protocol: a few processes that change one shared state, step by
// step. S is a value without pointers, so that equal states are ==.
type Model[S comparable] struct {
	// Start is the state before the first step.
	Start S
	// Processes is how many there are, numbered from 0.
	Processes int
	// Next calls step for each thing that the process can do in s, with what it
	// is called and the state after it. A process that cannot go on does not
	// call it.
	Next func(s S, process int, step func(what string, after S))
	// Finished reports whether the process has done its work.
	Finished func(s S, process int) bool
	// Wrong says what must not be in s; empty if nothing is.
	Wrong func(s S) string
	// Parkable are the processes that may stop for ever, anywhere: all others
	// must still be able to finish.
	Parkable []int
}

// Report counts what was visited.
type Report struct {
	States, Steps int
}

// Violation is a state that must not be, and the way to it.
type Violation struct {
	What  string
	Trace []string // process and step, from the start
}

// Error tells the steps.
func (v *Violation) Error() string {
	return v.What + " after:\n  " + strings.Join(v.Trace, "\n  ")
}

// edge leads to a state.
type edge struct {
	from    int
	process int
	what    string
}

// graph is what was visited.
type graph[S comparable] struct {
	model  Model[S]
	index  map[S]int
	states []S
	first  []edge   // how each state was met
	back   [][]edge // all that lead to it
	steps  int
}

// All visits every state that can be reached, at most limit. It returns a
// *Violation if one of them is wrong, if one is a deadlock, if from one the
// processes can no longer all finish, or, with one of Parkable stopped, all
// others.
func All[S comparable](m Model[S], limit int) (Report, error) {
	g := &graph[S]{model: m, index: make(map[S]int)}
	if err := g.visit(limit); err != nil {
		return g.report(), err
	}
	for _, parked := range append([]int{-1}, m.Parkable...) {
		if err := g.canFinish(parked); err != nil {
			return g.report(), err
		}
	}
	return g.report(), nil
}

func (g *graph[S]) report() Report { return Report{States: len(g.states), Steps: g.steps} }

// visit goes through the states, nearest first.
func (g *graph[S]) visit(limit int) error {
	g.add(g.model.Start, edge{from: -1})
	for at := 0; at < len(g.states); at++ {
		if len(g.states) > limit {
			return fmt.Errorf("more than %d states", limit)
		}
		if what := g.model.Wrong(g.states[at]); what != "" {
			return &Violation{What: what, Trace: g.trace(at)}
		}
		moved := false
		for p := range g.model.Processes {
			g.model.Next(g.states[at], p, func(what string, after S) {
				moved = true
				g.add(after, edge{from: at, process: p, what: what})
			})
		}
		if !moved && !g.finished(at, -1) {
			return &Violation{What: "deadlock", Trace: g.trace(at)}
		}
	}
	return nil
}

// add notes a step to a state.
func (g *graph[S]) add(s S, e edge) {
	i, known := g.index[s]
	if !known {
		i = len(g.states)
		g.index[s] = i
		g.states = append(g.states, s)
		g.first = append(g.first, e)
		g.back = append(g.back, nil)
	}
	if e.from >= 0 {
		g.back[i] = append(g.back[i], e)
		g.steps++
	}
}

// finished reports whether all processes but the parked one are.
func (g *graph[S]) finished(at, parked int) bool {
	for p := range g.model.Processes {
		if p != parked && !g.model.Finished(g.states[at], p) {
			return false
		}
	}
	return true
}

// canFinish checks that from each state there is a way on which all processes
// finish without a step of the parked one.
func (g *graph[S]) canFinish(parked int) error {
	good := make([]bool, len(g.states))
	var list []int
	for at := range g.states {
		if g.finished(at, parked) {
			good[at] = true
			list = append(list, at)
		}
	}
	for len(list) > 0 {
		at := list[len(list)-1]
		list = list[:len(list)-1]
		for _, e := range g.back[at] {
			if e.process != parked && !good[e.from] {
				good[e.from] = true
				list = append(list, e.from)
			}
		}
	}
	for at := range g.states {
		if !good[at] {
			what := "not all can finish"
			if parked >= 0 {
				what = fmt.Sprintf("with process %d parked the others cannot finish", parked)
			}
			return &Violation{What: what, Trace: g.trace(at)}
		}
	}
	return nil
}

// trace returns the steps to a state.
func (g *graph[S]) trace(at int) []string {
	var steps []string
	for e := g.first[at]; e.from >= 0; e = g.first[e.from] {
		steps = append(steps, fmt.Sprintf("%d: %s", e.process, e.what))
	}
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	return steps
}
