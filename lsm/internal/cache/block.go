package cache

import "sync/atomic"

// maxUses is where a block's use count ends: once there, a Get does not write.
const maxUses = 3

// block is a cached value. The first group of fields never changes and is what
// readers look at; the last is guarded by the mutex of the shard.
type block struct {
	hash, file, offset uint64
	value              []byte

	uses atomic.Uint32 // since it was added or given another chance; up to maxUses

	pinned         bool
	queue          *queue // that it waits in; nil if it is pinned
	older, newer   *block // in the queue
	before, behind *block // in the list of its file
}

// size returns what the block counts, in bytes.
func (b *block) size() int64 { return int64(len(b.value)) + Overhead }

// touch counts a use. One that is lost to a concurrent one does not matter.
func (b *block) touch() {
	if n := b.uses.Load(); n < maxUses {
		b.uses.CompareAndSwap(n, n+1)
	}
}

// spend takes one use away and reports whether there was one.
func (b *block) spend() bool {
	n := b.uses.Load()
	if n == 0 {
		return false
	}
	b.uses.CompareAndSwap(n, n-1)
	return true
}

// queue is a list of blocks in the order they came. The zero value is empty.
type queue struct {
	oldest, newest *block
	bytes          int64
}

// push appends a block that is in no queue.
func (q *queue) push(b *block) {
	b.queue, b.older = q, q.newest
	if q.newest != nil {
		q.newest.newer = b
	} else {
		q.oldest = b
	}
	q.newest = b
	q.bytes += b.size()
}

// remove takes a block out of the queue that it is in.
func (q *queue) remove(b *block) {
	if b.older != nil {
		b.older.newer = b.newer
	} else {
		q.oldest = b.newer
	}
	if b.newer != nil {
		b.newer.older = b.older
	} else {
		q.newest = b.older
	}
	b.queue, b.older, b.newer = nil, nil, nil
	q.bytes -= b.size()
}
