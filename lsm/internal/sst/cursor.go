package sst

import (
	"math"
	"sort"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// cursor stands at an entry of a data block, or nowhere. Its buffers outlive the
// block: a cursor that went through some blocks allocates no more.
type cursor struct {
	block

	off, next int // of the current entry and of the one after it
	key       []byte
	trailer   entry.Trailer
	value     []byte
	seen      int   // entries since the first one; below zero if it began elsewhere
	err       error // what is wrong with the block

	// run is the entries from the last restart up to the one before the current
	// one, decoded by the first of several steps back. runKeys are their keys.
	run     []step
	runKeys []byte
}

// elsewhere is so far below zero that no walk through a block counts up to it.
const elsewhere = math.MinInt32

// step is an entry that going back will come to.
type step struct {
	off, next int
	key       int // where it starts in runKeys; it ends where the next starts
	value     int // where it starts in entries; it ends at next
	trailer   entry.Trailer
}

// open puts the cursor into a block, at no entry.
func (c *cursor) open(b block) {
	c.block, c.err = b, nil
	c.drop()
}

// drop leaves the current entry.
func (c *cursor) drop() {
	c.off, c.next, c.key, c.value, c.seen = 0, 0, c.key[:0], nil, 0
	c.run, c.runKeys = c.run[:0], c.runKeys[:0]
}

func (c *cursor) fail(err error) bool {
	c.drop()
	c.err = err
	return false
}

// first moves to the first entry.
func (c *cursor) first() bool {
	c.drop()
	return c.forward()
}

// forward moves to the next entry. It returns false at the end of the block and
// if the block is damaged, which it also is if a walk from its first entry to its
// end has not met as many as there should be.
func (c *cursor) forward() bool {
	p, off := c.entries, c.next
	if off >= len(p) {
		if c.seen >= 0 && c.seen != c.count {
			return c.fail(errCount)
		}
		return false
	}
	shared, rest, value, at := header(p, off)
	if at == 0 || shared > len(c.key) || shared+rest > MaxKey {
		return c.fail(errEntry)
	}
	end := at + rest
	c.key = append(c.key[:shared], p[at:end]...)
	c.trailer = trailerAt(p, end)
	c.off, c.next, c.seen = off, end+trailerSize+value, c.seen+1
	c.value = p[c.next-value : c.next : c.next]
	if len(c.run) > 0 {
		c.run, c.runKeys = c.run[:0], c.runKeys[:0]
	}
	return true
}

// seekGE moves to the first entry at or after (key, t).
func (c *cursor) seekGE(key []byte, t entry.Trailer) bool {
	var h hit
	ok, err := c.find(key, t, &h)
	if err == nil && h.shared+len(h.rest) > MaxKey {
		err = errLongKey
	}
	if err != nil {
		return c.fail(err)
	}
	if !ok {
		c.drop()
		return false
	}
	// key may be c.key itself: then its shared bytes are where they should be.
	c.key = append(append(c.key[:0], key[:h.shared]...), h.rest...)
	c.off, c.next, c.trailer, c.value, c.seen = h.off, h.next, h.trailer, h.value, elsewhere
	c.run, c.runKeys = c.run[:0], c.runKeys[:0]
	return true
}

// seekLT moves to the last entry before (key, t).
func (c *cursor) seekLT(key []byte, t entry.Trailer) bool {
	if !c.seekGE(key, t) {
		if c.err != nil {
			return false
		}
		return c.last()
	}
	return c.back()
}

// last moves to the last entry.
func (c *cursor) last() bool {
	c.drop()
	c.off = len(c.entries)
	return c.back()
}

// back moves to the entry before. It returns false at the start of the block and
// if the block is damaged.
func (c *cursor) back() bool {
	if c.off == 0 {
		return false
	}
	if len(c.run) == 0 {
		if err := c.unroll(); err != nil {
			return c.fail(err)
		}
	}
	s := c.run[len(c.run)-1]
	c.key = append(c.key[:0], c.runKeys[s.key:]...)
	c.trailer = s.trailer
	c.value = c.entries[s.value:s.next:s.next]
	c.off, c.next, c.seen = s.off, s.next, elsewhere
	c.run, c.runKeys = c.run[:len(c.run)-1], c.runKeys[:s.key]
	return true
}

// unroll fills run with the entries between the last restart before the current
// entry and that.
func (c *cursor) unroll() error {
	p := c.entries
	i := sort.Search(c.intervals(), func(i int) bool { return c.restart(i) >= c.off })
	if i == 0 || uint(c.restart(i-1)) >= uint(c.off) {
		return errRestart
	}
	from, length := 0, 0 // where the key before starts in runKeys, and how long it is
	for off := c.restart(i - 1); off != c.off; {
		shared, rest, value, at := header(p, off)
		switch {
		case at == 0 || off > c.off || shared > length:
			return errEntry
		case shared+rest > MaxKey:
			return errLongKey
		case len(c.run) == maxInterval:
			return errInterval
		}
		key, end := len(c.runKeys), at+rest
		c.runKeys = append(append(c.runKeys, c.runKeys[from:from+shared]...), p[at:end]...)
		from, length = key, shared+rest
		next := end + trailerSize + value
		c.run = append(c.run, step{off, next, key, next - value, trailerAt(p, end)})
		off = next
	}
	return nil
}
