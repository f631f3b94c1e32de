package pco

import (
	"encoding/binary"
	"slices"
)

// bitReader reads bits, the lowest of each byte first. Bits behind the end read as
// zero; whoever reads asks over afterwards.
type bitReader struct {
	data []byte
	pos  uint // in bits
}

// peek returns the next bits, at least 57, lowest first.
func (r *bitReader) peek() uint64 {
	if at := r.pos >> 3; at+8 <= uint(len(r.data)) {
		return binary.LittleEndian.Uint64(r.data[at:]) >> (r.pos & 7)
	}
	return r.peekEnd()
}

// peekEnd is peek near the end.
func (r *bitReader) peekEnd() uint64 {
	var last [8]byte
	if at := r.pos >> 3; at < uint(len(r.data)) {
		copy(last[:], r.data[at:])
	}
	return binary.LittleEndian.Uint64(last[:]) >> (r.pos & 7)
}

// read returns the next n bits, up to 64.
func (r *bitReader) read(n int) uint64 {
	if n > 56 {
		low := r.peek() & (1<<32 - 1)
		r.pos += 32
		return low | r.read(n-32)<<32
	}
	v := r.peek() & (1<<n - 1)
	r.pos += uint(n)
	return v
}

// over reports whether more was read than there is.
func (r *bitReader) over() bool { return r.pos > uint(len(r.data))*8 }

// align goes to the next whole byte. The bits in between must be zero.
func (r *bitReader) align() error {
	if r.read(int(-r.pos&7)) != 0 {
		return malformed("bits that fill a byte are not zero")
	}
	if r.over() {
		return errShort
	}
	return nil
}

// byte returns the offset of the next byte; the reader is aligned.
func (r *bitReader) byte() int { return int(r.pos >> 3) }

// bitWriter appends bits, the lowest of each byte first.
type bitWriter struct {
	data []byte // longer than what is written
	at   int    // where the next byte goes
	acc  uint64 // bits that make no whole byte yet
	n    uint   // how many
}

// newBitWriter returns a writer that appends to dst.
func newBitWriter(dst []byte) *bitWriter { return &bitWriter{data: dst, at: len(dst)} }

// reserve makes room for so many values to be put.
func (w *bitWriter) reserve(values int) {
	if need := w.at + 8*(values+1); need > len(w.data) {
		w.data = slices.Grow(w.data[:w.at], need-w.at)
		w.data = w.data[:cap(w.data)]
	}
}

// put writes the lowest n bits of v, up to 56; the others must be zero, and there
// must be room.
func (w *bitWriter) put(v uint64, n uint8) {
	w.acc |= v << (w.n & 7)
	binary.LittleEndian.PutUint64(w.data[w.at:], w.acc)
	w.n += uint(n)
	w.at += int(w.n >> 3)
	w.acc >>= w.n & 0x38
	w.n &= 7
}

// write writes the lowest n bits of v, up to 64; the others must be zero.
func (w *bitWriter) write(v uint64, n int) {
	w.reserve(2)
	if n > 56 {
		w.put(v&(1<<32-1), 32)
		v >>= 32
		n -= 32
	}
	w.put(v, uint8(n))
}

// align fills the last byte with zeros.
func (w *bitWriter) align() {
	w.reserve(1)
	w.put(0, uint8(-w.n&7))
}

// bytes returns what was written; the writer is aligned.
func (w *bitWriter) bytes() []byte { return w.data[:w.at] }
