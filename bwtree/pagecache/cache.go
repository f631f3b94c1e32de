package pagecache

import (
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/vfs"
)

// Cache is a page cache on a log store. All methods may be called concurrently.
type Cache[P any] struct {
	opt   Options
	exec  vfs.Executor
	store *logstore.Store
	mat   Materializer[P]
	used  atomic.Int64
	clock clock[P]

	hits, misses, evictions, images, fragments atomic.Int64
}

// Page is the handle of a page. It is made by Allocate and Attach, and is of the
// cache that made it.
type Page[P any] struct {
	now    atomic.Pointer[state[P]]
	again  atomic.Bool // used again since the hand passed
	listed atomic.Bool // the clock knows it
	next   *Page[P]    // of those that the clock has to learn of
}

// Token says which content of a page was read. The zero Token is of none.
type Token[P any] struct{ s *state[P] }

// state is the content of a page, in memory or on disk. It does not change.
type state[P any] struct {
	page    P
	memory  *memory // nil if it is not in memory
	freed   bool
	where   Location
	pending [][]byte // merged since, if the rest of the page is on disk
	dirty   bool     // it is not
}

// memory is what is counted for a page in memory.
type memory struct {
	size  int64        // bytes
	grown atomic.Int64 // bytes beyond; closed once they are not counted any more
}

const closed = -1

func (s *state[P]) resident() bool { return s.memory != nil }

func (s *state[P]) clean() bool { return !s.dirty && len(s.pending) == 0 }

// inMemory returns a state with the content p.
func (c *Cache[P]) inMemory(p P, where Location) *state[P] {
	return &state[P]{page: p, memory: &memory{size: c.mat.Size(p)}, where: where}
}

// New returns an empty cache. Exec, that of the store, runs reads of fragments.
func New[P any](store *logstore.Store, exec vfs.Executor, m Materializer[P], opt Options) *Cache[P] {
	if opt.Capacity == 0 {
		opt.Capacity = 16 << 20
	}
	if opt.Fragments == 0 {
		opt.Fragments = 1
	}
	c := &Cache[P]{opt: opt, exec: exec, store: store, mat: m}
	c.clock.hand = exec.NewMutex()
	return c
}

// Stats counts what a cache did.
type Stats struct {
	Bytes             int64 // gauge: of pages in memory
	Hits, Misses      int64 // of Get; hits only of pages that were not used lately
	Evictions         int64
	Images, Fragments int64 // written
}

// Stats returns what was counted so far.
func (c *Cache[P]) Stats() Stats {
	return Stats{Bytes: c.used.Load(), Hits: c.hits.Load(), Misses: c.misses.Load(), Evictions: c.evictions.Load(),
		Images: c.images.Load(), Fragments: c.fragments.Load()}
}

// Allocate returns a new page with the content p, which is not on disk.
func (c *Cache[P]) Allocate(p P) *Page[P] {
	page := new(Page[P])
	s := c.inMemory(p, Location{})
	s.dirty = true
	page.now.Store(s)
	c.count(page, s)
	return page
}

// Attach returns a page that is on disk.
func (c *Cache[P]) Attach(where Location) *Page[P] {
	page := new(Page[P])
	page.now.Store(&state[P]{where: where})
	return page
}

// Get returns the content of a page and the token to change it. It reads the disk
// if the page is not in memory. The error is a *vfs.CorruptionError, one of the
// disk, or vfs.ErrClosed if the page was freed.
func (c *Cache[P]) Get(page *Page[P]) (P, Token[P], error) {
	s := page.now.Load()
	if !s.resident() {
		return c.load(page)
	}
	if !page.again.Load() {
		page.again.Store(true)
		c.hits.Add(1)
	}
	return s.page, Token[P]{s}, nil
}

// Peek is Get for what is in memory: it reports false where Get would read.
func (c *Cache[P]) Peek(page *Page[P]) (P, Token[P], bool) {
	s := page.now.Load()
	return s.page, Token[P]{s}, s.resident()
}

// Replace makes p the content of a page, in memory, if its content is still the one
// of the token. It returns the token of p, and false if somebody was first.
func (c *Cache[P]) Replace(page *Page[P], t Token[P], p P) (Token[P], bool) {
	next := c.inMemory(p, t.s.where)
	next.dirty = true
	if !c.swap(page, t.s, next) {
		return Token[P]{}, false
	}
	return Token[P]{next}, true
}

// Merge merges a fragment into a page, in memory, if its content is still the one of
// the token. It returns the token of the new content, and false if somebody was
// first, or if the page was let go of. The cache keeps the fragment, which must not
// be changed any more. The error is that of the materializer.
func (c *Cache[P]) Merge(page *Page[P], t Token[P], fragment []byte) (Token[P], bool, error) {
	if !t.s.resident() {
		return Token[P]{}, false, nil
	}
	p, err := c.mat.Merge(t.s.page, fragment)
	if err != nil {
		return Token[P]{}, false, err
	}
	next := c.inMemory(p, t.s.where)
	if len(next.where.Fragments) < c.opt.Fragments && !t.s.dirty {
		next.pending = append(t.s.pending[:len(t.s.pending):len(t.s.pending)], fragment)
	} else {
		next.dirty = true
	}
	if !c.swap(page, t.s, next) {
		return Token[P]{}, false, nil
	}
	return Token[P]{next}, true, nil
}

// Free gives up a page, if its content is still the one of the token; it reports false
// if somebody was first. Get of it is vfs.ErrClosed then, and its records are of no
// use.
func (c *Cache[P]) Free(page *Page[P], t Token[P]) bool {
	return c.swap(page, t.s, &state[P]{freed: true})
}

// Grow counts n more bytes for content that was changed inside, unless the content of
// the page is no longer the one of the token.
func (c *Cache[P]) Grow(page *Page[P], t Token[P], n int64) {
	for m := t.s.memory; m != nil; {
		grown := m.grown.Load()
		if grown == closed {
			return
		}
		step.At("grow")
		if m.grown.CompareAndSwap(grown, grown+n) {
			c.used.Add(n)
			c.evict(page)
			return
		}
	}
}

// Where returns where a page is on disk, and whether that is all of it.
func (c *Cache[P]) Where(page *Page[P]) (where Location, all bool) {
	s := page.now.Load()
	return s.where, s.clean()
}

// swap puts a state in the place of another.
func (c *Cache[P]) swap(page *Page[P], old, next *state[P]) bool {
	step.At("swap")
	if !page.now.CompareAndSwap(old, next) {
		return false
	}
	c.forget(old.memory)
	if next.resident() {
		c.count(page, next)
	}
	return true
}

// forget takes bytes off the sum.
func (c *Cache[P]) forget(m *memory) {
	if m == nil {
		return
	}
	step.At("stop counting")
	if grown := m.grown.Swap(closed); grown != closed {
		c.used.Add(-m.size - grown)
	}
}

// count adds the bytes of the state of a page to the sum, and makes room.
func (c *Cache[P]) count(page *Page[P], s *state[P]) {
	c.used.Add(s.memory.size)
	c.clock.list(page)
	c.evict(page)
}
