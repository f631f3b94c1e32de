package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/varvedb/varve/vfs"
)

// writeFile lets write fill a file, which gets its name when it is complete and
// on disk, and returns how many bytes it has; one that has the name already is
// replaced then. - is the standard output.
func (a *app) writeFile(ctx context.Context, name string, write func(io.Writer) error) (n int64, err error) {
	if name == "-" {
		if isTerminal(a.out) {
			return 0, usagef("this is not text: send the output to a file or a program, or name a file")
		}
		return 0, write(untilDone{ctx, a.out})
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(untilDone{ctx, f})
	err = errors.Join(err, f.Chmod(0o644), f.Sync())
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return 0, err
	}
	return info.Size(), syncParent(name)
}

// syncParent makes the name of a file or directory durable.
func syncParent(name string) error {
	return vfs.System().SyncDir(filepath.ToSlash(filepath.Dir(name)))
}

// untilDone is a writer that fails when its context is done.
type untilDone struct {
	ctx context.Context
	io.Writer
}

func (w untilDone) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}
