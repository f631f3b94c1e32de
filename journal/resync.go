package journal

import "encoding/binary"

// A fragment's place does not depend on those before it but for the length of
// its neighbour, and its checksum covers that place. So behind damage every
// offset is tried; what is found was written there, by this log.

// search is which fragment is looked for.
type search struct {
	above int64 // its watermark is above this
	start bool  // a unit starts with it
}

// find returns the first valid fragment at or after off that is searched for.
func (s *scanner) find(off int64, want search) (f fragment, ok bool, err error) {
	for off < s.size {
		b, err := s.block(off)
		if err != nil {
			return f, false, err
		}
		if len(b) == 0 {
			return f, false, nil
		}
		if !allZero(b) {
			if f, ok = s.findIn(b, off, want); ok {
				return f, true, nil
			}
		}
		off += blockSize - off%blockSize
	}
	return f, false, nil
}

// findIn searches in b, which starts at off and is part of one block. Nearly
// all offsets are ruled out by bytes that cost little to look at.
func (s *scanner) findIn(b []byte, off int64, want search) (f fragment, ok bool) {
	for i := 0; i+fragmentSize <= len(b); i++ {
		if k := kind(b[i+6]); !k.valid() || b[i+7]&^flagSealed != 0 || want.start && !k.startsUnit() {
			continue
		}
		watermark := binary.LittleEndian.Uint64(b[i+8:])
		if watermark > uint64(off)+uint64(i) || int64(watermark) <= want.above {
			continue
		}
		f = fragment{off: off + int64(i)}
		if s.parse(b[i:], &f) == "" {
			return f, true
		}
	}
	return f, false
}

// contentEnd returns the offset after the last byte that is not zero at or
// after off, or off.
func (s *scanner) contentEnd(off int64) (int64, error) {
	end := off
	for off < s.size {
		b, err := s.block(off)
		if err != nil {
			return end, err
		}
		if len(b) == 0 {
			break
		}
		if !allZero(b) {
			n := len(b)
			for b[n-1] == 0 {
				n--
			}
			end = off + int64(n)
		}
		off += blockSize - off%blockSize
	}
	return end, nil
}
