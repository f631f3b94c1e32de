// Package place is what all engines do about the directory of a store: they find
// out what is there, tell a store of theirs from anything else, and lock it.
package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// LockName is the file that is locked while a store is open.
const LockName = "LOCK"

// Place is the directory of a store, as the options of an engine describe it.
type Place struct {
	Engine   string // its package
	Dir      string // empty for a store in memory
	FS       vfs.FS
	Executor vfs.Executor

	ReadOnly, MustExist, MustBeNew bool
	LockTimeout, SyncInterval      time.Duration
}

// Validate says what is wrong with the options that all engines have.
func (p *Place) Validate() error {
	what := ""
	switch {
	case p.MustExist && p.MustBeNew:
		what = "MustExist and MustBeNew exclude each other"
	case p.ReadOnly && p.MustBeNew:
		what = "a new store cannot be read-only"
	case p.ReadOnly && p.Dir == "":
		what = "a store in memory cannot be read-only"
	case p.LockTimeout < 0 || p.SyncInterval < 0:
		what = "a duration is negative"
	default:
		return nil
	}
	return errors.New(p.Engine + ": " + what)
}

// Layout is how an engine knows its files.
type Layout struct {
	// Root names the file without which there is no store.
	Root string
	// Found reports whether there is a store, by the names in the directory.
	Found func(names []string) (bool, error)
	// Begun reports whether a file is what an opening may leave that was
	// interrupted before there was a store.
	Begun func(name string) bool
	// Part reports whether a file is another part of a store.
	Part func(name string) bool
}

// Look reports whether there is a store. Errors: ErrExist and ErrNotExist if that is
// not as the options want it, ErrForeign if there are other things, a
// *kv.CorruptionError if there are parts of a store without the file that names
// them.
func (p *Place) Look(l *Layout) (found bool, err error) {
	names, err := p.FS.List(p.Dir)
	if err == nil {
		found, err = l.Found(names)
	}
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, err
	case found && p.MustBeNew:
		return found, kv.ErrExist
	case !found && (p.MustExist || p.ReadOnly):
		return found, errors.Join(kv.ErrNotExist, p.strange(l, names))
	case !found:
		return found, p.strange(l, names)
	}
	return found, nil
}

// strange returns an error if a directory without a store holds anything but what
// one leaves that was not finished.
func (p *Place) strange(l *Layout, names []string) error {
	for _, name := range names {
		switch {
		case name == LockName || l.Begun(name):
		case l.Part(name):
			return &kv.CorruptionError{File: path.Join(p.Dir, l.Root), Offset: -1, What: "it is missing, but " + name + " is there"}
		default:
			return fmt.Errorf("%w: it holds %s; choose an empty or new directory", kv.ErrForeign, name)
		}
	}
	return nil
}

// Enter makes the directory, if there is none, and locks it for a writer. It reports
// whether there is a store.
func (p *Place) Enter(ctx context.Context, l *Layout) (lock io.Closer, found bool, err error) {
	if found, err = p.Look(l); err == nil && !found {
		err = vfs.MkdirDurable(p.FS, p.Dir)
	}
	if err == nil {
		lock, err = p.Lock(ctx)
	}
	if err != nil {
		return nil, false, err
	}
	// Whoever held the lock may have made or removed the store.
	if found, err = p.Look(l); err != nil {
		return nil, false, errors.Join(err, lock.Close())
	}
	return lock, found, nil
}

// EnterReadOnly locks the directory of a store for a reader. Beside a live writer
// there is no lock: what is read then may have to be read again.
func (p *Place) EnterReadOnly(ctx context.Context, l *Layout) (lock io.Closer, err error) {
	if _, err := p.Look(l); err != nil {
		return nil, err
	}
	lock, err = p.Lock(ctx)
	if errors.Is(err, vfs.ErrLocked) {
		return nil, nil
	}
	return lock, err
}

// Lock locks the directory: for writing, or beside other readers.
func (p *Place) Lock(ctx context.Context) (io.Closer, error) {
	return vfs.WaitLock(ctx, p.FS, p.Executor, path.Join(p.Dir, LockName), vfs.LockOptions{Shared: p.ReadOnly}, p.LockTimeout)
}

// Attempts is how often a reader reads the files before it believes an error: more
// than once without the lock, as then somebody may write.
func Attempts(lock io.Closer) int {
	if lock == nil {
		return 5
	}
	return 1
}

// Remove removes a file if it is there.
func Remove(fsys vfs.FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
