package journal

import "encoding/binary"

// framer lays units into fragments, in a buffer that goes to the file with one
// write. It is not for concurrent use.
type framer struct {
	check     checker
	number    uint64 // of the segment
	start     int64  // file offset of buf
	watermark int64
	buf       []byte
}

// begin empties the buffer; what follows will be written at off.
func (f *framer) begin(number uint64, off, watermark int64) {
	f.number, f.start, f.watermark = number, off, watermark
	f.buf = f.buf[:0]
}

// end returns the file offset after what is in the buffer.
func (f *framer) end() int64 { return f.start + int64(len(f.buf)) }

// group adds a group.
func (f *framer) group(payload []byte, flags byte) {
	if len(payload) <= f.room() {
		f.fragment(kindWhole, flags, payload)
		return
	}
	for k := kindFirst; ; k = kindMiddle {
		n := f.room()
		if len(payload) <= n {
			f.fragment(kindLast, flags, payload)
			return
		}
		f.fragment(k, flags, payload[:n])
		payload = payload[n:]
	}
}

// mark adds an end mark, after padding if it does not fit in the block.
func (f *framer) mark(k kind) {
	if n := f.room(); n < markSize {
		f.fragment(kindPad, 0, make([]byte, n))
	}
	var length [markSize]byte
	binary.LittleEndian.PutUint64(length[:], uint64(f.end()+fragmentSize+markSize))
	f.fragment(k, 0, length[:])
}

// pad adds padding up to a multiple of sector.
func (f *framer) pad(sector int) {
	gap := int(padEnd(f.end(), sector) - f.end())
	switch {
	case gap == 0:
	case fragmentAt(f.end()) != f.end(): // the block ends there
		f.room()
	default:
		f.fragment(kindPad, 0, make([]byte, gap-fragmentSize))
	}
}

// room fills what is left of the block if no fragment fits there, and returns
// how long a payload may be after that.
func (f *framer) room() int {
	off := f.end()
	for range fragmentAt(off) - off {
		f.buf = append(f.buf, 0)
	}
	return int(blockSize-f.end()%blockSize) - fragmentSize
}

func (f *framer) fragment(k kind, flags byte, payload []byte) {
	at := len(f.buf)
	off := f.end()
	f.buf = append(f.buf, 0, 0, 0, 0)
	f.buf = binary.LittleEndian.AppendUint16(f.buf, uint16(len(payload)))
	f.buf = append(f.buf, byte(k), flags)
	f.buf = binary.LittleEndian.AppendUint64(f.buf, uint64(f.watermark))
	f.buf = append(f.buf, payload...)
	sum := f.check.sum(f.number, off, f.buf[at:at+fragmentSize], f.buf[at+fragmentSize:])
	binary.LittleEndian.PutUint32(f.buf[at:], sum)
}
