package sst

import (
	"encoding/binary"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// blockBuilder makes the content of a sorted block. It keeps its buffers from
// one block to the next.
type blockBuilder struct {
	interval int  // entries from one restart to the next
	hashed   bool // data blocks: with a hash index

	buf      []byte // entries
	restarts []uint32
	keys     []hashed
	last     []byte // key of the last entry
	count    int
}

func (b *blockBuilder) reset() {
	b.buf, b.restarts, b.keys, b.count = b.buf[:0], b.restarts[:0], b.keys[:0], 0
}

// size is how long the content would be if the block ended here.
func (b *blockBuilder) size() int {
	n := len(b.buf) + 4*len(b.restarts) + blockTailSize
	if b.hashed {
		n += bucketsFor(len(b.keys))
	}
	return n
}

// sizeWith is an upper bound for size after one more entry.
func (b *blockBuilder) sizeWith(key, value int) int {
	const overhead = 2*binary.MaxVarintLen32 + 1 + trailerSize + 4 + 2
	return b.size() + overhead + key + value
}

// add adds an entry, which must be after the last one. The hash is used only if
// the block has a hash index.
func (b *blockBuilder) add(key []byte, t entry.Trailer, value []byte, hash uint64) {
	shared := 0
	if b.count%b.interval == 0 {
		b.restarts = append(b.restarts, uint32(len(b.buf)))
	} else {
		shared = commonPrefix(b.last, key)
	}
	if b.hashed {
		b.keys = append(b.keys, hashed{hash, len(b.restarts) - 1})
	}
	b.buf = binary.AppendUvarint(b.buf, uint64(shared))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(key)-shared))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(value)))
	b.buf = append(b.buf, key[shared:]...)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, uint64(t))
	b.buf = append(b.buf, value...)
	b.last = append(b.last[:0], key...)
	b.count++
}

// finish returns the content, which is valid until the next reset or add.
func (b *blockBuilder) finish() []byte {
	le := binary.LittleEndian
	for _, r := range b.restarts {
		b.buf = le.AppendUint32(b.buf, r)
	}
	buckets := 0
	if n := bucketsFor(len(b.keys)); b.hashed && len(b.restarts) <= maxHashed && n < 1<<16 {
		b.buf = appendBuckets(b.buf, b.keys)
		buckets = n
	}
	b.buf = le.AppendUint32(b.buf, uint32(b.count))
	b.buf = le.AppendUint32(b.buf, uint32(len(b.restarts)))
	return le.AppendUint16(b.buf, uint16(buckets))
}

// trim lets go of a buffer that a giant entry made.
func (b *blockBuilder) trim() {
	if cap(b.buf) > freeContent {
		b.buf = nil
	}
}
