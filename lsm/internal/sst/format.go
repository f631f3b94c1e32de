package sst

import (
	"encoding/binary"

	"github.com/varvedb/varve/kv"
)

// # Format, version 2
//
// Fixed integers are little endian; a uvarint is that of encoding/binary.
// Checksums are CRC-32C (Castagnoli). A trailer is that of package entry, in 8
// bytes. A handle is two uvarints: the file offset of a block and its stored
// length, which is at least 9.
//
// A table is blocks, one after another without gaps, and a footer:
//
//	partition*      each: data block+, filter block?, index block
//	tombstone block?
//	top index block
//	properties block
//	metaindex block
//	footer
//
// # Blocks
//
// A stored block is its payload and 9 bytes:
//
//	0  1  type: bits 0 to 6 are the compression (0 none, 1 LZ4 block, 2 S2
//	      block, 3 Zstandard frame); bit 7 says that the payload is sealed,
//	      which version 1 never writes
//	1  4  length of the content, which is what the payload decompresses to
//	5  4  checksum of: payload, type, length, file number (8 bytes), file
//	      offset of the block (8 bytes)
//
// Content has at most 257 MiB, and beyond 1 MiB no more than 1024 times the
// payload. Only sorted blocks are compressed.
//
// # Sorted blocks: data, index, top index
//
//	entries   one after another, rising in the order of entry.Compare
//	restarts  4 bytes each: offset of an entry that shares nothing
//	buckets   1 byte each: the hash index, of data blocks only
//	tail      number of entries (4), of restarts (4), of buckets (2)
//
// The first entry is a restart, and no restart is followed by more than 254
// entries before the next. An entry:
//
//	uvarint  shared: so many leading bytes of the key are those of the key before
//	uvarint  length of the rest of the key
//	uvarint  length of the value
//	         rest of the key, trailer, value
//
// The hash index has for each bucket the number of the restart whose interval
// has all entries of the keys that fall into it, 254 if it is more than one
// interval and 255 if no key does. A key falls into bucket
// (low 32 bits of its hash) · buckets >> 32. The hash is XXH3-64 of the key.
//
// In index blocks and the top index each entry is a restart. The key and trailer
// of an index entry are those of the last entry in its data block. Its value:
//
//	handle of the data block
//	uvarint  shared: so many leading bytes of the first key in the block are
//	         those of the last
//	uvarint  length of the rest of the first key
//	         rest of the first key, its trailer
//	         in version 2, for each collector in the order of their places:
//	uvarint  0 if nothing is known of the block, else 1 + length of what the
//	         collector says; that
//
// A table without collectors has version 1. What a collector says of the whole
// table is the attribute "blocks." + name: uvarint place, and, if it is known, a
// byte 1 and what it says.
//
// The key and trailer of a top index entry are those of the last entry in its
// partition. Its value:
//
//	uvarint  file offset of the first data block
//	handle of the index block
//	handle of the filter block; two zeros if there is none
//
// # Filter block
//
// Lines of 64 bytes and one byte: the number of probes, from 1 to 30. It has the
// user keys of the entries in its partition and, if the property prefix.length
// is not zero, the prefixes of that length of all keys that are so long. An item
// with hash h (that of a prefix is the complement of its XXH3-64) is in line
// (h >> 32) · lines >> 32. Let g be (h mod 2³²) · 0x9e3779b97f4a7c15; each probe
// sets the bit of the line that is the upper 9 bits of g, and multiplies g by
// the same number. All arithmetic is modulo 2⁶⁴.
//
// # Tombstone block
//
// A uvarint, the number of fragments, at least 1. Fragments rise and do not
// overlap:
//
//	uvarint  length of the start; start
//	uvarint  0 if there is no end, else 1 + length of the end; end
//	uvarint  number of sequence numbers, at least 1
//	uvarint  the highest sequence number; for each of the others the difference
//	         to the one before, at least 1
//
// # Lists: properties, metaindex
//
// A uvarint, the number of items, then items with strictly rising names:
//
//	uvarint  length of the name; name
//	uvarint  length of the value; value
//
// The metaindex has the handle of the block "properties" and, if there is one,
// of "tombstones". Properties are described in properties.go. Names that a
// reader does not know are passed over.
//
// # Footer
//
//	 0  8  file offset of the metaindex block
//	 8  4  its stored length
//	12  8  file offset of the top index block
//	20  4  its stored length
//	24  8  file number
//	32  8  length of the file
//	40  4  format version: 1 or 2
//	44  4  checksum of bytes 0 to 43
//	48  8  magic "VarveSST"
//
// Later versions keep the last 16 bytes, and what the checksum covers, so that
// an older reader can tell a newer table from a damaged one.
const (
	magic         = "VarveSST"
	formatVersion = 2
	footerSize    = 56

	blockTrailerSize = 9
	sealedBit        = 0x80

	trailerSize   = 8
	blockTailSize = 10
	maxInterval   = 255 // entries from one restart to the next

	metaProperties = "properties"
	metaTombstones = "tombstones"
)

// Limits of the format, in bytes.
const (
	// MaxKey is the longest key, and bound of a tombstone.
	MaxKey = kv.MaxKey + 1
	// MaxValue is the longest value: of a merge, operator and operand.
	MaxValue = kv.MaxValue + 16
	// MaxBlock is the longest content of a block.
	MaxBlock = kv.MaxValue + 1<<20
)

// Content that is longer than freeContent must have been compressed to no less
// than 1/maxRatio, so that a small file cannot make a reader allocate much.
const (
	freeContent = 1 << 20
	maxRatio    = 1024
)

// contentAllowed reports whether a payload may decompress to n bytes.
func contentAllowed(n int64, payload int) bool {
	return n <= MaxBlock && (n <= freeContent || n/maxRatio <= int64(payload))
}

// handle is where a block is stored.
type handle struct {
	offset int64
	length int64 // with the block's trailer; 0 if there is no block
}

func (h handle) end() int64 { return h.offset + h.length }

func (h handle) append(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(h.offset)), uint64(h.length))
}

// decodeHandle reads a handle from the front of b. rest is nil if there is none.
func decodeHandle(b []byte) (h handle, rest []byte) {
	off, n := binary.Uvarint(b)
	if n <= 0 || off > 1<<62 {
		return handle{}, nil
	}
	length, m := binary.Uvarint(b[n:])
	if m <= 0 || length > MaxBlock+blockTrailerSize {
		return handle{}, nil
	}
	return handle{int64(off), int64(length)}, b[n+m:]
}

// within reports whether a block can be where h says in a file whose blocks end
// at limit.
func (h handle) within(limit int64) bool {
	return h.length > blockTrailerSize && h.offset >= 0 && h.offset <= limit && h.length <= limit-h.offset
}
