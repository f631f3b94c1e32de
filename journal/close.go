package journal

import "errors"

// Close writes and syncs what was appended, marks the end and returns it. A
// Close that failed leaves a log that was not closed. Later calls return the
// same. Nobody may use the writer after it, except to wait for tickets.
func (w *Writer) Close() (End, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		for !w.closed {
			w.cond.Wait()
		}
		return w.end, w.closeErr
	}
	w.closing = true
	lost := w.drain()
	w.writing = true // for good
	err := w.broken
	if err == nil {
		w.mu.Unlock()
		err = w.finishLog()
		w.mu.Lock()
	}
	if err == nil {
		w.end = w.prev
	} else {
		w.settle(err)
		err = errors.Join(err, w.abandon())
	}
	w.closeErr = errors.Join(lost, err)
	w.closed = true
	w.cond.Broadcast()
	return w.end, w.closeErr
}

// abandon closes the current segment as it is, when nobody syncs it any more.
func (w *Writer) abandon() error {
	if w.cur == nil {
		return nil
	}
	w.cur.ending = true
	for w.cur.syncing {
		w.cond.Wait()
	}
	err := w.cur.close()
	w.cur = nil
	return err
}

// drain writes what was appended and waits until nobody writes. It returns the
// error of records that found no room just now.
func (w *Writer) drain() error {
	for w.writing {
		w.cond.Wait()
	}
	if w.broken != nil || len(w.fill.groups) == 0 {
		return nil
	}
	w.flush()
	return w.stalled
}

// finishLog ends the log with a clean mark. It is in the last segment that Rotate
// announced, so that the log ends there for those who read from it, and in one
// of its own if a full disk ended the last.
func (w *Writer) finishLog() error {
	if w.cur == nil || w.cur.number < w.floor {
		if err := w.enter(w.plan.segment); err != nil {
			return err
		}
	}
	return w.finish(kindClosed)
}
