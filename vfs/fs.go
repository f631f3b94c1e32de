// Package vfs is the only door of Varve to the disk, the clock and the
// executor. Engines use nothing else, so that one harness proves them all: on
// the system's files, on a simulated disk that loses power, and on a disk that
// fails at a chosen operation.
//
// There are three implementations of [FS]: [System], the files of the operating
// system; [Mem], a disk in memory whose CrashClone is any state that a power cut
// could leave; and [Faulty], which wraps another one and fails, shortens or
// stops at the k-th operation of a kind. [Executor] has two: [Go], which uses
// goroutines and the real clock, and [Sim], which runs one task at a time in an
// order that follows from a seed.
//
// Names are slash-separated paths. Nothing in this package keeps a slice that
// it was given after the call returned.
package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// FS is a file system as a storage engine needs it. All methods may be called
// concurrently. Directory entries (created, linked, renamed and removed names)
// are durable only after SyncDir of the directory that holds them; the bytes of
// a file only after Sync of the file. Errors satisfy errors.Is with
// [fs.ErrNotExist], [fs.ErrExist], [fs.ErrPermission], [ErrNoSpace],
// [ErrReadOnly] and [ErrLocked] where these apply.
type FS interface {
	// Create makes a new file for reading and writing; a file that exists is
	// an error that is fs.ErrExist.
	Create(name string) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(name string) (File, error)
	// Link gives an existing file a second name, which must not exist.
	Link(oldname, newname string) error
	// Rename moves a file and replaces newname if it exists, atomically.
	Rename(oldname, newname string) error
	// Remove removes a file or an empty directory. Open handles stay usable.
	Remove(name string) error
	// MkdirAll makes a directory and the parents that it lacks.
	MkdirAll(dir string) error
	// List returns the names in a directory, without the directory, sorted.
	List(dir string) ([]string, error)
	// Stat describes a file or a directory.
	Stat(name string) (Info, error)
	// SyncDir makes the entries of a directory durable. Where the system has
	// no such call (windows) its file operations are ordered by its journal.
	SyncDir(dir string) error
	// Lock takes the lock that the file name stands for, creating the file if
	// need be, without waiting. If another handle holds it in a way that
	// excludes this one, the error is a *LockedError that names the holder.
	Lock(name string, opt LockOptions) (io.Closer, error)
	// Usage tells how much room the disk below dir has.
	Usage(dir string) (Usage, error)
}

// File is an open file. ReadAt, WriteAt and Sync may be called concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Name is the name with which the file was opened.
	Name() string
	// Size returns the length of the file in bytes.
	Size() (int64, error)
	// Truncate sets the length of the file; a longer file is filled with zeros.
	Truncate(size int64) error
	// Sync makes the bytes written before the call durable, and the length
	// that is needed to read them (fdatasync).
	Sync() error
	// Preallocate reserves room for length bytes at offset and makes the file
	// at least that long, so that later writes there neither run out of room
	// nor change the length. It may do nothing but set the length where the
	// system lacks the call.
	Preallocate(offset, length int64) error
	// PunchHole gives the room of a range back; it reads as zeros after. It
	// may write zeros where the system lacks the call.
	PunchHole(offset, length int64) error
}

// Mapper is implemented by files that can be mapped into memory for reading.
type Mapper interface {
	// Map maps length bytes at offset, which is a multiple of 64 KiB. The
	// mapping ends with Close of the returned value, and never before: its
	// bytes must not be used after.
	Map(offset, length int64) (Mapping, error)
}

// Mapping is a range of a file in memory. Bytes must not be written to.
type Mapping interface {
	Bytes() []byte
	io.Closer
}

// Info describes a file.
type Info struct {
	Size  int64 // bytes
	IsDir bool
}

// Usage is the room of a disk, in bytes.
type Usage struct {
	Total, Free int64
}

// LockOptions say how a lock is taken.
type LockOptions struct {
	// Shared locks exclude only exclusive ones.
	Shared bool
	// Holder is a line that an opener who is refused will be told; by default
	// the process id, the program and the time.
	Holder string
}

// Sentinel errors. They are matched with errors.Is.
var (
	// ErrNoSpace says that the disk, or the quota, is full.
	ErrNoSpace = errors.New("no space left on the disk")
	// ErrReadOnly says that the file system does not take writes.
	ErrReadOnly = errors.New("read-only")
	// ErrLocked says that another handle holds the lock.
	ErrLocked = errors.New("locked")
	// ErrClosed says that the handle is closed.
	ErrClosed = fs.ErrClosed
)

// LockedError is the error of a refused lock; errors.Is(err, ErrLocked) holds.
type LockedError struct {
	Name   string // of the lock file
	Holder string // what the holder said of itself; empty if unknown
}

// Error says who holds the lock and what can be done.
func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another process"
	}
	return fmt.Sprintf("%s is locked by %s: close it there first, or open read-only", e.Name, holder)
}

// Is reports whether target is ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// CorruptionError says that bytes read from a file are not what was written.
// It stands here, on the ground floor, because damage is a fact about a file;
// package kv gives it to users under its own name.
type CorruptionError struct {
	File   string // name of the damaged file
	Offset int64  // of the first damaged byte known; -1 if it is the file as a whole
	What   string // what is wrong there
}

// Error names the file, the offset and the damage.
func (e *CorruptionError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%s is damaged: %s", e.File, e.What)
	}
	return fmt.Sprintf("%s is damaged at offset %d: %s", e.File, e.Offset, e.What)
}

// ReadFile returns the whole content of a file, which must not be longer than
// limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, &CorruptionError{File: name, Offset: -1,
			What: fmt.Sprintf("it is %d bytes long, at most %d are expected", size, limit)}
	}
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); n < len(data) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// WriteFile replaces the content of name by data, atomically and durably: after
// a power cut the file has its old content or the new one, whole. It writes
// name.tmp, syncs it, renames it and syncs the directory dir.
func WriteFile(fsys FS, dir, name string, data []byte) error {
	tmp := name + ".tmp"
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(fsys, tmp, data); err != nil {
		return errors.Join(err, removeQuietly(fsys, tmp))
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

func writeNew(fsys FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func removeQuietly(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
