package vfs

import (
	"io/fs"
	"math"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

var _ Mapper = (*systemFile)(nil)

// Map maps a range of the file for reading; all of it is inside the file.
func (f *systemFile) Map(offset, length int64) (Mapping, error) {
	size, err := f.Size()
	switch {
	case err != nil:
	case offset < 0, length <= 0, offset%(64<<10) != 0, length > math.MaxInt, length > size-offset:
		err = fs.ErrInvalid
	}
	if err != nil {
		return nil, f.error("map", err)
	}
	m := &windowsMapping{name: f.name, length: int(length)}
	err = control(f.file, func(h windows.Handle) error {
		section, err := windows.CreateFileMapping(h, nil, windows.PAGE_READONLY, 0, 0, nil)
		if err != nil {
			return err
		}
		// The view keeps the section.
		defer windows.CloseHandle(section)
		m.addr, err = windows.MapViewOfFile(section, windows.FILE_MAP_READ,
			uint32(offset>>32), uint32(offset), uintptr(length))
		return err
	})
	if err != nil {
		return nil, f.error("map", err)
	}
	return m, nil
}

type windowsMapping struct {
	name   string
	length int

	mu   sync.Mutex
	addr uintptr // 0 after Close
}

func (m *windowsMapping) Bytes() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.addr == 0 {
		return nil
	}
	// The address is not of Go's heap, so it does not move.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&m.addr)), m.length)
}

func (m *windowsMapping) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.addr == 0 {
		return pathError("unmap", m.name, fs.ErrClosed)
	}
	err := windows.UnmapViewOfFile(m.addr)
	m.addr = 0
	return err
}
