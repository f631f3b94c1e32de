package journal

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/varvedb/varve/vfs"
)

// maxBuffered is how many bytes of records are kept in memory for those that
// wait for no more than Process.
const maxBuffered = 256 << 10

// Wait returns when the record is as durable as asked, and nil then. It does the
// writing or the sync itself, for all records so far, if nobody else does.
//
// The error is vfs.ErrNoSpace if the disk was full: the record, and all that
// were appended after it until then, will never be read, and Append fails until
// Resume. It is ErrUnknownOutcome if a write or a sync failed, for this and all
// later records; records that are synced stay so.
func (w *Writer) Wait(t Ticket, l Level) error {
	if t.w != w {
		return errForeign
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reach(t.ordinal, l)
}

// Sync makes all records appended so far durable that have not failed for want
// of room. After Close it is vfs.ErrClosed.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing && w.broken == nil {
		return errClosed
	}
	if w.broken != nil {
		return w.broken
	}
	return w.reach(w.lastGood(), Synced)
}

// lastGood returns the last record that has not failed for want of room.
func (w *Writer) lastGood() uint64 {
	last := w.appended
	for i := len(w.failures) - 1; i >= 0 && w.failures[i].last == last; i-- {
		last = w.failures[i].first - 1
	}
	return last
}

// reach waits until the record has reached the level or cannot any more.
func (w *Writer) reach(ordinal uint64, l Level) error {
	for {
		if err := w.failed(ordinal); err != nil {
			return err
		}
		if w.reached(ordinal, l) {
			return nil
		}
		if w.closed {
			return errClosed
		}
		w.advance(ordinal, l)
	}
}

func (w *Writer) reached(ordinal uint64, l Level) bool {
	switch {
	case ordinal <= w.synced:
		return true
	case l == Synced:
		return false
	case l == Process && len(w.fill.data) <= maxBuffered:
		return true
	}
	return ordinal <= w.written
}

// advance does the next step for a record, or waits for somebody who does.
func (w *Writer) advance(ordinal uint64, l Level) {
	unwritten := ordinal > w.written
	switch {
	case unwritten && !w.writing:
		w.flush()
	case !unwritten && l == Synced && w.cur.canSync():
		w.sync()
	default:
		w.cond.Wait()
	}
}

// flush writes what is appended. Mu is held, but not while writing.
func (w *Writer) flush() {
	w.writing = true
	r := w.fill
	w.fill, w.idle = w.idle, nil
	w.plan.finishRun(&w.opt)
	w.mu.Unlock()
	err := w.writeRun(r)
	r.reset()
	w.mu.Lock()
	w.idle = r
	w.writing = false
	w.settle(err)
	w.cond.Broadcast()
}

// gather lets tasks go first that were just told that their records are durable:
// as long as they append again, the group grows that one sync pays for. Mu is
// held, but not while they run.
func (w *Writer) gather() {
	const rounds = 4
	for before, i := uint64(0), 0; i < rounds && before != w.appended+w.written; i++ {
		before = w.appended + w.written
		w.mu.Unlock()
		runtime.Gosched()
		w.mu.Lock()
	}
}

// sync makes what is written durable. Mu is held, but not while syncing.
func (w *Writer) sync() {
	s := w.cur
	s.syncing = true
	w.gather()
	target, off := w.written, s.off
	w.mu.Unlock()
	begin := w.opt.Executor.Now()
	err := s.file.Sync()
	w.syncTime.Record(w.opt.Executor.Now().Sub(begin))
	w.mu.Lock()
	s.syncing = false
	w.stats.Syncs++
	if err != nil {
		w.fail(fmt.Errorf("sync a segment: %w", err))
	} else {
		w.synced = max(w.synced, target)
		s.durable = max(s.durable, off)
	}
	w.cond.Broadcast()
}

// settle draws the conclusions from the error of an attempt to write. If the
// disk is full all that is not written fails; otherwise the writer does.
func (w *Writer) settle(err error) {
	switch {
	case err == nil:
	case errors.Is(err, vfs.ErrNoSpace) && !errors.Is(err, ErrUnknownOutcome):
		w.stall(fmt.Errorf("write the journal: %w", err))
	default:
		w.fail(fmt.Errorf("write the journal: %w", err))
	}
}

// stall makes all records that are not written fail, and those to come until
// Resume.
func (w *Writer) stall(err error) {
	w.lose(w.written+1, w.appended, err)
	w.fill.reset()
	w.written = w.appended
	w.stalled = err
	if w.cur != nil && w.cur.number >= w.floor {
		w.plan = plan{segment: w.cur.number, start: w.cur.off, first: w.cur.off == w.opt.firstOffset()}
		return
	}
	last := w.prev.Segment
	if w.cur != nil {
		last = w.cur.number
	} else {
		w.synced = w.written
	}
	w.plan.begin(&w.opt, max(last+1, w.floor))
}

// lose remembers that a range of records failed, together with the range before
// if they touch, so that trying again and again on a full disk takes no memory.
func (w *Writer) lose(first, last uint64, err error) {
	if first > last {
		return
	}
	if n := len(w.failures); n > 0 && w.failures[n-1].last+1 == first {
		w.failures[n-1].last = last
		return
	}
	w.failures = append(w.failures, failure{first, last, err})
}

// fail stops the writer for good.
func (w *Writer) fail(err error) {
	if w.broken != nil {
		return
	}
	if !errors.Is(err, ErrUnknownOutcome) {
		err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	w.broken = err
}
