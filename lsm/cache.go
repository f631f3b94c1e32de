package lsm

import (
	"sync/atomic"

	"github.com/varvedb/varve/lsm/internal/cache"
)

// Cache keeps blocks of tables, decompressed, for all stores that are given it in
// their options: what one does not need another one has. It may be used
// concurrently, and outlives the stores.
type Cache struct {
	blocks *cache.Cache
	stores atomic.Uint64 // so far
}

// NewCache returns a cache of so many bytes.
func NewCache(bytes int64) *Cache { return &Cache{blocks: cache.New(bytes)} }

// Used returns how many bytes are in use: of blocks, and what it takes to find
// them. It is never above the size of the cache.
func (c *Cache) Used() int64 { return c.blocks.Stats().Used }

// share is what a store has of a cache. The blocks of its tables are kept under
// the number of the table and, in the upper bits, that of the store.
type share struct {
	*cache.Cache
	store uint64 // 0 if nobody else has the cache
}

// storeShift is above the bits of all numbers of tables.
const storeShift = 40

// share returns the cache that a store with these options uses.
func (o *Options) share() share {
	if o.Cache == nil {
		return share{Cache: cache.New(max(o.BlockCache, 0))}
	}
	return share{Cache: o.Cache.blocks, store: o.Cache.stores.Add(1)}
}

// id returns the number under which blocks of a table are kept.
func (s share) id(table uint64) uint64 { return s.store<<storeShift | table }

func (s share) has(file uint64) bool { return file>>storeShift == s.store }

// used returns how many bytes the blocks of the store take.
func (s share) used() int64 {
	if s.store == 0 {
		return s.Stats().Used
	}
	return s.UsedBy(s.has)
}

// leave drops the blocks of the store. One that is being read may stay until
// others need the room.
func (s share) leave() {
	if s.store != 0 {
		s.EvictFiles(s.has)
	}
}
