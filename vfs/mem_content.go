package vfs

import "slices"

// pageSize is the unit in which a simulated disk gives out room, in bytes.
const pageSize = 4096

// maxMemFile is the longest file of a simulated disk, in bytes.
const maxMemFile = 1 << 36

type page = [pageSize]byte

// content is the bytes of a file: pages, of which absent ones are holes that
// read as zeros. Contents share pages, which are copied when one of them writes
// there. Bytes of the last page beyond size are always zero. Its users hold the
// lock of the inode.
type content struct {
	size  int64
	slots []slot // may be shorter than size needs
	used  int64  // slots that have a page
}

// slot is a place for a page. A shared page may also be in other contents and
// is never written to.
type slot struct {
	page   *page
	shared bool
}

// span calls f for each page that the range touches, with the part of the page
// that is inside.
func span(off, length int64, f func(i int, from, to int)) {
	for end := off + length; off < end; {
		from := int(off % pageSize)
		to := int(min(pageSize, int64(from)+end-off))
		f(int(off/pageSize), from, to)
		off += int64(to - from)
	}
}

// readAt copies what there is at off and returns its length.
func (c *content) readAt(p []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	p = p[:min(int64(len(p)), c.size-off)]
	done := 0
	span(off, int64(len(p)), func(i, from, to int) {
		dst := p[done : done+to-from]
		if i < len(c.slots) && c.slots[i].page != nil {
			copy(dst, c.slots[i].page[from:to])
		} else {
			clear(dst)
		}
		done += len(dst)
	})
	return done
}

// writeAt writes p, growing the file if need be.
func (c *content) writeAt(p []byte, off int64) {
	c.cover(off + int64(len(p)))
	done := 0
	span(off, int64(len(p)), func(i, from, to int) {
		done += copy(c.own(i)[from:to], p[done:])
	})
	c.size = max(c.size, off+int64(len(p)))
}

// resize cuts the file, or makes it longer by a hole.
func (c *content) resize(size int64) {
	if size < c.size {
		c.zero(size, c.size-size)
		if n := pagesFor(size); n < len(c.slots) {
			clear(c.slots[n:])
			c.slots = c.slots[:n]
		}
	}
	c.size = size
}

// zero makes a range, as far as it is inside the file, read as zeros, and frees
// the pages that lie in it as a whole.
func (c *content) zero(off, length int64) {
	length = min(length, c.size-off, int64(len(c.slots))*pageSize-off)
	if length <= 0 {
		return
	}
	last := off+length >= c.size
	span(off, length, func(i, from, to int) {
		switch whole := to == pageSize || last && int64(i)*pageSize+int64(to) >= c.size; {
		case c.slots[i].page == nil:
		case from == 0 && whole:
			c.slots[i] = slot{}
			c.used--
		default:
			clear(c.own(i)[from:to])
		}
	})
}

// reserve gives pages to the holes of a range and makes the file at least as
// long as its end.
func (c *content) reserve(off, length int64) {
	c.cover(off + length)
	zeros := slot{page: new(page), shared: true}
	span(off, length, func(i, _, _ int) {
		if c.slots[i].page == nil {
			c.slots[i] = zeros
			c.used++
		}
	})
	c.size = max(c.size, off+length)
}

// missing counts the pages that a write of the range would take.
func (c *content) missing(off, length int64) (n int64) {
	span(off, length, func(i, _, _ int) {
		if i >= len(c.slots) || c.slots[i].page == nil {
			n++
		}
	})
	return n
}

// affordable returns how much of the range can be written with room pages.
func (c *content) affordable(off, length, room int64) (n int64) {
	full := false
	span(off, length, func(i, from, to int) {
		if i >= len(c.slots) || c.slots[i].page == nil {
			room--
		}
		full = full || room < 0
		if !full {
			n += int64(to - from)
		}
	})
	return n
}

// share returns a copy of c; both copy a page before they write to it.
func (c *content) share() content {
	for i := range c.slots {
		c.slots[i].shared = true
	}
	return content{size: c.size, slots: slices.Clone(c.slots), used: c.used}
}

// own returns page i for writing.
func (c *content) own(i int) *page {
	s := &c.slots[i]
	switch {
	case s.page == nil:
		*s = slot{page: new(page)}
		c.used++
	case s.shared:
		fresh := *s.page
		*s = slot{page: &fresh}
	}
	return s.page
}

func (c *content) cover(end int64) {
	if n := pagesFor(end) - len(c.slots); n > 0 {
		c.slots = slices.Grow(c.slots, n)[:len(c.slots)+n]
	}
}

func pagesFor(size int64) int { return int((size + pageSize - 1) / pageSize) }
