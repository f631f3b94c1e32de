package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Release gives up the segments numbered below before: they are kept under a
// spare name for reuse, or removed, from the lowest up and each durably before
// the next, so that a crash at any point leaves a log that can be read. The
// segment that is written to is given up when the next one is started. The
// newest ones stay as long as Options.Retain allows.
func (w *Writer) Release(before uint64) error {
	w.mu.Lock()
	err := w.broken
	if err == nil && w.closing {
		err = errClosed
	}
	if err == nil {
		w.releasing = max(w.releasing, before)
	}
	last := w.prev.Segment // without its successor the chain would be empty
	if w.cur != nil {
		last = w.cur.number
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return w.releaseUpTo(min(before, last))
}

func (w *Writer) releaseUpTo(before uint64) error {
	w.dirMu.Lock()
	defer w.dirMu.Unlock()
	segments, _, err := w.opt.list()
	if err != nil {
		return err
	}
	old, _ := slices.BinarySearch(segments, before)
	old, err = w.retain(segments[:old])
	if err != nil {
		return err
	}
	for _, n := range segments[:old] {
		if err := w.releaseFile(n); err != nil {
			return fmt.Errorf("release segment %d: %w", n, err)
		}
	}
	return nil
}

// maxRetained is how many released segments are kept, however short they are.
const maxRetained = 64

// retain returns how many of the released segments are too old to be kept.
func (w *Writer) retain(released []uint64) (old int, err error) {
	if w.opt.Retain == 0 {
		return len(released), nil
	}
	var size int64
	for old = len(released); old > max(0, len(released)-maxRetained); old-- {
		info, err := w.opt.FS.Stat(w.opt.segmentFile(released[old-1]))
		if err != nil {
			return 0, err
		}
		if size += info.Size; size > w.opt.Retain {
			break
		}
	}
	return old, nil
}

// releaseFile keeps or removes the file of one segment.
func (w *Writer) releaseFile(number uint64) error {
	name := w.opt.segmentFile(number)
	info, err := w.opt.FS.Stat(name)
	if err != nil {
		return err
	}
	if len(w.spares) >= w.opt.Recycle || info.Size > 2*w.opt.SegmentSize {
		if err := w.opt.FS.Remove(name); err != nil {
			return err
		}
		return w.opt.FS.SyncDir(w.opt.Dir)
	}
	if err := w.opt.FS.Rename(name, w.opt.spareFile(number)); err != nil {
		return err
	}
	w.spares = append(w.spares, number)
	return w.opt.FS.SyncDir(w.opt.Dir)
}

// keepSpares takes over spare files of an earlier writer. A file that may have
// content of the segment to be started, or a later one, is not reused.
func (w *Writer) keepSpares(spares []uint64, number uint64) error {
	for _, n := range slices.Backward(spares) {
		if n < number && len(w.spares) < w.opt.Recycle {
			w.spares = append(w.spares, n)
			continue
		}
		if err := w.opt.FS.Remove(w.opt.spareFile(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a spare file: %w", err)
		}
	}
	return nil
}
