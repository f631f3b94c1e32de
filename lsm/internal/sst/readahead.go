package sst

// readahead reads a walk's next blocks along with the one it needs, once it has
// needed some in a row. What was read is kept as stored, checked block by block.
type readahead struct {
	hold  *windowHold // nil before the first window
	known bool        // the window, if it is still there, is of this walk
	next  int64       // where the block after the last one starts; -1 before the first
	row   int         // blocks that were needed in a row, the last one included
	size  int64       // of the next read
	eager bool
}

const (
	aheadAfter = 3 // blocks in a row
	aheadMin   = 32 << 10
	aheadMax   = 256 << 10
	aheadEager = 128 << 10 // of walks over whole tables, of which a compaction has many
)

// start begins a walk; an eager one reads ahead from the first block on.
func (a *readahead) start(eager bool) {
	*a = readahead{hold: a.hold, next: -1, size: aheadMin, eager: eager}
	if eager {
		a.row, a.size = aheadAfter-1, aheadEager
	}
}

// drop lets go of what was read.
func (a *readahead) drop() {
	if a.hold != nil {
		a.hold.window.Store(nil)
	}
	a.known = false
}

// get returns the window that has the block, after reading ahead if it is time
// to; nil if the block should be read alone.
func (a *readahead) get(r *Reader, h handle) (*window, error) {
	a.observe(h)
	w := a.window()
	if a.known && w.bytes(h) != nil {
		a.hold.used.Store(true)
		return w, nil
	}
	if a.row < aheadAfter {
		return nil, nil
	}
	n := min(max(a.size, h.length), r.limit-h.offset)
	if n > aheadMax { // the block is longer than what is worth keeping
		return nil, nil
	}
	if !a.admitted(r.opt.Windows) {
		return nil, nil
	}
	return a.read(r, h.offset, n)
}

// window returns what is held, nil if it was taken away.
func (a *readahead) window() *window {
	if a.hold == nil {
		return nil
	}
	return a.hold.window.Load()
}

// admitted reports whether another window may be held. Walks over whole tables are
// few, and need it most.
func (a *readahead) admitted(all *Windows) bool {
	if a.hold == nil {
		a.hold = new(windowHold)
	}
	return a.eager || all.admit(a.hold)
}

// read reads n bytes ahead, into the memory of the window before, if it has some.
func (a *readahead) read(r *Reader, offset, n int64) (*window, error) {
	var data []byte
	if w := a.window(); w != nil && int64(cap(w.data)) >= n {
		data = w.data[:n]
	} else {
		data = make([]byte, n)
	}
	a.known = false
	if err := r.readAt(data, offset); err != nil {
		return nil, err
	}
	w := &window{offset: offset, data: data}
	a.hold.window.Store(w)
	a.known = true
	if !a.eager {
		a.size = min(2*a.size, aheadMax)
	}
	return w, nil
}

// observe counts the blocks in a row. Between two of them there may be the
// filter and the index of a partition, or blocks that were cached.
func (a *readahead) observe(h handle) {
	gap := h.offset - a.next
	if a.next < 0 || gap >= 0 && gap <= aheadMin {
		a.row++
	} else {
		a.row, a.size = 1, aheadMin
	}
	a.next = h.end()
}
