package sst

import "sync/atomic"

// Windows bounds what the iterators of an engine hold of blocks that they read
// ahead: an iterator that is left open would keep its window for ever. The zero
// value is ready, and may be used concurrently.
//
// It is a clock: whoever wants a window takes the place of one that was not used
// since the hand last came by, and that one is gone; its iterator reads again. If
// all are in use, nobody else reads ahead.
type Windows struct {
	holds [maxWindows]atomic.Pointer[windowHold]
	hand  atomic.Uint32
}

// maxWindows bounds the windows to 4 MiB together.
const maxWindows = 16

// windowHold is the place of an iterator's window, from which others take it away.
type windowHold struct {
	window atomic.Pointer[window]
	used   atomic.Bool // since the hand came by
	listed atomic.Bool // in Windows
}

// admit reports whether a window may be put into h. There is no bound without
// Windows.
func (w *Windows) admit(h *windowHold) bool {
	if w == nil || h.listed.Load() {
		return true
	}
	for range maxWindows {
		place := &w.holds[w.hand.Add(1)%maxWindows]
		old := place.Load()
		if old != nil && old.used.Swap(false) && old.window.Load() != nil {
			continue
		}
		if place.CompareAndSwap(old, h) {
			if old != nil {
				old.listed.Store(false)
				old.window.Store(nil)
			}
			h.used.Store(true)
			h.listed.Store(true)
			return true
		}
	}
	return false
}
