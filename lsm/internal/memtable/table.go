// Package memtable keeps the newest entries of an LSM engine in memory, sorted,
// until they are written to a table file: a skiplist (Pugh, CACM 1990) that many
// goroutines add to and read at once.
//
// Entries are only ever added. One is copied into an arena, complete, before an
// atomic compare-and-swap links it, first at the lowest level and then upward, so
// whoever meets an entry meets all of it. Readers take no lock and write nothing.
// Links are 32-bit addresses and blocks of the arena hold no pointers: for the
// garbage collector a table of any size is a few large objects that it need not
// look into.
//
// The one mutex is the arena's; it is taken to add a block.
package memtable

import (
	"bytes"
	"math/bits"
	"sync/atomic"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// What a table can hold. These are far above what the engine allows; going past
// them is an error in the engine, and panics.
const (
	MaxKey   = 1<<27 - 1 // bytes
	MaxValue = 1<<31 - 1 // bytes
	// A table takes entries at least while Bytes is below MaxBytes. It ends where
	// addresses do; how far above depends on the entries, up to 32 GiB.
	MaxBytes = 8 << 30
)

// MaxShared is the length up to which values may share a block with others: who
// keeps one keeps the block, of up to 256 KiB. A longer one has a block of its own.
const MaxShared = ownUnits * unitBytes

// maxHeight is enough for 4^20 entries.
const maxHeight = 20

// Table is a sorted set of entries. All methods may be called concurrently.
type Table struct {
	arena  arena
	seed   uint64
	height atomic.Uint32 // of the highest entry, at least 1; only rises
	len    atomic.Int64
}

// New returns an empty table, which takes 16 KiB. The height of each entry is
// drawn from the seed. The same entries added one by one in the same order under
// the same seed take the same space, so a simulation that fixes it can be
// repeated; elsewhere it should be random, lest keys be chosen to make a table
// slow.
func New(seed uint64) *Table {
	t := &Table{seed: seed}
	t.arena.init()
	t.height.Store(1)
	return t
}

// Add adds an entry; key and value are copied. If the table has one of this key
// and trailer, it keeps that one and ignores the call. When Add returns, every
// read that begins after sees the entry.
func (t *Table) Add(key []byte, tr entry.Trailer, value []byte) {
	var in Inserter
	in.Init(t)
	in.Add(key, tr, value)
}

// Get returns the first entry of the key at or after the trailer, which is the
// newest whose trailer is not greater. The value lies in the arena: it is valid
// for ever and must not be changed. Get does not allocate.
func (t *Table) Get(key []byte, at entry.Trailer) (tr entry.Trailer, value []byte, ok bool) {
	_, addr := t.search(key, at)
	if addr == end {
		return 0, nil, false
	}
	n := t.arena.node(addr)
	if !bytes.Equal(n.key(), key) {
		return 0, nil, false
	}
	return n.trailer(), t.arena.value(n), true
}

// Len returns the number of entries. One that is being added may count before it
// can be seen.
func (t *Table) Len() int64 { return t.len.Load() }

// Empty reports whether no entry was added.
func (t *Table) Empty() bool { return t.len.Load() == 0 }

// Bytes returns the size of the blocks that the table has taken from the heap.
// What is beside them, the table itself and 24 to 48 bytes for each block, is not
// counted.
func (t *Table) Bytes() int64 { return t.arena.allocated.Load() }

// Used returns how many bytes of the blocks entries take, with their links and
// alignment.
func (t *Table) Used() int64 { return t.arena.used() }

// search returns the last entry before (key, tr), or head, and the one after
// that, or end.
func (t *Table) search(key []byte, tr entry.Trailer) (before, after uint32) {
	before, after = head, end
	for level := int(t.height.Load()) - 1; level >= 0; level-- {
		before, after = t.walk(level, before, after, key, tr)
	}
	return before, after
}

// walk goes along a level to (key, tr), from an entry before it, and returns the
// last one before and the one after. Stop is an entry known not to be before it,
// as the one that ended the walk on the level above, or end.
func (t *Table) walk(level int, from, stop uint32, key []byte, tr entry.Trailer) (before, after uint32) {
	n := t.arena.node(from)
	for {
		next := n.next(level)
		if next == stop || next == end {
			return from, next
		}
		m := t.arena.node(next)
		if !m.before(key, tr) {
			return from, next
		}
		from, n = next, m
	}
}

// last returns the last entry, or head.
func (t *Table) last() uint32 {
	at := uint32(head)
	for level := int(t.height.Load()) - 1; level >= 0; level-- {
		for {
			next := t.arena.node(at).next(level)
			if next == end {
				break
			}
			at = next
		}
	}
	return at
}

// draw returns a height for the entry of an ordinal: 1 for three in four, 2 for
// three in four of the others, and so on.
func (t *Table) draw(ordinal int64) int {
	x := t.seed + uint64(ordinal)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return min(1+bits.TrailingZeros64(x^x>>31)/2, maxHeight)
}

// raise makes searches begin at a height or above.
func (t *Table) raise(height int) {
	for {
		h := t.height.Load()
		if int(h) >= height || t.height.CompareAndSwap(h, uint32(height)) {
			return
		}
	}
}
