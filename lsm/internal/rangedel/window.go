package rangedel

import (
	"github.com/varvedb/varve/kv"
)

// window is a set of sequence numbers, descending, that is handed out as it is
// after some changes and shares memory between what it handed out: it lies in a
// buffer with room at both ends, shrinks by moving its ends, and grows into room
// that was never handed out. Only a change in the middle of a window that was
// handed out copies it.
type window struct {
	buf    []kv.Seq
	lo, hi int // buf[lo:hi] is the set
	// buf[takenLo:takenHi] is what was handed out, never written again. It is
	// empty, or reaches over or borders on the set.
	takenLo, takenHi int
	counts           map[kv.Seq]int // how often each number was opened
}

// len returns how many numbers are in the set.
func (w *window) len() int { return w.hi - w.lo }

// take hands out the set. The slice does not change any more.
func (w *window) take() []kv.Seq {
	if w.takenLo == w.takenHi {
		w.takenLo, w.takenHi = w.lo, w.hi
	}
	w.takenLo, w.takenHi = min(w.takenLo, w.lo), max(w.takenHi, w.hi)
	return w.buf[w.lo:w.hi:w.hi]
}

// apply opens or closes the numbers of an event.
func (w *window) apply(e event) {
	for _, seq := range e.seqs {
		if e.close {
			w.close(seq)
		} else {
			w.open(seq)
		}
	}
}

// open adds seq once more.
func (w *window) open(seq kv.Seq) {
	w.counts[seq]++
	if w.counts[seq] > 1 {
		return
	}
	i := w.lo + firstAtMost(w.buf[w.lo:w.hi], seq)
	taken := w.takenLo < w.takenHi
	switch {
	case i == w.lo && w.lo > 0 && (!taken || w.lo <= w.takenLo):
		w.lo--
		w.buf[w.lo] = seq
	case i == w.hi && w.hi < len(w.buf) && (!taken || w.hi >= w.takenHi):
		w.buf[w.hi] = seq
		w.hi++
	case !taken && w.lo > 0:
		copy(w.buf[w.lo-1:], w.buf[w.lo:i])
		w.lo--
		w.buf[i-1] = seq
	default:
		i -= w.lo
		w.move()
		w.lo--
		copy(w.buf[w.lo:], w.buf[w.lo+1:w.lo+1+i])
		w.buf[w.lo+i] = seq
	}
}

// close takes seq away once, and for good when it was closed as often as it was
// opened.
func (w *window) close(seq kv.Seq) {
	w.counts[seq]--
	if w.counts[seq] > 0 {
		return
	}
	delete(w.counts, seq)
	i := w.lo + firstAtMost(w.buf[w.lo:w.hi], seq)
	switch {
	case i == w.lo:
		w.lo++
	case i == w.hi-1:
		w.hi--
	default:
		i -= w.lo
		if w.takenLo < w.takenHi {
			w.move()
		}
		copy(w.buf[w.lo+i:], w.buf[w.lo+i+1:w.hi])
		w.hi--
	}
}

// move copies the set to a buffer of its own with room at both ends, more of it
// in front, where newer numbers go.
func (w *window) move() {
	n := w.len()
	buf := make([]kv.Seq, n+n/2+6)
	lo := n/4 + 4
	copy(buf[lo:], w.buf[w.lo:w.hi])
	w.buf, w.lo, w.hi = buf, lo, lo+n
	w.takenLo, w.takenHi = 0, 0
}
