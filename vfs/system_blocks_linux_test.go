package vfs

import (
	"syscall"
	"testing"
)

// blocks returns how much room a file takes.
func blocks(t *testing.T, name string) int64 {
	var st syscall.Stat_t
	check(t, syscall.Stat(name, &st))
	return st.Blocks
}
