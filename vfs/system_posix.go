//go:build !windows

package vfs

import (
	"errors"
	"os"
	"syscall"
)

func openFile(name string, flag int) (*os.File, error) { return os.OpenFile(name, flag, 0o644) }

func rename(oldname, newname string) error { return os.Rename(oldname, newname) }

// syncDir syncs a directory. File systems that know no sync of directories say
// so in one of several ways.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if info, err := d.Stat(); err != nil || !info.IsDir() {
		return firstError(err, pathError("sync", dir, errNotDir))
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
