package journal

import "github.com/varvedb/varve/internal/segfile"

// # Format, version 1
//
// All integers are little endian. Checksums are CRC-32C (Castagnoli).
//
// A log is a chain of files PREFIXnnnnnn.log, n a decimal number of at least six
// digits. Numbers rise; each segment names the one before it. Files
// PREFIXnnnnnn.spare are old segments kept for reuse and no part of the log.
//
// A segment is a sequence of blocks of 32768 bytes, of which the last may be
// short. It starts with a header of 64 bytes:
//
//	 0  8  magic "varvelog"
//	 8  4  format version: 1
//	12  4  flags: bit 0, groups are sealed; the others are zero
//	16  8  number of this segment
//	24  8  number of the segment before, 0 if there is none
//	32  8  length of that segment, 0 if there is none
//	40  4  key id of the sealer when the segment was started, else 0
//	44 16  zero
//	60  4  checksum of bytes 0 to 59
//
// Later versions keep the first 64 bytes in this shape, so that an older reader
// can tell a newer log from a damaged one.
//
// Units follow, one after another. A unit is a group of records, a mark that the
// segment ends, or padding. It is laid into blocks as fragments, which do not
// cross the end of a block. If 16 bytes or less are left of a block they are
// zero and the next fragment starts in the next block. A fragment:
//
//	 0  4  checksum of: segment number (8 bytes), file offset of the fragment
//	       (8 bytes), bytes 4 to 15 of the fragment, payload
//	 4  2  length of the payload
//	 6  1  kind: 1 whole group, 2 first, 3 middle, 4 last part of a group,
//	       5 end by rotation, 6 end by a clean close, 7 padding
//	 7  1  flags: bit 0, the group is sealed; the others are zero
//	 8  8  watermark: all bytes of this segment below this offset were known to
//	       be durable when the fragment was written; at most its own offset
//	16     payload
//
// All fragments of a group have the same flags and watermark. A group whose
// fragments are not all there and valid is absent as a whole. Its payload is a
// sequence of records, each its length as a uvarint and then its bytes. The
// payload of a sealed group is the key id (4 bytes) and what the sealer made of
// that sequence; the additional data are the segment number and the file offset
// of the group's first fragment, 8 bytes each.
//
// The payload of an end mark is the length of the segment, 8 bytes: the offset
// after the mark. Nothing behind it belongs to the log. Padding has zeros.
//
// # Where a log ends
//
// A segment with a successor ends where the successor's header says. Below that
// everything must be valid; what is above does not count.
//
// The last segment ends at its end mark, or else before the first bad fragment,
// at offset D, unless a valid fragment of the segment anywhere behind D has a
// watermark above D (then D is damaged), or a stored End says otherwise. A last
// segment with a bad header counts as not there, unless a valid fragment in it
// has a watermark above 0.
const (
	magic         = "varvelog"
	formatVersion = 1
	blockSize     = 32 << 10
	headerSize    = segfile.HeaderSize
	fragmentSize  = 16 // header of a fragment
	markSize      = 8  // payload of an end mark
	keyIDSize     = 4
	flagSealed    = 1
)

// kind tells what a fragment is.
type kind uint8

const (
	kindWhole kind = 1 + iota
	kindFirst
	kindMiddle
	kindLast
	kindRotated
	kindClosed
	kindPad
)

// startsUnit reports whether a unit can start with a fragment of this kind.
func (k kind) startsUnit() bool { return k != kindMiddle && k != kindLast }

func (k kind) valid() bool { return k >= kindWhole && k <= kindPad }

// isEnd reports whether the fragment marks the end of its segment.
func (k kind) isEnd() bool { return k == kindRotated || k == kindClosed }

// header is the header of a segment.
type header struct {
	version uint32
	sealed  bool
	number  uint64
	prev    End
	keyID   uint32
}

// append appends the encoded header to dst.
func (h *header) append(dst []byte) []byte {
	raw := segfile.Header{Version: h.version, Number: h.number,
		Prev: h.prev.Segment, PrevLength: h.prev.Length, KeyID: h.keyID}
	if h.sealed {
		raw.Flags = flagSealed
	}
	return raw.Append(dst, magic)
}

// parseHeader decodes the header of segment number. What is wrong with it is
// empty if it is valid; a newer version is valid and otherwise undecoded.
func parseHeader(b []byte, number uint64) (h header, wrong string) {
	raw, wrong := segfile.ParseHeader(b, magic, formatVersion, number)
	h = header{version: raw.Version, sealed: raw.Flags&flagSealed != 0, number: raw.Number,
		prev: End{Segment: raw.Prev, Length: raw.PrevLength}, keyID: raw.KeyID}
	if wrong == "" && raw.Flags&^flagSealed != 0 {
		wrong = "the segment header makes no sense"
	}
	return h, wrong
}

// checker computes the checksums of fragments. It is not for concurrent use.
type checker struct{ segfile.Checker }

// sum returns the checksum of a fragment, whose header is head, for its place.
func (c *checker) sum(number uint64, off int64, head, payload []byte) uint32 {
	return c.Sum(number, off, head[4:fragmentSize], payload)
}

// fragmentAt returns the offset at or after off where a fragment can start.
func fragmentAt(off int64) int64 {
	if rest := blockSize - off%blockSize; rest <= fragmentSize {
		return off + rest
	}
	return off
}

// layoutEnd returns where a unit with a payload of n bytes ends that is laid out
// from off on.
func layoutEnd(off int64, n int) int64 {
	for n > 0 {
		off = fragmentAt(off)
		part := min(n, int(blockSize-off%blockSize)-fragmentSize)
		off += fragmentSize + int64(part)
		n -= part
	}
	return off
}

// padEnd returns the first offset from off on that is a multiple of sector and
// can be reached by padding. A sector of 0 means no padding.
func padEnd(off int64, sector int) int64 {
	if sector == 0 || off%int64(sector) == 0 {
		return off
	}
	end := off + int64(sector) - off%int64(sector)
	if end-off < fragmentSize && end%blockSize != 0 {
		end += int64(sector)
	}
	return end
}
