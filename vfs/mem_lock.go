package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// memLock is the lock on one file of a simulated disk. It is guarded by Mem.mu.
type memLock struct {
	exclusive bool
	holders   []*memLockHandle
}

// memLockHandle holds a lock. Its address is its identity.
type memLockHandle struct {
	disk   *Mem
	inode  *inode // nil if the lock needed no file
	name   string
	holder string
	closed atomic.Bool
}

// Lock takes the lock that the file name stands for. Locks belong to the disk,
// not to its clones. A shared lock on a read-only disk does without the file.
func (m *Mem) Lock(name string, opt LockOptions) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := &memLockHandle{disk: m, name: name, holder: opt.holder()}
	n, err := m.lockFile(name)
	switch {
	case errors.Is(err, ErrReadOnly) && opt.Shared:
		return h, nil
	case err == nil && m.readOnly.Load() && !opt.Shared:
		err = ErrReadOnly
	}
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	lock := m.locks[n]
	if lock == nil {
		lock = &memLock{}
		m.locks[n] = lock
	}
	if lock.exclusive || !opt.Shared && len(lock.holders) > 0 {
		return nil, &LockedError{Name: name, Holder: lock.holders[0].holder}
	}
	h.inode = n
	n.opens++
	lock.exclusive = !opt.Shared
	lock.holders = append(lock.holders, h)
	return h, nil
}

// lockFile returns the file of a lock, which it makes if need be, even on a
// full disk.
func (m *Mem) lockFile(name string) (*inode, error) {
	n, err := m.findFile(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	op, err := m.create(name)
	if err != nil {
		return nil, err
	}
	m.attach(op)
	return op.target, nil
}

// Close releases the lock.
func (h *memLockHandle) Close() error {
	if h.closed.Swap(true) {
		return pathError("unlock", h.name, fs.ErrClosed)
	}
	if h.inode == nil {
		return nil
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	lock := h.disk.locks[h.inode]
	for i, other := range lock.holders {
		if other == h {
			lock.holders = append(lock.holders[:i], lock.holders[i+1:]...)
			break
		}
	}
	if len(lock.holders) == 0 {
		delete(h.disk.locks, h.inode)
	}
	h.inode.opens--
	h.disk.release(h.inode)
	return nil
}

// holder returns the line that describes this process to others.
func (opt LockOptions) holder() string {
	if opt.Holder != "" {
		return opt.Holder
	}
	prog := "unknown"
	if len(os.Args) > 0 {
		prog = filepath.Base(os.Args[0])
	}
	return fmt.Sprintf("pid %d (%s), since %s",
		os.Getpid(), prog, time.Now().UTC().Format(time.RFC3339))
}
