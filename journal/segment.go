package journal

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/varvedb/varve/vfs"
)

// firstReserve is how much room a new segment gets at first, in bytes.
const firstReserve = 64 << 10

// segment is the file that is being written. One sync of it runs at a time:
// systems report a write-back that failed once for each handle, so of two syncs
// the one that succeeds could be the one whose bytes are lost. Two at once were
// no faster either, as each then covers fewer records.
type segment struct {
	number   uint64
	file     vfs.File
	reserved int64 // length of the file; of the task that writes

	// Guarded by Writer.mu.
	off     int64 // where the next unit goes
	durable int64 // all below is durable
	syncing bool
	ending  bool // no more syncs start
}

// canSync reports whether a sync can start.
func (s *segment) canSync() bool { return s != nil && !s.ending && !s.syncing }

// reserve makes room up to end: in steps that double, and no more than needed if
// the disk has not got that.
func (s *segment) reserve(opt *Options, end int64) error {
	if opt.NoPreallocate || end <= s.reserved {
		return nil
	}
	size := max(end, min(max(2*s.reserved, firstReserve), opt.SegmentSize))
	err := s.file.Preallocate(s.reserved, size-s.reserved)
	if errors.Is(err, vfs.ErrNoSpace) && size > end {
		size = end
		err = s.file.Preallocate(s.reserved, size-s.reserved)
	}
	if err != nil {
		return fmt.Errorf("make room in a segment: %w", err)
	}
	s.reserved = size
	return nil
}

func (s *segment) close() error {
	if s.file == nil {
		return nil
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("close a segment: %w", err)
	}
	return nil
}

// start makes a new segment the current one. Its name is durable before a byte
// is written to it, so that a file that is reused never has content of this
// segment under another name.
func (w *Writer) start(number uint64) error {
	s := &segment{number: number}
	recycled, err := w.newFile(number)
	if err != nil {
		return err
	}
	if err := w.fillHeader(s); err != nil {
		w.headless = number
		return errors.Join(err, s.close())
	}
	w.mu.Lock()
	w.cur = s
	w.stats.Segments++
	if recycled {
		w.stats.Recycled++
	}
	w.advanceFile(0)
	release := w.releasing
	w.mu.Unlock()
	if release > w.prev.Segment && w.prev.Segment > 0 {
		// What cannot be released now is at the next call of Release.
		_ = w.releaseUpTo(min(release, number))
	}
	return nil
}

// removeHeadless removes the file of a segment that got no header, durably: a
// reader bears one at the end of a log, but not before segment next.
func (w *Writer) removeHeadless(next uint64) error {
	number := w.headless
	if w.headless = 0; number == 0 || number == next {
		return nil
	}
	if err := w.opt.FS.Remove(w.opt.segmentFile(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.headless = number
		return err
	}
	if err := w.opt.FS.SyncDir(w.opt.Dir); err != nil {
		return fmt.Errorf("%w: sync the directory of a log: %w", ErrUnknownOutcome, err)
	}
	return nil
}

// newFile provides the file of a segment and reports whether it was used before.
func (w *Writer) newFile(number uint64) (recycled bool, err error) {
	w.dirMu.Lock()
	defer w.dirMu.Unlock()
	if err := w.removeHeadless(number); err != nil {
		return false, err
	}
	name := w.opt.segmentFile(number)
	if err := w.opt.FS.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if n := len(w.spares); n > 0 {
		spare := w.spares[n-1]
		w.spares = w.spares[:n-1]
		err = w.opt.FS.Rename(w.opt.spareFile(spare), name)
		recycled = err == nil
	}
	if !recycled {
		f, err := w.opt.FS.Create(name)
		if err != nil {
			return false, err
		}
		if err := f.Close(); err != nil {
			return false, err
		}
	}
	if err := w.opt.FS.SyncDir(w.opt.Dir); err != nil {
		return false, fmt.Errorf("%w: sync the directory of a log: %w", ErrUnknownOutcome, err)
	}
	return recycled, nil
}

// fillHeader opens the file of a segment and writes its header.
func (w *Writer) fillHeader(s *segment) (err error) {
	if s.file, err = w.opt.FS.OpenWrite(w.opt.segmentFile(s.number)); err != nil {
		return err
	}
	if s.reserved, err = s.file.Size(); err != nil {
		return err
	}
	h := header{version: formatVersion, number: s.number, prev: w.prev}
	if w.opt.Sealer != nil {
		h.sealed, h.keyID = true, w.opt.Sealer.KeyID()
	}
	w.framer.begin(s.number, 0, 0)
	w.framer.buf = h.append(w.framer.buf)
	w.framer.pad(w.opt.Sector)
	if err := s.reserve(&w.opt, w.framer.end()); err != nil {
		return err
	}
	_, err = s.file.WriteAt(w.framer.buf, 0)
	return err
}
