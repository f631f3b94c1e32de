package sst

// readahead reads a walk's next blocks along with the one it needs, once it has
// needed some in a row. What was read is kept as stored, checked block by block.
type readahead struct {
	buf      window
	next     int64  // where the block after the last one starts; -1 before the first
	row      int    // blocks that were needed in a row, the last one included
	size     int64  // of the next read
	capacity []byte // memory of buf, kept from one read to the next
}

const (
	aheadAfter = 3 // blocks in a row
	aheadMin   = 32 << 10
	aheadMax   = 256 << 10
)

// start begins a walk; an eager one reads ahead from the first block on.
func (a *readahead) start(eager bool) {
	*a = readahead{next: -1, size: aheadMin, capacity: a.capacity}
	if eager {
		a.row, a.size = aheadAfter-1, aheadMax
	}
}

// get returns the window that has the block, after reading ahead if it is time
// to; nil if the block should be read alone.
func (a *readahead) get(r *Reader, h handle) (*window, error) {
	a.observe(h)
	if a.buf.bytes(h) != nil {
		return &a.buf, nil
	}
	if a.row < aheadAfter {
		return nil, nil
	}
	n := min(max(a.size, h.length), r.limit-h.offset)
	if n > aheadMax { // the block is longer than what is worth keeping
		return nil, nil
	}
	if int64(cap(a.capacity)) < n {
		a.capacity = make([]byte, n)
	}
	a.buf = window{}
	data := a.capacity[:n]
	if err := r.readAt(data, h.offset); err != nil {
		return nil, err
	}
	a.buf = window{offset: h.offset, data: data}
	a.size = min(2*a.size, aheadMax)
	return &a.buf, nil
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
