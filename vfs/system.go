package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// System returns the files of the operating system. Names are slash-separated
// paths, relative ones to the working directory.
//
// What the platforms do differently:
//
//   - Sync is fdatasync on linux, F_FULLFSYNC on darwin, elsewhere what
//     os.File.Sync does.
//   - Preallocate reserves room on linux and darwin, and where the file system
//     cannot, sets the length alone, as elsewhere.
//   - PunchHole frees room on linux and windows, and writes zeros where the file
//     system cannot, as elsewhere.
//   - Locks are those of flock, and of LockFileEx on windows, between processes
//     and within one. They end with the process. On js, wasip1, aix and solaris
//     they exclude within the process alone.
//   - Usage is an error that is errors.ErrUnsupported on js, wasip1, aix and
//     solaris.
//   - Files can be mapped on unix and windows, not on js and wasip1. The file
//     must not be cut below a mapping: on unix an access behind its end kills the
//     process, on windows the cut fails.
//   - On windows SyncDir does nothing, since its file systems journal entries in
//     order and Rename writes through; a file that is open can be removed, and
//     renamed, but not replaced.
//
// A shared lock on a read-only file system works without being able to write to
// the lock file, and does without the file if it is missing there.
func System() FS { return systemFS{} }

type systemFS struct{}

var _ FS = systemFS{}

func (systemFS) Create(name string) (File, error) {
	return orNil(openSystem(name, os.O_RDWR|os.O_CREATE|os.O_EXCL))
}

func (systemFS) Open(name string) (File, error) {
	f, err := openSystem(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	info, err := f.file.Stat()
	if err == nil && info.IsDir() {
		err = pathError("open", name, errIsDir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (systemFS) OpenWrite(name string) (File, error) {
	return orNil(openSystem(name, os.O_RDWR))
}

// orNil keeps a nil pointer from becoming a File.
func orNil(f *systemFile, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func openSystem(name string, flag int) (*systemFile, error) {
	f, err := openFile(filepath.FromSlash(name), flag)
	if err != nil {
		return nil, classify(err)
	}
	return &systemFile{name: name, file: f}, nil
}

func (systemFS) Link(oldname, newname string) error {
	return classify(os.Link(filepath.FromSlash(oldname), filepath.FromSlash(newname)))
}

func (systemFS) Rename(oldname, newname string) error {
	return classify(rename(filepath.FromSlash(oldname), filepath.FromSlash(newname)))
}

func (systemFS) Remove(name string) error {
	return classify(os.Remove(filepath.FromSlash(name)))
}

func (systemFS) MkdirAll(dir string) error {
	return classify(os.MkdirAll(filepath.FromSlash(dir), 0o755))
}

func (systemFS) List(dir string) ([]string, error) {
	d, err := os.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, classify(err)
	}
	names, err := d.Readdirnames(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, classify(err)
	}
	slices.Sort(names)
	return names, nil
}

func (systemFS) Stat(name string) (Info, error) {
	info, err := os.Stat(filepath.FromSlash(name))
	if err != nil {
		return Info{}, classify(err)
	}
	if info.IsDir() {
		return Info{IsDir: true}, nil
	}
	return Info{Size: info.Size()}, nil
}

func (systemFS) SyncDir(dir string) error {
	return classify(syncDir(filepath.FromSlash(dir)))
}

func (systemFS) Usage(dir string) (Usage, error) {
	u, err := usage(filepath.FromSlash(dir))
	if err != nil {
		return Usage{}, classify(pathError("usage", dir, err))
	}
	return u, nil
}

// systemFile is a file of the operating system.
type systemFile struct {
	name string
	file *os.File
}

var _ File = (*systemFile)(nil)

func (f *systemFile) Name() string { return f.name }

func (f *systemFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.file.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = classify(err)
	}
	return n, err
}

func (f *systemFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.file.WriteAt(p, off)
	return n, classify(err)
}

func (f *systemFile) Close() error { return classify(f.file.Close()) }

func (f *systemFile) Size() (int64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, classify(err)
	}
	return info.Size(), nil
}

func (f *systemFile) Truncate(size int64) error {
	if size < 0 {
		return f.error("truncate", fs.ErrInvalid)
	}
	return classify(f.file.Truncate(size))
}

func (f *systemFile) Sync() error { return f.error("sync", dataSync(f.file)) }

func (f *systemFile) Preallocate(offset, length int64) error {
	if !isRange(offset, length) {
		return f.error("preallocate", fs.ErrInvalid)
	}
	if length == 0 {
		return f.error("preallocate", extend(f.file, offset))
	}
	return f.error("preallocate", preallocate(f.file, offset, length))
}

func (f *systemFile) PunchHole(offset, length int64) error {
	if !isRange(offset, length) {
		return f.error("punch hole", fs.ErrInvalid)
	}
	if length == 0 {
		return nil
	}
	return f.error("punch hole", punchHole(f.file, offset, length))
}

func isRange(offset, length int64) bool {
	return offset >= 0 && length >= 0 && length <= math.MaxInt64-offset
}

// error gives an error of a system call the name of the file, if it lacks one.
func (f *systemFile) error(op string, err error) error {
	if err == nil {
		return nil
	}
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		return classify(err)
	}
	return classify(pathError(op, f.name, err))
}

// sentinelError is an error of the system that is also one of the package's.
type sentinelError struct{ err, sentinel error }

func (e *sentinelError) Error() string   { return e.err.Error() }
func (e *sentinelError) Unwrap() []error { return []error{e.err, e.sentinel} }

// classify makes errors.Is work for ErrNoSpace and ErrReadOnly. The text and the
// chain of err stay.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case isNoSpace(err):
		return &sentinelError{err, ErrNoSpace}
	case isReadOnly(err):
		return &sentinelError{err, ErrReadOnly}
	}
	return err
}

// extend makes the file at least size bytes long.
func extend(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= size {
		return err
	}
	return f.Truncate(size)
}

// writeZeros is the fallback of punchHole. It leaves the length alone.
func writeZeros(f *os.File, offset, length int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, max(0, min(length, 64<<10)))
	for end := min(offset+length, info.Size()); offset < end; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), end-offset)], offset)
		if err != nil {
			return err
		}
		offset += int64(n)
	}
	return nil
}
