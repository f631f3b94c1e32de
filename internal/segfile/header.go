// Package segfile is what the segmented logs share: the header of a segment, the
// names of its files, and checksums that are bound to a place, so that bytes of
// another file, or of another offset, are never taken for data.
package segfile

import (
	"encoding/binary"
	"hash/crc32"
)

// HeaderSize is the length of the header of a segment, in bytes.
const HeaderSize = 64

// Header is the header of a segment. All integers are little endian:
//
//	 0  8  magic of the kind of log
//	 8  4  format version, at least 1
//	12  4  flags
//	16  8  number of this segment
//	24  8  number of the segment before, 0 if there is none
//	32  8  length of that segment, 0 if there is none
//	40  4  key id of the sealer when the segment was started, else 0
//	44 16  zero
//	60  4  checksum (CRC-32C) of bytes 0 to 59
//
// Later versions keep this shape, so that an older reader can tell a newer log
// from a damaged one.
type Header struct {
	Version, Flags uint32
	Number         uint64
	Prev           uint64 // the segment before
	PrevLength     int64  // its length in bytes
	KeyID          uint32
}

// Append appends the encoded header to dst. The magic has 8 bytes.
func (h *Header) Append(dst []byte, magic string) []byte {
	start := len(dst)
	le := binary.LittleEndian
	dst = append(dst, magic...)
	dst = le.AppendUint32(dst, h.Version)
	dst = le.AppendUint32(dst, h.Flags)
	dst = le.AppendUint64(dst, h.Number)
	dst = le.AppendUint64(dst, h.Prev)
	dst = le.AppendUint64(dst, uint64(h.PrevLength))
	dst = le.AppendUint32(dst, h.KeyID)
	dst = append(dst, make([]byte, 16)...)
	return le.AppendUint32(dst, crc32.Checksum(dst[start:], crc32.MakeTable(crc32.Castagnoli)))
}

// ParseHeader decodes the header of segment number, of a log with the magic. What
// is wrong with it is empty if it is valid; of a version above newest only the
// version is decoded.
func ParseHeader(b []byte, magic string, newest uint32, number uint64) (h Header, wrong string) {
	if len(b) < HeaderSize {
		return h, "the segment header is incomplete"
	}
	b = b[:HeaderSize]
	le := binary.LittleEndian
	if string(b[:8]) != magic || le.Uint32(b[60:]) != crc32.Checksum(b[:60], crc32.MakeTable(crc32.Castagnoli)) {
		return h, "the segment header is bad"
	}
	h.Version = le.Uint32(b[8:])
	if h.Version > newest {
		return h, ""
	}
	h.Flags = le.Uint32(b[12:])
	h.Number = le.Uint64(b[16:])
	h.Prev, h.PrevLength = le.Uint64(b[24:]), int64(le.Uint64(b[32:]))
	h.KeyID = le.Uint32(b[40:])
	switch {
	case h.Version == 0 || h.PrevLength < 0:
		return h, "the segment header makes no sense"
	case h.Number != number:
		return h, "the segment header is of another segment"
	}
	return h, ""
}

// Checker computes checksums of what stands at a place. It is not for concurrent
// use.
type Checker struct {
	bound [64]byte // here so that it is allocated once
}

// Sum returns the CRC-32C of the segment's number (8 bytes), the offset in the
// file (8 bytes), head, of at most 48 bytes, and payload.
func (c *Checker) Sum(number uint64, off int64, head, payload []byte) uint32 {
	binary.LittleEndian.PutUint64(c.bound[0:], number)
	binary.LittleEndian.PutUint64(c.bound[8:], uint64(off))
	n := 16 + copy(c.bound[16:], head)
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(c.bound[:n], table), table, payload)
}
