package vfs

import (
	"errors"
	"os"
	"syscall"
)

// Modes of fallocate, from linux/falloc.h.
const (
	fallocKeepSize  = 0x01
	fallocPunchHole = 0x02
)

// dataSync makes the content and the length durable, but not the times.
func dataSync(f *os.File) error { return control(f, syscall.Fdatasync) }

func preallocate(f *os.File, offset, length int64) error {
	err := control(f, func(fd int) error { return syscall.Fallocate(fd, 0, offset, length) })
	if isUnsupported(err) {
		return extend(f, offset+length)
	}
	return err
}

func punchHole(f *os.File, offset, length int64) error {
	const mode = fallocKeepSize | fallocPunchHole
	err := control(f, func(fd int) error { return syscall.Fallocate(fd, mode, offset, length) })
	if isUnsupported(err) {
		return writeZeros(f, offset, length)
	}
	return err
}

func isUnsupported(err error) bool {
	return errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS)
}
