package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/varvedb/varve/vfs"
)

// ErrReleased says that a segment that was asked for is no longer kept.
var ErrReleased = errors.New("journal: the segment was released")

// Follower reads the records of a log while it is written, as they become
// durable. It is not for concurrent use, and holds up nobody: a segment that is
// released before it was read is gone. It must be closed.
type Follower struct {
	w    *Writer
	read reader
	head header

	number uint64 // of the segment that is read
	opened bool
	off    int64 // where the next unit starts
	end    int64 // length of the segment, or -1 while the writer knows it
}

// Follow returns a follower that begins with a segment.
func (w *Writer) Follow(segment uint64) *Follower {
	return &Follower{w: w, read: reader{opt: &w.opt}, number: segment, off: headerSize, end: -1}
}

// Segments returns the numbers of the segments that are kept, rising, the current
// one included.
func (w *Writer) Segments() ([]uint64, error) {
	segments, _, err := w.opt.list()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := len(segments); n > 0 && segments[n-1] > w.newest(); n-- {
		segments = segments[:n-1]
	}
	return segments, nil
}

// SegmentFile returns the name of the file of a segment.
func (w *Writer) SegmentFile(number uint64) string { return w.opt.segmentFile(number) }

// newest returns the number of the newest segment that has a header.
func (w *Writer) newest() uint64 {
	if w.cur != nil {
		return w.cur.number
	}
	return w.prev.Segment
}

// Next visits the records of the next durable group, in order, and reports
// whether there was one. The error is ErrReleased if the segment is gone, a
// *vfs.CorruptionError, one of the disk, or that of visit.
func (f *Follower) Next(visit func(Record) error) (bool, error) {
	for {
		limit, ended, err := f.extent()
		if err != nil {
			return false, err
		}
		if f.off >= limit {
			if more, err := f.advance(ended); err != nil || !more {
				return false, err
			}
			continue
		}
		if ok, err := f.unit(limit, visit); err != nil || ok {
			return ok, f.explain(err)
		}
	}
}

// extent returns the length of what is durable of the segment, and whether that
// is all it will have.
func (f *Follower) extent() (limit int64, ended bool, err error) {
	if f.end >= 0 {
		return f.end, true, nil
	}
	f.w.mu.Lock()
	cur, prev := f.w.cur, f.w.prev
	if cur != nil && cur.number == f.number {
		defer f.w.mu.Unlock()
		return cur.durable, false, nil
	}
	f.w.mu.Unlock()
	if prev.Segment == f.number {
		f.end = prev.Length
		return f.end, true, nil
	}
	return f.earlier()
}

// earlier is extent for a segment that others follow: the next one knows its
// length.
func (f *Follower) earlier() (limit int64, ended bool, err error) {
	next, err := f.successor()
	if err != nil || next.number == 0 {
		return 0, false, err
	}
	f.end = next.head.prev.Length
	return f.end, true, nil
}

// advance goes to the next segment if this one has ended and there is one.
func (f *Follower) advance(ended bool) (bool, error) {
	if !ended {
		return false, nil
	}
	next, err := f.successor()
	if err != nil || next.number == 0 {
		return false, err
	}
	err = f.Close()
	f.number, f.off, f.end = next.number, headerSize, -1
	return true, err
}

// successor returns the segment after this one; the zero link if there is none
// yet. A later one that does not follow it says that those between were released.
func (f *Follower) successor() (link, error) {
	segments, err := f.w.Segments()
	if err != nil {
		return link{}, err
	}
	i, here := slices.BinarySearch(segments, f.number)
	if here {
		i++
	}
	if i == len(segments) {
		if here {
			return link{}, nil
		}
		return link{}, ErrReleased
	}
	heads := reader{opt: f.read.opt}
	next, torn, err := heads.link(segments[i], false)
	if err == nil && (torn != nil || next.head.prev.Segment != f.number) {
		err = ErrReleased
	}
	return next, f.explain(err)
}

// unit reads one unit below limit and visits its records if it is a group.
func (f *Follower) unit(limit int64, visit func(Record) error) (bool, error) {
	if err := f.open(); err != nil {
		return false, err
	}
	f.read.scan.extend(limit)
	u, wrong, err := f.read.scan.unit(f.off)
	if err != nil {
		return false, err
	}
	if wrong != "" || u.end > limit {
		return false, f.read.scan.damage(u.off, wrong)
	}
	f.off = u.end
	if u.kind != kindWhole {
		return false, nil
	}
	f.read.visit = visit
	return true, f.read.group(link{number: f.number, head: f.head}, u)
}

// open opens the file of the segment.
func (f *Follower) open() error {
	if f.opened {
		return nil
	}
	if err := f.read.scan.open(f.read.opt, f.number); err != nil {
		return err
	}
	f.opened = true
	h, wrong, err := f.read.scan.header()
	if err == nil && wrong != "" {
		err = f.read.scan.damage(0, wrong)
	}
	f.head = h
	return err
}

// explain turns an error of a segment that is gone into ErrReleased: its file
// may have content of another one by now.
func (f *Follower) explain(err error) error {
	var damage *vfs.CorruptionError
	if err == nil || !errors.As(err, &damage) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, stat := f.w.opt.FS.Stat(f.w.opt.segmentFile(f.number)); errors.Is(stat, fs.ErrNotExist) {
		return fmt.Errorf("segment %d: %w", f.number, ErrReleased)
	}
	return err
}

// Wait returns when there is more to read. The error is that of ctx, of a writer
// that failed, or vfs.ErrClosed.
func (f *Follower) Wait(ctx context.Context) error {
	w := f.w
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.cond.Broadcast()
	})
	defer stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !f.more() {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case w.broken != nil:
			return w.broken
		case w.closing:
			return errClosed
		}
		w.cond.Wait()
	}
	return ctx.Err()
}

// more reports whether Next would find something. The lock of the writer is held.
func (f *Follower) more() bool {
	switch {
	case f.w.cur == nil:
		return f.w.prev.Segment > f.number || f.w.prev.Segment == f.number && f.off < f.w.prev.Length
	case f.w.cur.number == f.number:
		return f.off < f.w.cur.durable
	}
	return true
}

// Close closes the file that is read. It is idempotent.
func (f *Follower) Close() error {
	if !f.opened {
		return nil
	}
	f.opened = false
	return f.read.scan.close()
}
