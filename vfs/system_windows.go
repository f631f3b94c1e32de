package vfs

import (
	"errors"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// openFile is os.OpenFile, but lets others remove and rename the file while it
// is open.
func openFile(name string, flag int) (*os.File, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, pathError("open", name, fs.ErrInvalid)
	}
	access := uint32(windows.GENERIC_READ)
	if flag&os.O_RDWR != 0 {
		access |= windows.GENERIC_WRITE
	}
	disposition := uint32(windows.OPEN_EXISTING)
	switch {
	case flag&os.O_EXCL != 0:
		disposition = windows.CREATE_NEW
	case flag&os.O_CREATE != 0:
		disposition = windows.OPEN_ALWAYS
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(path, access, share, nil, disposition, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return os.NewFile(uintptr(h), name), nil
}

// rename returns when the new entry is on the disk, since there is no sync of
// directories.
func rename(oldname, newname string) error {
	from, err := windows.UTF16PtrFromString(oldname)
	if err != nil {
		return pathError("rename", oldname, fs.ErrInvalid)
	}
	to, err := windows.UTF16PtrFromString(newname)
	if err != nil {
		return pathError("rename", newname, fs.ErrInvalid)
	}
	const flags = windows.MOVEFILE_REPLACE_EXISTING | windows.MOVEFILE_WRITE_THROUGH
	if err := windows.MoveFileEx(from, to, flags); err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}

func syncDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return pathError("sync", dir, errNotDir)
	}
	return err
}

func dataSync(f *os.File) error { return f.Sync() }

func preallocate(f *os.File, offset, length int64) error { return extend(f, offset+length) }

// punchHole makes the file sparse and tells the system that the range is zero;
// a file system that cannot do that gets zeros written.
func punchHole(f *os.File, offset, length int64) error {
	size, err := f.Stat()
	if err != nil {
		return err
	}
	end := min(offset+length, size.Size())
	if offset >= end {
		return nil
	}
	if zeroData(f, offset, end) != nil {
		return writeZeros(f, offset, length)
	}
	return nil
}

func zeroData(f *os.File, offset, end int64) error {
	zero := struct{ offset, end int64 }{offset, end}
	return control(f, func(h windows.Handle) error {
		var n uint32
		err := windows.DeviceIoControl(h, windows.FSCTL_SET_SPARSE, nil, 0, nil, 0, &n, nil)
		if err != nil {
			return err
		}
		return windows.DeviceIoControl(h, windows.FSCTL_SET_ZERO_DATA,
			(*byte)(unsafe.Pointer(&zero)), uint32(unsafe.Sizeof(zero)), nil, 0, &n, nil)
	})
}

// control calls a system call on f, which stays open meanwhile.
func control(f *os.File, call func(h windows.Handle) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) { result = call(windows.Handle(fd)) })
	if err != nil {
		return fs.ErrClosed // which is all that Control fails of
	}
	return result
}

func usage(dir string) (Usage, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Usage{}, fs.ErrInvalid
	}
	var free, total uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &total, nil); err != nil {
		return Usage{}, err
	}
	return Usage{Total: int64(total), Free: int64(free)}, nil
}

func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
