package logstore

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/varvedb/varve/internal/segfile"
)

// # Format, version 1
//
// All integers are little endian. Checksums are CRC-32C (Castagnoli).
//
// A log is a chain of files PREFIXnnnnnn.seg. Numbers rise by one; each segment
// names the one before it and its length. A segment begins with the 64 bytes of
// segfile.Header, magic "varveseg", flags zero. Records follow, each at a multiple
// of 8 bytes:
//
//	 0  4  checksum of: segment number (8 bytes), file offset of the record
//	       (8 bytes), bytes 4 to 23 of the record
//	 4  4  checksum of the payload
//	 8  4  length of the payload
//	12  1  kind: 1 record, 2 aborted reservation, 3 end by rotation, 4 end by a
//	       clean close
//	13  3  zero
//	16  8  watermark: all bytes of this segment below this offset were known to be
//	       durable when the record was made; at most its own offset
//	24     payload, then zeros up to a multiple of 8
//
// The payload of an aborted reservation is zeros. That of an end is the length of
// the segment, 8 bytes: the offset after it.
//
// # Where a log ends
//
// A segment with a successor ends where the successor's header says. Below that
// everything must be valid.
//
// The last segment ends at its end record, or else before the first bad record,
// at offset D, unless the header of a record of the segment anywhere behind D is
// valid and has a watermark above D (then D is damaged). A last segment with a bad
// header counts as not there, unless a record in it has a watermark above 0.
const (
	magic         = "varveseg"
	formatVersion = 1
	headerSize    = segfile.HeaderSize
	recordHeader  = 24
	align         = 8
	endSize       = recordHeader + 8
	suffix        = ".seg"
)

// kind tells what a record is.
type kind uint8

const (
	kindRecord kind = 1 + iota
	kindAborted
	kindRotated
	kindClosed
)

func (k kind) valid() bool { return k >= kindRecord && k <= kindClosed }

// isEnd reports whether the record ends its segment.
func (k kind) isEnd() bool { return k >= kindRotated }

// storedSize is the length of a record with n bytes of payload.
func storedSize(n int64) int64 { return (recordHeader + n + align - 1) &^ (align - 1) }

// head is the header of a record.
type head struct {
	payloadSum uint32
	length     uint32
	kind       kind
	watermark  uint64
}

// put writes the header of the record at off into b.
func (h *head) put(b []byte, number uint32, off int64, check *segfile.Checker) {
	le := binary.LittleEndian
	le.PutUint32(b[4:], h.payloadSum)
	le.PutUint32(b[8:], h.length)
	le.PutUint32(b[12:], uint32(h.kind))
	le.PutUint64(b[16:], h.watermark)
	le.PutUint32(b, check.Sum(uint64(number), off, b[4:recordHeader], nil))
}

// parseHead decodes the header of the record at off, with which b begins. What
// is wrong with it is empty if it is valid.
func parseHead(b []byte, number uint32, off int64, check *segfile.Checker) (h head, wrong string) {
	if len(b) < recordHeader {
		return h, "the file ends"
	}
	le := binary.LittleEndian
	h = head{payloadSum: le.Uint32(b[4:]), length: le.Uint32(b[8:]), kind: kind(b[12]), watermark: le.Uint64(b[16:])}
	switch {
	case allZero(b[:recordHeader]):
		return h, "there are zeros"
	case !h.kind.valid() || le.Uint32(b[12:]) != uint32(h.kind) || h.watermark > uint64(off) || h.length > MaxRecord,
		h.kind.isEnd() && h.length != 8:
		return h, "there is no record"
	case le.Uint32(b) != check.Sum(uint64(number), off, b[4:recordHeader], nil):
		return h, "the checksum of a record's header does not match"
	}
	return h, ""
}

// checkPayload says what is wrong with the payload, and the padding, of a record.
func (h *head) checkPayload(b []byte) (wrong string) {
	if int64(len(b)) < storedSize(int64(h.length)) {
		return "a record is cut off"
	}
	if checksum(b[recordHeader:recordHeader+h.length]) != h.payloadSum {
		return "the checksum of a record does not match"
	}
	if !allZero(b[recordHeader+h.length:]) {
		return "what fills up a record is not zero"
	}
	return ""
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// endRecord returns the record that ends a segment at off.
func endRecord(k kind, number uint32, off int64, watermark uint64, check *segfile.Checker) []byte {
	b := make([]byte, endSize)
	binary.LittleEndian.PutUint64(b[recordHeader:], uint64(off+endSize))
	h := head{payloadSum: checksum(b[recordHeader:]), length: 8, kind: k, watermark: watermark}
	h.put(b, number, off, check)
	return b
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
