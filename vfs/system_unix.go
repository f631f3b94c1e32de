//go:build unix

package vfs

import (
	"io/fs"
	"math"
	"os"
	"sync"
	"syscall"
)

// control calls a system call on f, again if a signal interrupts it. The
// descriptor stays open meanwhile.
func control(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		for {
			if result = call(int(fd)); result != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return fs.ErrClosed // which is all that Control fails of
	}
	return result
}

var _ Mapper = (*systemFile)(nil)

// Map maps a range of the file for reading; all of it is inside the file.
func (f *systemFile) Map(offset, length int64) (Mapping, error) {
	if err := f.mappable(offset, length); err != nil {
		return nil, f.error("map", err)
	}
	var data []byte
	err := control(f.file, func(fd int) (err error) {
		data, err = syscall.Mmap(fd, offset, int(length), syscall.PROT_READ, syscall.MAP_SHARED)
		return err
	})
	if err != nil {
		return nil, f.error("map", err)
	}
	return &unixMapping{name: f.name, data: data}, nil
}

func (f *systemFile) mappable(offset, length int64) error {
	size, err := f.Size()
	switch {
	case err != nil:
		return err
	case offset < 0, length <= 0, offset%(64<<10) != 0, length > math.MaxInt, length > size-offset:
		return fs.ErrInvalid
	}
	return nil
}

type unixMapping struct {
	name string

	mu   sync.Mutex
	data []byte // nil after Close
}

func (m *unixMapping) Bytes() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data
}

func (m *unixMapping) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		return pathError("unmap", m.name, fs.ErrClosed)
	}
	err := syscall.Munmap(m.data)
	m.data = nil
	return err
}
