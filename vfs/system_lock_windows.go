package vfs

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset is the byte that is locked. It is far behind the content, so that
// others can read who holds the lock.
const lockOffset = 1 << 62

// lockFile locks the open file, so also against others of this process.
func lockFile(f *os.File, shared bool) (unlock func() error, err error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err = control(f, func(h windows.Handle) error {
		return windows.LockFileEx(h, flags, 0, 1, 0, lockRange())
	})
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return nil, errHeld
	}
	return func() error {
		return control(f, func(h windows.Handle) error {
			return windows.UnlockFileEx(h, 0, 1, 0, lockRange())
		})
	}, err
}

func lockRange() *windows.Overlapped {
	return &windows.Overlapped{OffsetHigh: lockOffset >> 32}
}
