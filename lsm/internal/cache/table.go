package cache

import (
	"math/bits"
	"sync/atomic"
)

// minSlots is the size of the smallest table.
const minSlots = 16

// table is a hash table with linear probing that any number of readers search
// while one writer changes it. A block stays in its slot until it is removed, and
// all slots from its first choice to there are filled meanwhile, so a reader
// never misses a block that is present. A table that gets too full is replaced by
// another; those who still search the old one find what it held then.
type table struct {
	slots   []atomic.Pointer[block] // a power of two; at least half are nil
	shift   uint                    // turns a hash into its first slot
	removed *block                  // fills the slot of a block that was removed

	// Of the writer.
	filled int // slots that are not nil
	live   int // slots that hold a block
}

// newTable returns a table with room for some more than the given number of
// blocks.
func newTable(blocks int) *table {
	n := max(bits.Len(uint(3*blocks)), bits.Len(minSlots-1))
	return &table{
		slots:   make([]atomic.Pointer[block], 1<<n),
		shift:   64 - uint(n),
		removed: new(block),
	}
}

// find returns a block, or nil. It may be called concurrently with all others.
func (t *table) find(hash, file, offset uint64) *block {
	mask := uint(len(t.slots) - 1)
	for i := uint(hash >> t.shift); ; i++ {
		b := t.slots[i&mask].Load()
		if b == nil {
			return nil
		}
		if b.file == file && b.offset == offset && b != t.removed {
			return b
		}
	}
}

// full reports whether the next insert needs another table.
func (t *table) full() bool { return 2*(t.filled+1) > len(t.slots) }

// insert adds a block that is not present to a table that is not full.
func (t *table) insert(b *block) {
	mask := uint(len(t.slots) - 1)
	for i := uint(b.hash >> t.shift); ; i++ {
		switch slot := &t.slots[i&mask]; slot.Load() {
		case nil:
			t.filled++
			fallthrough
		case t.removed:
			slot.Store(b)
			t.live++
			return
		}
	}
}

// remove takes out a block that is present.
func (t *table) remove(b *block) {
	mask := uint(len(t.slots) - 1)
	i := uint(b.hash >> t.shift)
	for t.slots[i&mask].Load() != b {
		i++
	}
	t.slots[i&mask].Store(t.removed)
	t.live--
	// No search goes on beyond removed slots with an empty one behind them, so
	// they can be empty as well.
	if t.slots[(i+1)&mask].Load() != nil {
		return
	}
	for t.slots[i&mask].Load() == t.removed {
		t.slots[i&mask].Store(nil)
		t.filled--
		i--
	}
}

// renewed returns a table of the same blocks that is not full.
func (t *table) renewed() *table {
	n := newTable(t.live + 1)
	for i := range t.slots {
		if b := t.slots[i].Load(); b != nil && b != t.removed {
			n.insert(b)
		}
	}
	return n
}
