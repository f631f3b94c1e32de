//go:build !interleave

// Package step marks the points of the lock-free protocols between which others
// may run: before each compare-and-swap. In ordinary builds a mark is nothing;
// with the build tag interleave others are let run there, and a test can park a
// goroutine at one.
package step

// Enabled reports whether marks do anything.
const Enabled = false

// At marks a point.
func At(string) {}
