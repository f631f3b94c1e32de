package version

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Cache holds decoded nodes of any number of maps, up to a number of bytes. It
// also hands out the numbers of commits, so that a number that an aborted
// transaction has used does not come back: what is cached is never stale. All
// handles of a store must share one. It is safe for concurrent use.
type Cache struct {
	shards  [cacheShards]cacheShard
	numbers sync.Mutex
	last    map[uint64]CommitID // by keyspace

	waiters  sync.Mutex
	announce chan struct{} // closed at the next change; nil if nobody waits
}

const cacheShards = 16

// DefaultCache is the size that NewCache takes for 0, in bytes.
const DefaultCache = 16 << 20

// NewCache returns a cache for up to limit bytes of nodes; 0 is DefaultCache.
func NewCache(limit int) *Cache {
	if limit <= 0 {
		limit = DefaultCache
	}
	c := &Cache{last: make(map[uint64]CommitID)}
	for i := range c.shards {
		c.shards[i].limit = limit / cacheShards
	}
	return c
}

// Bytes is about how much memory the cached nodes hold.
func (c *Cache) Bytes() int64 {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += s.used
		s.mu.RUnlock()
	}
	return int64(n)
}

// seat is the place of a node in a cache.
type seat struct {
	space uint64
	hash  uint64
	next  *node // of those in the same list
	// touched is set by readers and cleared by the hand of the clock, which evicts
	// what nobody has touched since it last came by.
	touched atomic.Bool
}

type cacheShard struct {
	mu    sync.RWMutex // guards what follows
	heads []*node      // of lists, by hash; none before the first node
	clock []*node
	hand  int
	used  int
	limit int
}

// place returns where a node belongs.
func (c *Cache) place(space uint64, id NodeID) (s *cacheShard, hash uint64) {
	hash = (uint64(id.Birth)*0x9e3779b97f4a7c15 + uint64(id.Seq)) * 0xd6e8feb86659fd93
	hash = (hash ^ space) * 0x9e3779b97f4a7c15
	return &c.shards[hash>>60], hash
}

// list returns the head of the list for a hash.
func (s *cacheShard) list(hash uint64) **node { return &s.heads[hash>>32&uint64(len(s.heads)-1)] }

func (s *cacheShard) find(space uint64, id NodeID, hash uint64) *node {
	if len(s.heads) == 0 {
		return nil
	}
	n := *s.list(hash)
	for n != nil && (n.id != id || n.seat.space != space) {
		n = n.seat.next
	}
	return n
}

func (c *Cache) get(space uint64, id NodeID) *node {
	s, hash := c.place(space, id)
	s.mu.RLock()
	n := s.find(space, id, hash)
	s.mu.RUnlock()
	if n != nil && !n.seat.touched.Load() {
		n.seat.touched.Store(true)
	}
	return n
}

// usualNode is about the memory of a node: there are so many lists that each has
// about one.
const usualNode = 512

// put takes a node that is in no cache.
func (c *Cache) put(space uint64, n *node) {
	s, hash := c.place(space, n.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.memory() > s.limit || s.find(space, n.id, hash) != nil {
		return
	}
	if s.heads == nil {
		s.heads = make([]*node, 1<<bits.Len(uint(s.limit/usualNode)))
	}
	head := s.list(hash)
	n.seat.space, n.seat.hash, n.seat.next = space, hash, *head
	*head = n
	s.clock = append(s.clock, n)
	s.used += n.memory()
	for s.used > s.limit {
		s.evict()
	}
}

// evict moves the hand to the next node that was not touched and frees it.
func (s *cacheShard) evict() {
	for {
		s.hand++
		if s.hand >= len(s.clock) {
			s.hand = 0
		}
		n := s.clock[s.hand]
		if n.seat.touched.Load() {
			n.seat.touched.Store(false)
			continue
		}
		last := len(s.clock) - 1
		s.clock[s.hand] = s.clock[last]
		s.clock[last] = nil
		s.clock = s.clock[:last]
		at := s.list(n.seat.hash)
		for *at != n {
			at = &(*at).seat.next
		}
		*at, n.seat.next = n.seat.next, nil
		s.used -= n.memory()
		return
	}
}

// number returns a number for a commit of a keyspace, above all that were given
// before. What is stored is asked for only once, so that commits to different
// branches do not get into each other's way.
func (c *Cache) number(space uint64, stored func() (CommitID, error)) (CommitID, error) {
	c.numbers.Lock()
	last, known := c.last[space]
	c.numbers.Unlock()
	if !known {
		var err error
		if last, err = stored(); err != nil {
			return 0, err
		}
	}
	c.numbers.Lock()
	defer c.numbers.Unlock()
	n := max(c.last[space], last) + 1
	c.last[space] = n
	return n, nil
}
