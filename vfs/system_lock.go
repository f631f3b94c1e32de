package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// errHeld is the answer of lockFile if another handle has the lock.
var errHeld = errors.New("lock is held")

// maxHolder is how much of a holder's line is read, in bytes.
const maxHolder = 512

// systemLock is a lock on a file, which is nil if none was needed.
type systemLock struct {
	name   string
	file   *os.File
	clear  bool // whether to remove the holder's line
	unlock func() error
	closed atomic.Bool
}

func (systemFS) Lock(name string, opt LockOptions) (io.Closer, error) {
	// A lock file that was removed between open and lock protects nothing.
	for range 100 {
		l, err := tryLock(name, opt)
		if err != nil {
			return nil, classify(err)
		}
		if l.file == nil || sameFile(l.file, name) {
			return l, nil
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
	return nil, &LockedError{Name: name, Holder: "processes that keep removing the lock file"}
}

func tryLock(name string, opt LockOptions) (*systemLock, error) {
	f, writable, err := openLock(filepath.FromSlash(name), opt.Shared)
	if f == nil {
		return &systemLock{name: name}, err
	}
	unlock, err := lockFile(f, opt.Shared)
	if errors.Is(err, errHeld) {
		err = &LockedError{Name: name, Holder: readHolder(f)}
	} else if err != nil {
		err = pathError("lock", name, err)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if writable {
		writeHolder(f, opt.holder())
	}
	return &systemLock{name: name, file: f, clear: writable && !opt.Shared, unlock: unlock}, nil
}

// openLock opens the lock file, which it makes if need be. For a shared lock one
// that can only be read is enough, and on a read-only file system none.
func openLock(name string, shared bool) (f *os.File, writable bool, err error) {
	f, err = openFile(name, os.O_RDWR|os.O_CREATE)
	if err == nil {
		return f, true, nil
	}
	if !shared {
		return nil, false, err
	}
	f, readErr := openFile(name, os.O_RDONLY)
	switch {
	case readErr == nil:
		return f, false, nil
	case isReadOnly(err) && errors.Is(readErr, fs.ErrNotExist):
		return nil, false, nil
	}
	return nil, false, err
}

func sameFile(f *os.File, name string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	want, err := os.Stat(filepath.FromSlash(name))
	return err == nil && os.SameFile(have, want)
}

// writeHolder tells others who holds the lock. It is a courtesy: on a full disk
// the lock is as good without it.
func writeHolder(f *os.File, holder string) {
	line := holder + "\n"
	if _, err := f.WriteAt([]byte(line), 0); err == nil {
		_ = f.Truncate(int64(len(line)))
	}
}

func readHolder(f *os.File) string {
	buf := make([]byte, maxHolder)
	n, _ := f.ReadAt(buf, 0)
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	return line
}

// Close releases the lock.
func (l *systemLock) Close() error {
	if l.closed.Swap(true) {
		return pathError("unlock", l.name, fs.ErrClosed)
	}
	if l.file == nil {
		return nil
	}
	if l.clear {
		_ = l.file.Truncate(0)
	}
	return classify(errors.Join(l.unlock(), l.file.Close()))
}
