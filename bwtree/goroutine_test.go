//go:build interleave

package bwtree

import (
	"bytes"
	"runtime"
)

// goroutine returns what tells the running goroutine apart from others.
func goroutine() string {
	var buf [64]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	return string(b[:bytes.IndexByte(b, ' ')])
}
