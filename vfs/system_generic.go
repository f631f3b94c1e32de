//go:build !linux && !darwin && !windows

package vfs

import "os"

func dataSync(f *os.File) error { return f.Sync() }

func preallocate(f *os.File, offset, length int64) error { return extend(f, offset+length) }

func punchHole(f *os.File, offset, length int64) error { return writeZeros(f, offset, length) }
