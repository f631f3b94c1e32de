package vfs

import (
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
)

// memFile is a handle on a file of a simulated disk.
type memFile struct {
	disk     *Mem
	inode    *inode
	name     string
	writable bool
	closed   atomic.Bool
}

var _ File = (*memFile)(nil)

var errHandleReadOnly = errors.New("file is open for reading only")

// handle opens n; Mem.mu is held.
func (m *Mem) handle(n *inode, name string, writable bool) *memFile {
	n.opens++
	return &memFile{disk: m, inode: n, name: name, writable: writable}
}

func (f *memFile) Name() string { return f.name }

func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return f.error("close", fs.ErrClosed)
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.inode.opens--
	f.disk.release(f.inode)
	return nil
}

func (f *memFile) Size() (int64, error) {
	if f.closed.Load() {
		return 0, f.error("size", fs.ErrClosed)
	}
	f.inode.mu.RLock()
	defer f.inode.mu.RUnlock()
	return f.inode.now.size, nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case f.closed.Load():
		return 0, f.error("read", fs.ErrClosed)
	case off < 0:
		return 0, f.error("read", fs.ErrInvalid)
	}
	f.inode.mu.RLock()
	n := f.inode.now.readAt(p, off)
	f.inode.mu.RUnlock()
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes all of p, or as much as the disk has room for.
func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.mayWrite("write", off, int64(len(p))); err != nil {
		return 0, err
	}
	f.inode.mu.Lock()
	defer f.inode.mu.Unlock()
	want := f.inode.now.missing(off, int64(len(p)))
	n, got := int64(len(p)), f.disk.take(want)
	if got < want {
		n = f.inode.now.affordable(off, n, got)
	}
	if n > 0 {
		f.inode.write(p[:n], off)
	}
	if got < want {
		return int(n), f.error("write", ErrNoSpace)
	}
	return int(n), nil
}

func (f *memFile) Truncate(size int64) error {
	if err := f.mayWrite("truncate", size, 0); err != nil {
		return err
	}
	f.change(dataOp{kind: dataTruncate, off: size})
	return nil
}

func (f *memFile) PunchHole(offset, length int64) error {
	if err := f.mayWrite("punch", offset, length); err != nil {
		return err
	}
	f.change(dataOp{kind: dataPunch, off: offset, length: length})
	return nil
}

func (f *memFile) Preallocate(offset, length int64) error {
	if err := f.mayWrite("preallocate", offset, length); err != nil {
		return err
	}
	f.inode.mu.Lock()
	defer f.inode.mu.Unlock()
	want := f.inode.now.missing(offset, length)
	if got := f.disk.take(want); got < want {
		f.disk.used.Add(-got)
		return f.error("preallocate", ErrNoSpace)
	}
	f.inode.change(dataOp{kind: dataReserve, off: offset, length: length})
	return nil
}

// change does an operation that takes no room, but may free some.
func (f *memFile) change(op dataOp) {
	f.inode.mu.Lock()
	defer f.inode.mu.Unlock()
	before := f.inode.now.used
	f.inode.change(op)
	f.disk.used.Add(f.inode.now.used - before)
}

// Sync makes all operations on the file that returned before it durable, and of
// those that run meanwhile each as a whole or not at all.
func (f *memFile) Sync() error {
	if f.closed.Load() {
		return f.error("sync", fs.ErrClosed)
	}
	f.inode.mu.Lock()
	defer f.inode.mu.Unlock()
	f.inode.sync()
	return nil
}

// dropUnsynced throws away what was not synced, as a system does that failed to
// write it back and then takes its pages for clean.
func (f *memFile) dropUnsynced() {
	f.inode.mu.Lock()
	defer f.inode.mu.Unlock()
	if !f.inode.tracked {
		return
	}
	before := f.inode.now.used
	f.inode.drop()
	f.disk.used.Add(f.inode.now.used - before)
}

func (f *memFile) mayWrite(op string, off, length int64) error {
	switch {
	case f.closed.Load():
		return f.error(op, fs.ErrClosed)
	case !f.writable:
		return f.error(op, errHandleReadOnly)
	case f.disk.readOnly.Load():
		return f.error(op, ErrReadOnly)
	case off < 0 || length < 0:
		return f.error(op, fs.ErrInvalid)
	case off > maxMemFile || length > maxMemFile-off:
		return f.error(op, errTooLong)
	}
	return nil
}

func (f *memFile) error(op string, err error) error { return pathError(op, f.name, err) }
