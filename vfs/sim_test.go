package vfs

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// ordered runs n tasks that each note their number some times.
func ordered(t *testing.T, seed uint64, n int) (order string, trace uint64) {
	s := NewSim(seed)
	mu := s.NewMutex()
	check(t, s.Run(func() {
		g := NewGroup(s)
		for i := range n {
			g.Go(fmt.Sprint("task ", i), func() {
				for range 10 {
					mu.Lock()
					order += string(rune('a' + i))
					s.Yield()
					mu.Unlock()
				}
			})
		}
		g.Wait()
		order += "."
	}))
	return order, s.Trace()
}

func TestSimFollowsItsSeed(t *testing.T) {
	traces, orders := map[uint64]bool{}, map[string]bool{}
	for seed := range uint64(50) {
		order, trace := ordered(t, seed, 4)
		again, sameTrace := ordered(t, seed, 4)
		want(t, again, order)
		want(t, sameTrace, trace)
		want(t, len(order), 41)
		want(t, order[40:], ".")
		traces[trace], orders[order] = true, true
	}
	if len(traces) < 50 || len(orders) < 45 {
		t.Fatalf("50 seeds give %d traces and %d orders", len(traces), len(orders))
	}
}

func TestSimMutexExcludes(t *testing.T) {
	for seed := range uint64(50) {
		s := NewSim(seed)
		mu := s.NewMutex()
		inside, total, contended := false, 0, 0
		task := func() {
			for range 20 {
				if !mu.TryLock() {
					contended++
					mu.Lock()
				}
				want(t, inside, false)
				inside = true
				s.Yield()
				inside = false
				total++
				mu.Unlock()
			}
		}
		check(t, s.Run(func() {
			for range 3 {
				s.Go("worker", task)
			}
		}))
		want(t, total, 60)
		if contended == 0 {
			t.Fatal("the mutex was never contended")
		}
	}
}

func TestSimCond(t *testing.T) {
	for seed := range uint64(100) {
		s := NewSim(seed)
		mu := s.NewMutex()
		notEmpty, notFull := s.NewCond(mu), s.NewCond(mu)
		var queue, got []int
		check(t, s.Run(func() {
			for i := range 2 {
				s.Go("producer", func() {
					for j := range 20 {
						mu.Lock()
						for len(queue) == 2 {
							notFull.Wait()
						}
						queue = append(queue, i*20+j)
						notEmpty.Signal()
						mu.Unlock()
					}
				})
			}
			for range 2 {
				s.Go("consumer", func() {
					for range 20 {
						mu.Lock()
						for len(queue) == 0 {
							notEmpty.Wait()
						}
						got, queue = append(got, queue[0]), queue[1:]
						notFull.Broadcast()
						mu.Unlock()
					}
				})
			}
		}))
		slices.Sort(got)
		for i := range 40 {
			want(t, got[i], i)
		}
	}
}

func TestSimRunsEveryTask(t *testing.T) {
	for seed := range uint64(20) {
		s := NewSim(seed)
		done := false
		spins := 0
		check(t, s.Run(func() {
			s.Go("spinner", func() {
				for !done {
					spins++
					s.Yield()
				}
			})
			for range 100 {
				s.Yield()
			}
			done = true
		}))
		if spins == 0 || spins > 10_000 {
			t.Fatalf("seed %d: the other task ran %d times", seed, spins)
		}
	}
}

func TestSimTimers(t *testing.T) {
	s := NewSim(1)
	start := s.Now()
	want(t, start, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	var fired []string
	note := func(what string) func() {
		return func() { fired = append(fired, fmt.Sprint(what, " ", s.Now().Sub(start))) }
	}
	check(t, s.Run(func() {
		mu := s.NewMutex()
		tick := s.NewCond(mu)
		s.AfterFunc(3*time.Hour, note("late"))
		s.AfterFunc(time.Second, note("early"))
		stop := s.AfterFunc(2*time.Second, note("stopped"))
		want(t, stop(), true)
		want(t, stop(), false)
		ticked := false
		stop = s.AfterFunc(4*time.Hour, func() {
			mu.Lock()
			ticked = true
			tick.Signal()
			mu.Unlock()
		})
		mu.Lock()
		for !ticked {
			tick.Wait()
		}
		mu.Unlock()
		want(t, stop(), false)
		s.AfterFunc(time.Hour, note("never: no task waits for it"))
	}))
	want(t, strings.Join(fired, ", "), "early 1s, late 3h0m0s")
	want(t, s.Now().Sub(start), 4*time.Hour)
}

func TestSimDeadlock(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range uint64(20) {
		s := NewSim(seed)
		a, b := s.NewMutex(), s.NewMutex()
		cond := s.NewCond(b)
		cleaned := 0
		err := s.Run(func() {
			s.Go("waiter", func() {
				defer func() { cleaned++ }()
				b.Lock()
				defer b.Unlock()
				cond.Wait()
			})
			s.Go("locker", func() {
				defer func() { cleaned++ }()
				a.Lock()
				defer a.Unlock()
				a.Lock()
				t.Error("a mutex was locked twice")
			})
		})
		var deadlock *DeadlockError
		if !errors.As(err, &deadlock) || len(deadlock.Tasks) != 2 {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, text := range []string{"waiter (task 2) waits for a condition", "locker (task 3) waits for a mutex"} {
			if !strings.Contains(err.Error(), text) {
				t.Fatalf("%q does not say %q", err, text)
			}
		}
		want(t, cleaned, 2)

		// The Sim goes on, and so do its locks.
		ran := false
		check(t, s.Run(func() { b.Lock(); cond.Broadcast(); b.Unlock(); ran = true }))
		want(t, ran, true)
	}
	waitForGoroutines(t, before)
}

func waitForGoroutines(t *testing.T, most int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > most; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), most)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestSimPanic(t *testing.T) {
	before := runtime.NumGoroutine()
	cause := errors.New("cause")
	s := NewSim(3)
	err := s.Run(func() {
		mu := s.NewMutex()
		cond := s.NewCond(mu)
		s.Go("bystander", func() {
			mu.Lock()
			defer mu.Unlock()
			for {
				cond.Wait()
			}
		})
		s.Yield()
		s.Go("culprit", func() { failHere(cause) })
		mu.Lock()
		defer mu.Unlock()
		for {
			cond.Wait()
		}
	})
	var p *PanicError
	if !errors.As(err, &p) || p.Task != "culprit" || !strings.Contains(string(p.Stack), "failHere") {
		t.Fatal(err)
	}
	wantIs(t, err, cause)
	waitForGoroutines(t, before)
}

func failHere(err error) { panic(err) }

func TestSimOutsideOfRun(t *testing.T) {
	s := NewSim(1)
	mu := s.NewMutex()
	mu.Lock()
	s.Yield()
	mu.Unlock()
	ran := 0
	s.Go("early", func() { ran++ })
	s.AfterFunc(time.Second, func() { ran++ })
	want(t, ran, 0)
	check(t, s.Run(func() {
		cond := s.NewCond(mu)
		s.AfterFunc(time.Minute, func() { mu.Lock(); ran++; cond.Signal(); mu.Unlock() })
		mu.Lock()
		for ran < 3 {
			cond.Wait()
		}
		mu.Unlock()
	}))
	want(t, ran, 3)
	mu.Lock()
	defer func() {
		if recover() == nil {
			t.Error("no panic when nothing can end the wait")
		}
	}()
	mu.Lock()
}

func TestSimTaskThatExits(t *testing.T) {
	s := NewSim(1)
	ran := false
	check(t, s.Run(func() {
		s.Go("other", func() { s.Yield(); ran = true })
		runtime.Goexit()
	}))
	want(t, ran, true)
}

// Two runs of one program on a faulty disk do the same operations in the same
// order, and others with another seed.
func TestSimMakesDiskOperationsRepeatable(t *testing.T) {
	run := func(seed uint64) (ops string) {
		s := NewSim(seed)
		f := NewFaulty(NewMem())
		f.SetYield(s.Yield)
		f.SetHook(func(op Op) error { ops += fmt.Sprintf("%v %s;", op.Kind, op.Name); return nil })
		check(t, s.Run(func() {
			for i := range 3 {
				s.Go("writer", func() {
					if err := WriteFile(f, "/", fmt.Sprint("file", i), []byte("x")); err != nil {
						t.Error(err)
					}
				})
			}
		}))
		return ops
	}
	seen := map[string]bool{}
	for seed := range uint64(20) {
		ops := run(seed)
		want(t, run(seed), ops)
		seen[ops] = true
	}
	if len(seen) < 15 {
		t.Fatalf("20 seeds give %d orders", len(seen))
	}
}

func TestGroup(t *testing.T) {
	g := NewGroup(Go())
	mu := Go().NewMutex()
	n := 0
	for range 10 {
		g.Go("task", func() { mu.Lock(); n++; mu.Unlock() })
	}
	g.Wait()
	want(t, n, 10)
	g.Wait()
}

func BenchmarkSimSwitch(b *testing.B) {
	s := NewSim(1)
	check(b, s.Run(func() {
		stop := false
		for range 3 {
			s.Go("other", func() {
				for !stop {
					s.Yield()
				}
			})
		}
		for b.Loop() {
			s.Yield()
		}
		stop = true
	}))
}
