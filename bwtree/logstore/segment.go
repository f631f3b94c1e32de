package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// segment is the file that is being written, or was the last one. Only the
// flusher, or Close after it, uses it. Each step can be tried again after an error
// that is vfs.ErrNoSpace.
type segment struct {
	number   uint32 // 0 before the first
	file     vfs.File
	end      int64 // where the next record goes; with finished, the length
	finished bool  // its end is written and durable
}

// enter makes the segment with the number the one that is written.
func (g *segment) enter(s *Store, number uint32) error {
	if g.number == number {
		return nil
	}
	if !g.finished {
		if err := g.finish(s, kindRotated); err != nil {
			return fmt.Errorf("end a segment: %w", err)
		}
	}
	file, err := g.create(s, number)
	if err != nil {
		return fmt.Errorf("start a segment: %w", err)
	}
	*g = segment{number: number, file: file, end: headerSize}
	s.files.add(number, file)
	s.head.Store(number)
	s.segments.Add(1)
	return nil
}

// finish writes an end record and makes the segment durable. Nothing of a later
// segment is written before.
func (g *segment) finish(s *Store, k kind) error {
	var check segfile.Checker
	if _, err := g.file.WriteAt(endRecord(k, g.number, g.end, s.watermark(g.number), &check), g.end); err != nil {
		return err
	}
	if err := s.sync(addrOf(g.number, g.end+endSize)); err != nil {
		return fmt.Errorf("%w: sync a segment: %w", ErrUnknownOutcome, err)
	}
	g.end += endSize
	g.finished = true
	return nil
}

// create makes the file of a segment, in place of what an attempt has left.
func (g *segment) create(s *Store, number uint32) (vfs.File, error) {
	name := s.opt.file(number)
	if err := s.opt.FS.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file, err := s.opt.FS.Create(name)
	if err != nil {
		return nil, err
	}
	h := segfile.Header{Version: formatVersion, Number: uint64(number), Prev: uint64(g.number), PrevLength: g.end}
	if g.number == 0 {
		h.PrevLength = 0
	}
	if _, err := file.WriteAt(h.Append(nil, magic), 0); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := s.opt.FS.SyncDir(s.opt.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: sync the directory: %w", ErrUnknownOutcome, err), file.Close())
	}
	return file, nil
}

// close ends the log, if something was written.
func (g *segment) close(s *Store) error {
	if g.file == nil || g.finished {
		return nil
	}
	if err := g.finish(s, kindClosed); err != nil {
		return fmt.Errorf("end a segment: %w", err)
	}
	return nil
}

// secure makes the last segment durable up to where Scan found its end: Scan may
// have seen bytes that only the system's cache has, even ones that it failed to
// write and takes for clean. What is not proven to be durable is written again.
func (s *Store) secure(after Tail) error {
	f, err := s.opt.FS.OpenWrite(s.opt.file(after.Segment))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // released
	}
	if err != nil {
		return err
	}
	if err = rewrite(f, after.proven, after.Length); err == nil {
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
