package memtable

import (
	"bytes"
	"sync/atomic"
	"unsafe"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// node is an entry in the arena: words of 32 bits from its own up to the end of
// its block. They are
//
//	0, 1   trailer, low half first
//	2      height (5 bits) and length of the key (27 bits)
//	3      length of the value
//	4 …    addresses of the next entry, one for each level from the lowest
//	then   the bytes of the key
//	then   those of the value, or the address where a longer one lies
//
// Long values lie elsewhere so that what a search looks at, headers, links and
// keys, is close together: it fits in the caches of the processor and its pages in
// the TLB, where with values of a kilobyte between them they would not.
//
// Only the addresses change once the entry is linked; they are read and written
// atomically.
type node []uint32

const (
	headerWords = 4
	lenBits     = 27
	inlineValue = 128 // bytes; longer values lie elsewhere
)

// nodeSize returns the bytes of an entry, without a value that lies elsewhere.
func nodeSize(height, key, value int) int64 {
	if value > inlineValue {
		value = 4
	}
	return 4*(headerWords+int64(height)) + int64(key) + int64(value)
}

// fill writes all of an entry but its links and its value.
func (n node) fill(height int, key []byte, tr entry.Trailer, value int) {
	n[0], n[1] = uint32(tr), uint32(tr>>32)
	n[2] = uint32(height)<<lenBits | uint32(len(key))
	n[3] = uint32(value)
	copy(n.key(), key)
}

func (n node) trailer() entry.Trailer { return entry.Trailer(n[1])<<32 | entry.Trailer(n[0]) }

func (n node) height() int { return int(n[2] >> lenBits) }

func (n node) key() []byte { return n.bytes(0, n[2]&(1<<lenBits-1)) }

// value returns the value, if it is not elsewhere.
func (n node) value() (value []byte, ok bool) {
	if n[3] > inlineValue {
		return nil, false
	}
	return n.bytes(n[2]&(1<<lenBits-1), n[3]), true
}

// elsewhere returns the bytes that hold the address of a long value.
func (n node) elsewhere() []byte { return n.bytes(n[2]&(1<<lenBits-1), 4) }

// next returns the address of the next entry at a level below the height.
func (n node) next(level int) uint32 { return atomic.LoadUint32(&n[headerWords+level]) }

// setNext sets the link of an entry that nobody can reach at this level yet.
func (n node) setNext(level int, addr uint32) { atomic.StoreUint32(&n[headerWords+level], addr) }

// link replaces the address of the next entry and reports whether it was old.
func (n node) link(level int, old, addr uint32) bool {
	return atomic.CompareAndSwapUint32(&n[headerWords+level], old, addr)
}

// before reports whether the entry comes before (key, tr).
func (n node) before(key []byte, tr entry.Trailer) bool {
	c := bytes.Compare(n.key(), key)
	return c < 0 || c == 0 && n.trailer() > tr
}

// is reports whether the entry is (key, tr).
func (n node) is(key []byte, tr entry.Trailer) bool {
	return n.trailer() == tr && bytes.Equal(n.key(), key)
}

// bytes returns so many bytes of the entry, counted from the end of its links.
func (n node) bytes(from, length uint32) []byte {
	return bytesOf(n[headerWords+n.height():], from, length)
}

// bytesOf returns so many bytes of a block, counted from the start of words.
//
// This is the one place where words are looked at as bytes. It is sound: the
// bytes lie in the block, because an entry is allocated with room for the lengths
// in its header, which never change; the slice keeps the block alive; bytes have
// no alignment; and no byte of it is a part of a link, so nothing is accessed
// both atomically and not. The order of bytes in a word does not matter, as they
// are never read as words.
func bytesOf(words []uint32, from, length uint32) []byte {
	if length == 0 {
		return nil
	}
	start := unsafe.Add(unsafe.Pointer(unsafe.SliceData(words)), from)
	return unsafe.Slice((*byte)(start), length)
}
