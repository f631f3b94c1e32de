package version

import (
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
		c.shards[i].nodes = make(map[cacheKey]*node)
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

type cacheKey struct {
	space uint64
	id    NodeID
}

// seat is the place of a node in a cache.
type seat struct {
	space uint64
	// touched is set by readers and cleared by the hand of the clock, which evicts
	// what nobody has touched since it last came by.
	touched atomic.Bool
}

type cacheShard struct {
	mu    sync.RWMutex // guards what follows
	nodes map[cacheKey]*node
	clock []*node
	hand  int
	used  int
	limit int
}

func (c *Cache) shard(k cacheKey) *cacheShard {
	h := (uint64(k.id.Birth)*0x9e3779b97f4a7c15 + uint64(k.id.Seq)) * 0xd6e8feb86659fd93
	return &c.shards[(h^k.space)>>60]
}

func (c *Cache) get(space uint64, id NodeID) *node {
	k := cacheKey{space, id}
	s := c.shard(k)
	s.mu.RLock()
	n := s.nodes[k]
	s.mu.RUnlock()
	if n != nil && !n.seat.touched.Load() {
		n.seat.touched.Store(true)
	}
	return n
}

// put takes a node that is in no cache.
func (c *Cache) put(space uint64, n *node) {
	k := cacheKey{space, n.id}
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.memory() > s.limit || s.nodes[k] != nil {
		return
	}
	n.seat.space = space
	s.nodes[k] = n
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
		if n.seat.touched.CompareAndSwap(true, false) {
			continue
		}
		last := len(s.clock) - 1
		s.clock[s.hand] = s.clock[last]
		s.clock[last] = nil
		s.clock = s.clock[:last]
		s.used -= n.memory()
		delete(s.nodes, cacheKey{n.seat.space, n.id})
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
