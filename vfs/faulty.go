package vfs

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
)

// Faulty is a file system whose operations fail when a hook says so. Each
// operation on it and on its files first gets its index from one counter and
// then asks the hook; the error that the hook returns, wrapped with the name of
// the file, is the error of the operation, which is then not done. Errors made
// by [ShortIO] and [DroppedSync] do a part of it. [ErrInjectedCrash] means that
// the power is cut: it and all later operations fail. Close of a file or a lock
// always closes what is below, also if it returns an error.
//
// Without a hook a Faulty adds nothing but the count. All methods may be called
// concurrently; hooks are then called concurrently too.
type Faulty struct {
	inner   FS
	ops     atomic.Int64
	crashed atomic.Bool
	hook    atomic.Pointer[func(Op) error]
	yield   atomic.Pointer[func()]
}

var _ FS = (*Faulty)(nil)

var (
	// ErrInjected is an error for hooks to return.
	ErrInjected = errors.New("injected fault")
	// ErrInjectedCrash is the error of every operation after the power was cut.
	// A hook that returns it cuts the power.
	ErrInjectedCrash = errors.New("injected crash")
)

// NewFaulty returns a file system on inner without a hook.
func NewFaulty(inner FS) *Faulty { return &Faulty{inner: inner} }

// SetHook sets the function that decides about each operation; nil means that
// none fails. The hook must not use the Faulty.
func (f *Faulty) SetHook(hook func(Op) error) {
	if hook == nil {
		f.hook.Store(nil)
		return
	}
	f.hook.Store(&hook)
}

// SetYield sets a function that is called before each operation, such as
// Sim.Yield, which makes each one a point where another task may run.
func (f *Faulty) SetYield(yield func()) {
	if yield == nil {
		f.yield.Store(nil)
		return
	}
	f.yield.Store(&yield)
}

// Ops returns how many operations were started before the power was cut.
func (f *Faulty) Ops() int64 { return f.ops.Load() }

// Crash cuts the power: every later operation fails with ErrInjectedCrash.
func (f *Faulty) Crash() { f.crashed.Store(true) }

// Crashed reports whether the power was cut.
func (f *Faulty) Crashed() bool { return f.crashed.Load() }

// FailAt returns a hook that returns err at the k-th operation, counted from 0,
// of the given kinds, or of all kinds if none is given. It counts from when it is
// set, and fails only that one.
func FailAt(k int64, err error, kinds ...OpKind) func(Op) error {
	var seen atomic.Int64
	return func(op Op) error {
		if len(kinds) > 0 && !slices.Contains(kinds, op.Kind) {
			return nil
		}
		if seen.Add(1)-1 == k {
			return err
		}
		return nil
	}
}

// CrashAt returns a hook that cuts the power before the k-th operation, counted
// from 0, of the given kinds, or of all kinds if none is given.
func CrashAt(k int64, kinds ...OpKind) func(Op) error {
	return FailAt(k, ErrInjectedCrash, kinds...)
}

// ShortIO returns an error for a hook with which a read or a write does its
// first n bytes and then fails with err. Other operations fail with err. A nil
// err stands for ErrInjected.
func ShortIO(n int, err error) error { return &shortIO{n, orInjected(err)} }

type shortIO struct {
	n   int
	err error
}

func (e *shortIO) Error() string { return "short: " + e.err.Error() }
func (e *shortIO) Unwrap() error { return e.err }

// DroppedSync returns an error for a hook with which a File.Sync fails with err
// and all that was not synced of the file is lost, while the next Sync succeeds,
// as on systems that take pages for clean after they failed to write them. Files
// that are not those of a Mem lose nothing. Other operations fail with err. A
// nil err stands for ErrInjected.
func DroppedSync(err error) error { return &droppedSync{orInjected(err)} }

type droppedSync struct{ err error }

func (e *droppedSync) Error() string { return "dropped: " + e.err.Error() }
func (e *droppedSync) Unwrap() error { return e.err }

func orInjected(err error) error { return firstError(err, ErrInjected) }

// ask lets others run, counts the operation and asks the hook.
func (f *Faulty) ask(op Op) error {
	if yield := f.yield.Load(); yield != nil {
		(*yield)()
	}
	if f.crashed.Load() {
		return ErrInjectedCrash
	}
	op.Index = f.ops.Add(1) - 1
	if hook := f.hook.Load(); hook != nil {
		return (*hook)(op)
	}
	return nil
}

// fail is the error of an operation for which the hook returned err, which is
// the end of it.
func (f *Faulty) fail(op Op, err error) error {
	if errors.Is(err, ErrInjectedCrash) {
		f.crashed.Store(true)
	}
	return pathError(op.Kind.String(), op.Name, err)
}

// before is ask for operations that are done as a whole or not at all.
func (f *Faulty) before(op Op) error {
	if err := f.ask(op); err != nil {
		return f.fail(op, err)
	}
	return nil
}

// Create makes a new file.
func (f *Faulty) Create(name string) (File, error) {
	return f.open(OpCreate, name, f.inner.Create)
}

// Open opens an existing file for reading.
func (f *Faulty) Open(name string) (File, error) {
	return f.open(OpOpen, name, f.inner.Open)
}

// OpenWrite opens an existing file for reading and writing.
func (f *Faulty) OpenWrite(name string) (File, error) {
	return f.open(OpOpenWrite, name, f.inner.OpenWrite)
}

func (f *Faulty) open(kind OpKind, name string, open func(string) (File, error)) (File, error) {
	if err := f.before(Op{Kind: kind, Name: name}); err != nil {
		return nil, err
	}
	inner, err := open(name)
	if err != nil {
		return nil, err
	}
	file := &faultyFile{fs: f, inner: inner}
	if mapper, ok := inner.(Mapper); ok {
		return &faultyMapper{file, mapper}, nil
	}
	return file, nil
}

// Link gives an existing file a second name.
func (f *Faulty) Link(oldname, newname string) error {
	if err := f.before(Op{Kind: OpLink, Name: oldname, NewName: newname}); err != nil {
		return err
	}
	return f.inner.Link(oldname, newname)
}

// Rename moves a file and replaces newname if it exists, atomically.
func (f *Faulty) Rename(oldname, newname string) error {
	if err := f.before(Op{Kind: OpRename, Name: oldname, NewName: newname}); err != nil {
		return err
	}
	return f.inner.Rename(oldname, newname)
}

// Remove removes a file or an empty directory.
func (f *Faulty) Remove(name string) error {
	if err := f.before(Op{Kind: OpRemove, Name: name}); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

// MkdirAll makes a directory and the parents that it lacks.
func (f *Faulty) MkdirAll(dir string) error {
	if err := f.before(Op{Kind: OpMkdir, Name: dir}); err != nil {
		return err
	}
	return f.inner.MkdirAll(dir)
}

// List returns the names in a directory, sorted.
func (f *Faulty) List(dir string) ([]string, error) {
	if err := f.before(Op{Kind: OpList, Name: dir}); err != nil {
		return nil, err
	}
	return f.inner.List(dir)
}

// Stat describes a file or a directory.
func (f *Faulty) Stat(name string) (Info, error) {
	if err := f.before(Op{Kind: OpStat, Name: name}); err != nil {
		return Info{}, err
	}
	return f.inner.Stat(name)
}

// SyncDir makes the entries of a directory durable.
func (f *Faulty) SyncDir(dir string) error {
	if err := f.before(Op{Kind: OpSyncDir, Name: dir}); err != nil {
		return err
	}
	return f.inner.SyncDir(dir)
}

// Usage tells how much room the disk below dir has.
func (f *Faulty) Usage(dir string) (Usage, error) {
	if err := f.before(Op{Kind: OpUsage, Name: dir}); err != nil {
		return Usage{}, err
	}
	return f.inner.Usage(dir)
}

// Lock takes the lock that the file name stands for.
func (f *Faulty) Lock(name string, opt LockOptions) (io.Closer, error) {
	if err := f.before(Op{Kind: OpLock, Name: name}); err != nil {
		return nil, err
	}
	inner, err := f.inner.Lock(name, opt)
	if err != nil {
		return nil, err
	}
	return &faultyLock{f, name, inner}, nil
}

type faultyLock struct {
	fs    *Faulty
	name  string
	inner io.Closer
}

func (l *faultyLock) Close() error {
	err := l.fs.before(Op{Kind: OpUnlock, Name: l.name})
	return firstError(err, l.inner.Close())
}

func firstError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
