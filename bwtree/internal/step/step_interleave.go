//go:build interleave

// Package step marks the points of the lock-free protocols between which others
// may run: before each compare-and-swap. In ordinary builds a mark is nothing;
// with the build tag interleave others are let run there, and a test can park a
// goroutine at one.
package step

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// Enabled reports whether marks do anything.
const Enabled = true

var hook atomic.Pointer[func(point string)]

// SetHook sets a function that is called at each mark; nil for none. It is for
// tests.
func SetHook(f func(point string)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}

// At marks a point: it calls the hook, if there is one, and lets others run, now and
// then for longer.
func At(point string) {
	if f := hook.Load(); f != nil {
		(*f)(point)
	}
	turns := 1
	if rand.IntN(16) == 0 {
		turns = long
	}
	for range turns {
		runtime.Gosched()
	}
}

// long is how many turns others have at a mark now and then: enough to do something
// whole meanwhile.
const long = 60
