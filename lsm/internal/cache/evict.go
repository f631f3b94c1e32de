package cache

// A block used at least promote times in the small queue moves to the main one.
// One use more than the first is often of the same moment: the next key of the
// same block.
const promote = 2

// maxChances bounds the blocks that one eviction passes over, and so the time
// that an Add can take.
const maxChances = 64

// enqueue gives a new block its queue: the main one if it was evicted not long
// ago, so that it needs no other proof.
func (s *shard) enqueue(b *block) {
	if s.ghost.take(b.hash) {
		s.main.push(b)
		return
	}
	s.small.push(b)
}

// evictTo evicts until blocks that are not pinned take no more than so many
// bytes.
func (s *shard) evictTo(bytes int64) {
	for s.small.bytes+s.main.bytes > bytes {
		s.evictOne()
	}
}

// evictOne evicts a block; there must be one. The small queue is held to a tenth
// of the room.
func (s *shard) evictOne() {
	for chances := maxChances; ; chances-- {
		fromSmall := s.main.oldest == nil || s.small.bytes > s.room()/10
		q := &s.main
		if fromSmall && s.small.oldest != nil {
			q = &s.small
		}
		b := q.oldest
		q.remove(b)
		if chances > 0 && s.deserves(b, q) {
			s.main.push(b)
			continue
		}
		if q == &s.small {
			s.ghost.add(b.hash)
		}
		s.drop(b)
		s.evictions++
		return
	}
}

// deserves reports whether the oldest block of a queue has been used enough to
// go on to the end of the main one, and takes the uses that this costs.
func (s *shard) deserves(b *block, q *queue) bool {
	if q == &s.main {
		return b.spend()
	}
	if b.uses.Load() < promote {
		return false
	}
	b.uses.Store(0)
	return true
}
