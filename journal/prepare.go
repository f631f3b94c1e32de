package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/varvedb/varve/vfs"
)

// prepare makes what the log has so far durable and clears the way for the
// segment with the number.
func (w *Writer) prepare(after Tail, number uint64) error {
	if err := w.makeDir(); err != nil {
		return fmt.Errorf("make the directory of a log: %w", err)
	}
	segments, spares, err := w.opt.list()
	if err != nil {
		return err
	}
	if n := len(segments); n > 0 && segments[n-1] > number {
		return fmt.Errorf("start segment %d: segment %d is already there", number, segments[n-1])
	}
	if after.Segment > 0 {
		if err := w.secure(after); err != nil {
			return fmt.Errorf("make the last segment durable: %w", err)
		}
	}
	return w.keepSpares(spares, number)
}

func (w *Writer) makeDir() error {
	if _, err := w.opt.FS.Stat(w.opt.Dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.opt.FS.MkdirAll(w.opt.Dir); err != nil {
		return err
	}
	return w.opt.FS.SyncDir(path.Dir(w.opt.Dir))
}

// secure makes the last segment durable up to where Read found its end. Read may
// have seen bytes that only the system's cache has, even ones that it failed to
// write and takes for clean: what is not proven to be durable is written again.
// Not so on a disk where that could destroy what is durable beside it.
func (w *Writer) secure(after Tail) error {
	f, err := w.opt.FS.OpenWrite(w.opt.segmentFile(after.Segment))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // released
	}
	if err != nil {
		return err
	}
	if w.opt.Sector == 0 {
		err = rewrite(f, after.proven, after.Length)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// rewrite writes what a range of the file has.
func rewrite(f vfs.File, off, end int64) error {
	buf := make([]byte, max(0, min(end-off, windowSize)))
	for off < end {
		b := buf[:min(int64(len(buf)), end-off)]
		if n, err := f.ReadAt(b, off); n < len(b) {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		if _, err := f.WriteAt(b, off); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}
