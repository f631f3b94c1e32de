//go:build !linux

package kvbench

import "os"

// Elsewhere the harness runs, and does not know CPU, memory and bytes of the
// process; nor can it drop pages, so that cold is warm.

func systemUsage() usage { return usage{} }

func resetPeakMemory() {}

func peakMemory() int64 { return 0 }

func diskBytes(dir string) int64 { return 0 }

func dropPages(dir string) {}

func syncDir(dir string) {}

func forget(f *os.File) {}

func datasync(f *os.File) error { return f.Sync() }
