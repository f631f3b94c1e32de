//go:build !linux

package vfs

import "testing"

func blocks(*testing.T, string) int64 { return 0 }
