package vfs

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
)

// Mem is a disk in memory. It behaves as a POSIX file system: a file lives as
// long as it has a name or an open handle, a rename replaces its target
// atomically, locks exclude each other. Beside what programs see it keeps what
// is on stable storage and, in order, every operation that is not there yet, so
// that [Mem.CrashClone] can return each state in which a power cut could leave
// it. File.Sync makes the content of one file durable, SyncDir the entries of
// one directory, and nothing else makes anything durable: a file that was synced
// but whose directory was not can be lost, and so can all that is in a directory
// whose parent was not synced. The root always exists.
//
// Names may start with a slash or not; both are the same. A Sync costs what was
// written since the last one. What is not synced is kept twice; a disk made by
// [NewMemUntracked] does not do that.
//
// All methods may be called concurrently. Mem.mu is taken before the lock of an
// inode, and only CrashClone holds the locks of several inodes.
type Mem struct {
	tracked  bool
	readOnly atomic.Bool
	capacity atomic.Int64 // bytes; 0 is no limit
	used     atomic.Int64 // pages

	mu       sync.Mutex
	root     *inode
	entryOps []entryOp // not yet durable, in order
	nextID   uint64
	nextOp   uint64
	locks    map[*inode]*memLock
}

var (
	errNotDir   = errors.New("not a directory")
	errIsDir    = errors.New("is a directory")
	errNotEmpty = errors.New("directory not empty")
	errTooLong  = errors.New("file too large")
)

var _ FS = (*Mem)(nil)

// NewMem returns an empty disk that keeps track of what is durable.
func NewMem() *Mem { return newMem(true) }

// NewMemUntracked returns an empty disk on which everything is durable at once,
// for databases that live in memory: it keeps one copy of the data, and Sync and
// SyncDir cost nothing. Its CrashClone is an exact copy.
func NewMemUntracked() *Mem { return newMem(false) }

func newMem(tracked bool) *Mem {
	m := &Mem{tracked: tracked, locks: map[*inode]*memLock{}}
	m.root = m.newInode(true)
	m.root.links = 1
	return m
}

func (m *Mem) newInode(dir bool) *inode {
	m.nextID++
	n := &inode{id: m.nextID, tracked: m.tracked}
	if dir {
		n.dir = &directory{entries: map[string]*inode{}}
		if m.tracked {
			n.dir.stable = map[string]*inode{}
		}
	}
	return n
}

// Create makes a new file.
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	op, err := m.create(name)
	if err == nil && m.full() {
		err = ErrNoSpace
	}
	if err != nil {
		return nil, pathError("create", name, err)
	}
	m.attach(op)
	return m.handle(op.target, name, true), nil
}

// create prepares the creation of a file.
func (m *Mem) create(name string) (op entryOp, err error) {
	if m.readOnly.Load() {
		return op, ErrReadOnly
	}
	at, err := m.place(name)
	if err != nil {
		return op, err
	}
	if at.inode() != nil {
		return op, fs.ErrExist
	}
	return entryOp{target: m.newInode(false), to: at}, nil
}

// attach does an operation that gives its target one more name.
func (m *Mem) attach(op entryOp) {
	op.target.links++
	m.move(op)
}

// Open opens an existing file for reading.
func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.findFile(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return m.handle(n, name, false), nil
}

// OpenWrite opens an existing file for reading and writing.
func (m *Mem) OpenWrite(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.findFile(name)
	if err == nil && m.readOnly.Load() {
		err = ErrReadOnly
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return m.handle(n, name, true), nil
}

// Link gives an existing file a second name.
func (m *Mem) Link(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.findFile(oldname)
	if err != nil {
		return pathError("link", oldname, err)
	}
	at, err := m.place(newname)
	switch {
	case err != nil:
	case m.readOnly.Load():
		err = ErrReadOnly
	case at.inode() != nil:
		err = fs.ErrExist
	}
	if err != nil {
		return pathError("link", newname, err)
	}
	m.attach(entryOp{target: n, to: at})
	return nil
}

// Rename moves a file, or a directory if the new name is free. If both names
// lead to one file it does nothing.
func (m *Mem) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(oldname)
	if err != nil {
		return pathError("rename", oldname, err)
	}
	from, err := m.place(oldname)
	if err != nil {
		return pathError("rename", oldname, err)
	}
	to, err := m.place(newname)
	if err == nil {
		err = m.renamable(n, to)
	}
	if err != nil {
		return pathError("rename", newname, err)
	}
	replaced := to.inode()
	if replaced == n {
		return nil
	}
	m.move(entryOp{target: n, from: from, to: to})
	if replaced != nil {
		m.unlinked(replaced)
	}
	return nil
}

func (m *Mem) renamable(n *inode, to entry) error {
	old := to.inode()
	switch {
	case m.readOnly.Load():
		return ErrReadOnly
	case old == n, old == nil && n.dir == nil:
		return nil
	case old != nil && old.dir != nil:
		return errIsDir
	case old != nil && n.dir != nil:
		return errNotDir
	case n.dir != nil && m.contains(n, to.dir):
		return fs.ErrInvalid
	}
	return nil
}

// Remove removes a file or an empty directory.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	at, err := m.place(name)
	switch {
	case err != nil:
	case m.readOnly.Load():
		err = ErrReadOnly
	case n.dir != nil && len(n.dir.entries) > 0:
		err = errNotEmpty
	}
	if err != nil {
		return pathError("remove", name, err)
	}
	m.move(entryOp{target: n, from: at})
	m.unlinked(n)
	return nil
}

// MkdirAll makes a directory and the parents that it lacks.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	parts := strings.Split(clean(dir), "/")
	for i := range parts {
		if err := m.mkdir(strings.Join(parts[:i+1], "/")); err != nil {
			return pathError("mkdir", dir, err)
		}
	}
	return nil
}

func (m *Mem) mkdir(name string) error {
	n, err := m.find(name)
	switch {
	case err == nil && n.dir != nil:
		return nil
	case err == nil:
		return errNotDir
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case m.readOnly.Load():
		return ErrReadOnly
	case m.full():
		return ErrNoSpace
	}
	at, err := m.place(name)
	if err == nil {
		m.attach(entryOp{target: m.newInode(true), to: at})
	}
	return err
}

// List returns the names in a directory, sorted.
func (m *Mem) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.findDir(dir)
	if err != nil {
		return nil, pathError("list", dir, err)
	}
	return n.dir.names(), nil
}

func (m *Mem) findDir(name string) (*inode, error) {
	n, err := m.find(name)
	if err == nil && n.dir == nil {
		return nil, errNotDir
	}
	return n, err
}

// Stat describes a file or a directory.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	if err != nil {
		return Info{}, pathError("stat", name, err)
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return Info{Size: n.now.size, IsDir: n.dir != nil}, nil
}

// SyncDir makes the entries of a directory durable. A rename is one atomic
// operation: it is durable when either of its directories is synced.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.findDir(dir)
	if err != nil {
		return pathError("sync", dir, err)
	}
	m.syncEntries(n)
	return nil
}

// unlinked is called when n lost a name.
func (m *Mem) unlinked(n *inode) {
	n.links--
	m.release(n)
}

// release gives the room of a file back that nothing leads to any more. What is
// needed to undo its removal stays.
func (m *Mem) release(n *inode) {
	if n.links > 0 || n.opens > 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	m.used.Add(-n.now.used)
	n.now = content{}
}

// pathError says of which file an error is.
func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
