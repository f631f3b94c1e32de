package kvbench

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func systemUsage() usage {
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	io, _ := os.ReadFile("/proc/self/io")
	return usage{
		cpu:     float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9,
		written: procField(io, "write_bytes:"),
		read:    procField(io, "read_bytes:"),
	}
}

// procField reads the number after name, which begins a line of a text of /proc.
func procField(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			f := bytes.Fields(rest)
			v, _ := strconv.ParseInt(string(f[0]), 10, 64)
			return v
		}
	}
	return 0
}

func resetPeakMemory() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMemory is the peak since resetPeakMemory in bytes, mapped pages of files
// included.
func peakMemory() int64 {
	b, _ := os.ReadFile("/proc/self/status")
	return procField(b, "VmHWM:") << 10
}

// diskBytes sums the blocks of all files under dir: sparse files count by what
// they occupy.
func diskBytes(dir string) (n int64) {
	eachFile(dir, func(path string) {
		var st syscall.Stat_t
		if syscall.Lstat(path, &st) == nil {
			n += st.Blocks * 512
		}
	})
	return n
}

// dropPages asks the system to forget the cached pages of all files under dir.
// The engine must be closed: mapped pages are not dropped.
func dropPages(dir string) {
	eachFile(dir, func(path string) {
		if f, err := os.Open(path); err == nil {
			datasync(f)
			forget(f)
			f.Close()
		}
	})
}

// forget drops the cached pages of a file and turns its readahead off.
func forget(f *os.File) {
	unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM)
}

func datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// syncDir writes all dirty pages of the file system that holds dir.
func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		unix.Syncfs(int(f.Fd()))
		f.Close()
	}
}

func eachFile(dir string, f func(path string)) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			f(path)
		}
		return nil
	})
}
