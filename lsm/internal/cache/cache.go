// Package cache keeps blocks of table files in memory: a bounded map from (file,
// offset) to bytes that never change.
//
// A block given out is an ordinary slice, left to the garbage collector: nothing
// is released, and a block that is evicted while somebody reads it stays as it
// is. A Get takes no lock and, for a block in use, writes nothing: each shard has
// a hash table that readers walk through atomic pointers while a writer, under
// the shard's mutex, changes it.
//
// What is evicted is decided by S3-FIFO (Yang and others, SOSP 2023): new blocks
// pass through a small queue and only those used there reach the main one, so a
// scan of any length displaces a tenth of the cache at most.
//
// A shard's mutex is the only lock; no two are held at once, and nothing is
// called under it.
package cache

import "math/bits"

// Overhead is what a block counts beyond its length, in bytes: its entry and its
// part of the hash table.
const Overhead = 160

// A shard has at least shardCapacity bytes unless it is the only one: blocks
// that are larger than their shard are not cached.
const (
	shardCapacity = 2 << 20
	maxShards     = 256
)

// Cache is a bounded set of blocks. All methods may be called concurrently.
type Cache struct {
	shards []shard // a power of two
}

// New returns a cache of so many bytes. With 0 or less it holds pinned blocks
// only. The number of shards follows from the capacity given here, and does not
// change with SetCapacity.
func New(capacity int64) *Cache {
	n := min(max(capacity/shardCapacity, 1), maxShards)
	c := &Cache{shards: make([]shard, 1<<(bits.Len64(uint64(n))-1))}
	for i := range c.shards {
		c.shards[i].init()
	}
	c.SetCapacity(capacity)
	return c
}

// Get returns the block of a file at an offset. The caller must not change it.
// Get takes no lock and does not allocate.
func (c *Cache) Get(file, offset uint64) (value []byte, ok bool) {
	h := hash(file, offset)
	s := c.shard(h)
	b := s.table.Load().find(h, file, offset)
	if b == nil {
		s.misses.Add(1)
		return nil, false
	}
	b.touch()
	s.countHit()
	return b.value, true
}

// Add puts a block into the cache, which counts it as len(value)+Overhead bytes
// and evicts others to make room. The value must not be changed after, and
// should not be a part of a larger array, which would be kept alive uncounted.
//
// A pinned block is always taken and stays until EvictFile. Another one is left
// out if it is larger than its shard. If the cache has the block, that one is
// kept, and pinned if pin says so.
func (c *Cache) Add(file, offset uint64, value []byte, pin bool) {
	h := hash(file, offset)
	c.shard(h).add(h, file, offset, value, pin)
}

// EvictFile drops all blocks of a file, also the pinned ones. It costs time in
// the number of these and of shards. A block that is added during or after the
// call may stay, so whoever removes a file waits for its readers first.
func (c *Cache) EvictFile(file uint64) {
	for i := range c.shards {
		c.shards[i].evictFile(file)
	}
}

// EvictFiles drops all blocks of the files that match, as EvictFile does.
func (c *Cache) EvictFiles(match func(file uint64) bool) {
	for i := range c.shards {
		for _, file := range c.shards[i].list(match) {
			c.shards[i].evictFile(file)
		}
	}
}

// UsedBy returns how many bytes the blocks of the files that match take, with
// Overhead. It looks at each of them.
func (c *Cache) UsedBy(match func(file uint64) bool) (bytes int64) {
	for i := range c.shards {
		bytes += c.shards[i].usedBy(match)
	}
	return bytes
}

// SetCapacity changes the capacity, and evicts what is beyond it.
func (c *Cache) SetCapacity(bytes int64) {
	share := max(bytes, 0) / int64(len(c.shards))
	for i := range c.shards {
		c.shards[i].setCapacity(share)
	}
}

func (c *Cache) shard(hash uint64) *shard {
	return &c.shards[hash&uint64(len(c.shards)-1)]
}

// hash mixes a key so that both its low bits, which choose the shard, and its
// high ones, which choose the slot, depend on every bit of the key.
func hash(file, offset uint64) uint64 {
	hi, lo := bits.Mul64(file^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	h := (offset ^ hi ^ lo) * 0xff51afd7ed558ccd
	h = (h ^ h>>32) * 0xc4ceb9fe1a85ec53
	return h ^ h>>29
}
