package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// dataSync asks the drive to empty its cache too (F_FULLFSYNC).
func dataSync(f *os.File) error { return f.Sync() }

// preallocate reserves room behind the end of the file, which is all that the
// system can; holes before it stay.
func preallocate(f *os.File, offset, length int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := offset + length
	if more := end - info.Size(); more > 0 {
		store := &unix.Fstore_t{
			Flags:   unix.F_ALLOCATEALL,
			Posmode: unix.F_PEOFPOSMODE,
			Length:  more,
		}
		err = control(f, func(fd int) error {
			return unix.FcntlFstore(uintptr(fd), unix.F_PREALLOCATE, store)
		})
		if isNoSpace(err) {
			return err
		}
	}
	return extend(f, end)
}

func punchHole(f *os.File, offset, length int64) error { return writeZeros(f, offset, length) }
