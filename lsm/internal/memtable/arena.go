package memtable

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// An address is the number of a block and an offset in it, in units of 8 bytes.
// Head is the address of the first entry, which is none but has all levels; no
// link leads there, so the same number marks the end of a list.
const (
	unitWords  = 2
	unitBytes  = 4 * unitWords
	offsetBits = 15
	maxBlocks  = 1 << (32 - offsetBits)

	head = uint32(0)
	end  = uint32(0)
)

// Blocks grow from firstUnits to maxUnits. What is larger than ownUnits has a
// block of its own, rounded up to pageUnits as the heap would: only its start
// needs an address, so such a block can have any size, and at most a quarter is
// left over in the others.
const (
	firstUnits = 16 << 10 / unitBytes
	maxUnits   = 1 << offsetBits // 256 KiB
	ownUnits   = maxUnits / 4
	pageUnits  = 8 << 10 / unitBytes
)

// sealed is above every number of units taken from a block.
const sealed = 1 << 31

// arena allocates entries, and the long values of entries elsewhere. The zero
// value is not usable; see init.
type arena struct {
	nodes, values pool
	allocated     atomic.Int64 // bytes of all blocks

	// directory holds the words of all blocks by number. It is published anew
	// for each block, longer by one, and never changed up to its length.
	directory atomic.Pointer[[][]uint32]

	mu sync.Mutex // held to add a block
}

// pool is where entries, or values, are taken from.
type pool struct {
	current atomic.Pointer[block] // nil before the first
	owned   atomic.Int64          // bytes taken in blocks of one entry
}

// block is one that entries are taken from in turn.
type block struct {
	words  []uint32
	number uint32
	before int64         // bytes taken in blocks before it
	taken  atomic.Uint32 // units; sealed when another block has followed
}

// init makes the first block and the head in it.
func (a *arena) init() {
	a.directory.Store(new([][]uint32))
	_, words := a.alloc(&a.nodes, nodeSize(maxHeight, 0, 0))
	node(words).fill(maxHeight, nil, 0, 0)
}

// node returns the entry at an address.
func (a *arena) node(addr uint32) node {
	return (*a.directory.Load())[addr>>offsetBits][addr&(maxUnits-1)*unitWords:]
}

// value returns the value of an entry.
func (a *arena) value(n node) []byte {
	if v, ok := n.value(); ok {
		return v
	}
	return bytesOf(a.node(binary.LittleEndian.Uint32(n.elsewhere())), 0, n[3])
}

// add returns a new entry that is complete but for its links.
func (a *arena) add(height int, key []byte, tr entry.Trailer, value []byte) (addr uint32, n node) {
	addr, words := a.alloc(&a.nodes, nodeSize(height, len(key), len(value)))
	n = words
	n.fill(height, key, tr, len(value))
	v, ok := n.value()
	if !ok {
		at, words := a.alloc(&a.values, int64(len(value)))
		binary.LittleEndian.PutUint32(n.elsewhere(), at)
		v = bytesOf(words, 0, uint32(len(value)))
	}
	copy(v, value)
	return addr, n
}

// alloc returns room for so many bytes, all zero.
func (a *arena) alloc(p *pool, size int64) (addr uint32, words []uint32) {
	units := (size + unitBytes - 1) / unitBytes
	if units > ownUnits {
		return a.allocOwn(p, units)
	}
	for {
		b := p.current.Load()
		if b != nil {
			if offset, ok := b.take(uint32(units)); ok {
				return b.number<<offsetBits | offset, b.words[offset*unitWords:]
			}
		}
		a.grow(p, b, int(units))
	}
}

// take takes units from the block, if it has so many left.
func (b *block) take(units uint32) (offset uint32, ok bool) {
	for {
		n := b.taken.Load()
		if n+units > uint32(len(b.words)/unitWords) {
			return 0, false
		}
		if b.taken.CompareAndSwap(n, n+units) {
			return n, true
		}
	}
}

// grow puts a larger block, with room for four times the units, in the place of
// one that is full, unless another goroutine has done so.
func (a *arena) grow(p *pool, full *block, units int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.current.Load() != full {
		return
	}
	size := max(firstUnits, 1<<bits.Len(uint(4*units-1)))
	if full != nil {
		size = max(size, 2*len(full.words)/unitWords)
	}
	b := a.newBlock(min(size, maxUnits))
	if full != nil {
		b.before = full.before + unitBytes*int64(full.taken.Swap(sealed))
	}
	p.current.Store(b)
}

// allocOwn returns a block for one entry or value.
func (a *arena) allocOwn(p *pool, units int64) (addr uint32, words []uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.newBlock(int(units+pageUnits-1) / pageUnits * pageUnits)
	p.owned.Add(units * unitBytes)
	return b.number << offsetBits, b.words
}

// newBlock adds a block to the directory. The caller holds mu.
func (a *arena) newBlock(units int) *block {
	blocks := *a.directory.Load()
	if len(blocks) == maxBlocks {
		panic("memtable: a table has grown far beyond MaxBytes")
	}
	b := &block{words: make([]uint32, units*unitWords), number: uint32(len(blocks))}
	a.allocated.Add(int64(units) * unitBytes)
	blocks = append(blocks, b.words)
	a.directory.Store(&blocks)
	return b
}

// used returns the bytes taken, without those of the head.
func (a *arena) used() int64 {
	return a.usedIn(&a.nodes) + a.usedIn(&a.values) - (nodeSize(maxHeight, 0, 0)+unitBytes-1)/unitBytes*unitBytes
}

func (a *arena) usedIn(p *pool) int64 {
	b := p.current.Load()
	if b == nil {
		return p.owned.Load()
	}
	taken := b.taken.Load()
	if taken == sealed {
		a.mu.Lock() // until its successor is in place
		b = p.current.Load()
		taken = b.taken.Load()
		a.mu.Unlock()
	}
	return b.before + unitBytes*int64(taken) + p.owned.Load()
}
