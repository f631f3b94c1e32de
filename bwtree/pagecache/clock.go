package pagecache

import (
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/vfs"
)

// clock is the pages that may be in memory, in a ring. Pages are listed without
// waiting: they go on a stack, from which whoever moves the hand takes them.
type clock[P any] struct {
	fresh atomic.Pointer[Page[P]] // linked by next
	stuck atomic.Bool             // no page could go, and none was flushed or loaded since

	hand  vfs.Mutex // guards what follows
	pages []*Page[P]
	at    int
}

// list makes the clock know a page, if it does not.
func (k *clock[P]) list(page *Page[P]) {
	if page.listed.Load() {
		return
	}
	step.At("list")
	if !page.listed.CompareAndSwap(false, true) {
		return
	}
	for {
		top := k.fresh.Load()
		page.next = top
		step.At("push")
		if k.fresh.CompareAndSwap(top, page) {
			return
		}
	}
}

// evict lets pages go while there are more bytes than there is room for, but not
// keep, which is in use. If somebody else does so it is left to them.
func (c *Cache[P]) evict(keep *Page[P]) {
	for c.used.Load() > c.opt.Capacity && !c.clock.stuck.Load() && c.clock.hand.TryLock() {
		if !c.sweep(keep) {
			c.clock.stuck.Store(true)
		}
		c.clock.hand.Unlock()
	}
}

// sweep moves the hand until there is room. It reports false if the hand went
// round twice in vain: what is left is not on disk.
func (c *Cache[P]) sweep(keep *Page[P]) bool {
	k := &c.clock
	k.take()
	for turns := 2*len(k.pages) + 1; c.used.Load() > c.opt.Capacity; turns-- {
		if turns == 0 || len(k.pages) == 0 {
			return false
		}
		if k.at >= len(k.pages) {
			k.at = 0
		}
		if page := k.pages[k.at]; page != keep && c.pass(page) {
			k.drop(page)
		}
		// Behind what took its place: that is the newest, and its turn comes last.
		k.at++
	}
	return true
}

// take moves the pages of the stack into the ring.
func (k *clock[P]) take() {
	step.At("take")
	for page := k.fresh.Swap(nil); page != nil; {
		next := page.next
		page.next = nil
		k.pages = append(k.pages, page)
		page = next
	}
}

// drop takes the page at the hand out of the ring.
func (k *clock[P]) drop(page *Page[P]) {
	last := len(k.pages) - 1
	k.pages[k.at], k.pages[last] = k.pages[last], nil
	k.pages = k.pages[:last]
	page.listed.Store(false)
	if page.now.Load().resident() {
		k.list(page) // it was loaded meanwhile
	}
}

// pass moves the hand over a page, and reports whether it is out of memory.
func (c *Cache[P]) pass(page *Page[P]) bool {
	s := page.now.Load()
	if !s.resident() {
		return true
	}
	if page.again.Load() {
		page.again.Store(false)
		return false
	}
	if !s.clean() || !c.stable(s.where) || !c.mat.Freeze(s.page) {
		return false
	}
	step.At("evict")
	if !page.now.CompareAndSwap(s, &state[P]{where: s.where}) {
		return false
	}
	c.forget(s.memory)
	c.evictions.Add(1)
	return true
}

// stable reports whether a page would be found after a failed sync.
func (c *Cache[P]) stable(where Location) bool {
	end := c.store.Stable()
	for _, ref := range where.Fragments {
		if ref.Addr >= end {
			return false
		}
	}
	return where.Image.Addr < end
}
