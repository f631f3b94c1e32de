package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/varvedb/varve/vfs"
)

// The functions here run in the task that has set Writer.writing, without mu. An
// error that is vfs.ErrNoSpace and not ErrUnknownOutcome means: what was not yet
// counted as written is not in the file, or not in front of its end mark.

// writeRun writes the groups of a run, each piece that goes to one segment with
// one write.
func (w *Writer) writeRun(r *run) error {
	for from := 0; from < len(r.groups); {
		to := r.piece(from)
		if err := w.enter(r.groups[from].segment); err != nil {
			return err
		}
		if err := w.frame(r, from, to); err != nil {
			return err
		}
		if err := w.put(); err != nil {
			return err
		}
		w.mu.Lock()
		w.written = r.groups[to-1].last
		w.advanceFile(to - from)
		w.cond.Broadcast()
		w.mu.Unlock()
		from = to
	}
	return nil
}

// advanceFile counts what is in the framer as written. Mu is held.
func (w *Writer) advanceFile(groups int) {
	if groups > 0 {
		w.stats.Writes++
	}
	w.stats.Groups += int64(groups)
	w.stats.Bytes += int64(len(w.framer.buf))
	w.cur.off = w.framer.end()
	if cap(w.framer.buf) > maxIdleBuffer {
		w.framer.buf = nil
	}
}

// enter makes the segment the current one.
func (w *Writer) enter(number uint64) error {
	if w.cur != nil && w.cur.number == number {
		return nil
	}
	if w.cur != nil {
		if err := w.finish(kindRotated); err != nil {
			return err
		}
	}
	return w.start(number)
}

// frame lays groups of a run out behind the current end.
func (w *Writer) frame(r *run, from, to int) error {
	w.beginFrames()
	for i := from; i < to; i++ {
		if w.opt.Sealer == nil {
			w.framer.group(r.group(i), 0)
			continue
		}
		w.framer.room()
		aad := sealedWith(w.cur.number, w.framer.end())
		sealed := binary.LittleEndian.AppendUint32(w.sealed[:0], w.opt.Sealer.KeyID())
		sealed, err := w.opt.Sealer.Seal(sealed, r.group(i), aad)
		if err != nil {
			return fmt.Errorf("seal a group: %w", err)
		}
		w.sealed = sealed
		w.framer.group(sealed, flagSealed)
	}
	w.framer.pad(w.opt.Sector)
	return nil
}

// beginFrames prepares the framer for units behind the current end.
func (w *Writer) beginFrames() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.framer.begin(w.cur.number, w.cur.off, w.cur.durable)
}

// put writes what is in the framer. If the disk is full in the middle of it, the
// segment is ended in front of it, durably, so that no part is ever read.
func (w *Writer) put() error {
	if err := w.cur.reserve(&w.opt, w.framer.end()); err != nil {
		return err
	}
	n, err := w.cur.file.WriteAt(w.framer.buf, w.framer.start)
	if err == nil || n == 0 || !errors.Is(err, vfs.ErrNoSpace) {
		return err
	}
	if endErr := w.cutOff(); endErr != nil {
		return fmt.Errorf("%w: %w, and that could not be undone: %w", ErrUnknownOutcome, err, endErr)
	}
	return err
}

// cutOff ends the current segment where it was before a write that failed, and
// gives the room back that this one took.
func (w *Writer) cutOff() error {
	w.beginFrames()
	w.framer.mark(kindRotated)
	if err := w.cur.file.Truncate(w.framer.start); err != nil {
		return err
	}
	return w.writeEnd()
}

// finish ends the current segment with a mark of kind k and makes all of it
// durable. Nothing of a later segment is written before.
func (w *Writer) finish(k kind) error {
	w.beginFrames()
	w.framer.mark(k)
	if err := w.cur.reserve(&w.opt, w.framer.end()); err != nil {
		return err
	}
	return w.writeEnd()
}

// writeEnd writes the end mark that is in the framer and syncs the segment.
func (w *Writer) writeEnd() error {
	s := w.cur
	if _, err := s.file.WriteAt(w.framer.buf, w.framer.start); err != nil {
		return fmt.Errorf("end a segment: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.ending = true
	for s.syncing {
		w.cond.Wait()
	}
	if w.broken != nil {
		return w.broken
	}
	w.mu.Unlock()
	err := s.file.Sync()
	w.mu.Lock()
	w.stats.Syncs++
	if err != nil {
		return fmt.Errorf("%w: sync a segment: %w", ErrUnknownOutcome, err)
	}
	w.advanceFile(0)
	w.synced = w.written
	w.prev, w.cur = End{Segment: s.number, Length: s.off}, nil
	w.cond.Broadcast()
	return s.close()
}
