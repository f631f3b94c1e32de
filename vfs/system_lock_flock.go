//go:build unix && !aix && !solaris

package vfs

import (
	"os"
	"syscall"
)

// lockFile locks the open file, so also against others of this process.
func lockFile(f *os.File, shared bool) (unlock func() error, err error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	err = control(f, func(fd int) error { return syscall.Flock(fd, how|syscall.LOCK_NB) })
	if err == syscall.EWOULDBLOCK {
		return nil, errHeld
	}
	return func() error {
		return control(f, func(fd int) error { return syscall.Flock(fd, syscall.LOCK_UN) })
	}, err
}
