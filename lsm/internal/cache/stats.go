package cache

import "math/rand/v2"

// Stats are the figures of a cache. Each shard's are of one moment, that of the
// call; shards are read one after the other.
type Stats struct {
	// Hits counts Gets that found their block. It is exact up to 1024 in each
	// shard, an estimate after: see countHit. Its expected error at n hits is
	// 16·√n.
	Hits      int64
	Misses    int64 // Gets that did not
	Entries   int64
	Used      int64 // bytes, with Overhead and pinned blocks
	Pinned    int64 // bytes, of these
	Capacity  int64 // bytes; what all shards may hold
	Evictions int64 // of blocks that had to make room
}

// Stats returns the figures. Used is never above Capacity + Pinned.
func (c *Cache) Stats() Stats {
	var total Stats
	for i := range c.shards {
		c.shards[i].addTo(&total)
	}
	return total
}

func (s *shard) addTo(total *Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total.Hits += s.hits.Load()
	total.Misses += s.misses.Load()
	total.Entries += int64(s.table.Load().live)
	total.Used += s.small.bytes + s.main.bytes + s.pinned
	total.Pinned += s.pinned
	total.Capacity += s.capacity
	total.Evictions += s.evictions
}

// The first exactHits hits of a shard are counted one by one, later ones by the
// draw of one in hitSample.
const (
	exactHits = 1024
	hitSample = 256
)

// countHit counts a hit. A counter that every reader of a block writes would
// have them all wait for its cache line, so once there are enough hits to
// estimate from, a few stand for all: one drawn at random, each with the same
// chance, counts for hitSample.
func (s *shard) countHit() {
	switch {
	case s.hits.Load() < exactHits:
		s.hits.Add(1)
	case rand.Uint64()%hitSample == 0:
		s.hits.Add(hitSample)
	}
}
