package vfs

import (
	"errors"
	"io/fs"
	"path"
)

// MkdirDurable makes a directory, with the parents that it lacks, durably.
func MkdirDurable(fsys FS, dir string) error {
	var made []string // whose parent must be synced
	for at := path.Clean(dir); ; at = path.Dir(at) {
		_, err := fsys.Stat(at)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // whether the parent must be synced is not known
		}
		if err == nil || at == path.Dir(at) {
			break
		}
		made = append(made, at)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return err
	}
	for _, d := range made {
		if err := fsys.SyncDir(path.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// DirBytes adds up the lengths of the files in a directory, without those that
// are removed meanwhile and those further down.
func DirBytes(fsys FS, dir string) (sum int64, err error) {
	names, err := fsys.List(dir)
	for _, name := range names {
		if info, err := fsys.Stat(path.Join(dir, name)); err == nil && !info.IsDir {
			sum += info.Size
		}
	}
	return sum, err
}
