package logstore

import (
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/internal/segfile"
)

// buffer is a range of a segment that is gathered in memory. Its word holds the
// bytes reserved (32 bits), the reservations that are not completed (31 bits) and
// whether it is sealed (1 bit); once sealed the bytes do not grow. What was
// reserved and completed does not change.
type buffer struct {
	word    atomic.Uint64
	segment uint32
	start   int64 // offset in the segment
	data    []byte
	next    atomic.Pointer[buffer] // set after it was sealed
}

const (
	oneWriter = 1 << 32
	sealedBit = 1 << 63
)

func reserved(word uint64) int64 { return int64(uint32(word)) }
func writers(word uint64) uint64 { return word &^ sealedBit >> 32 }

// begin is the address of the first record.
func (b *buffer) begin() Addr { return addrOf(b.segment, b.start) }

// take reserves n bytes. It reports false if the buffer is sealed, which it also
// is when there is no room.
func (b *buffer) take(n int64) (at int64, ok bool) {
	for {
		word := b.word.Load()
		if word&sealedBit != 0 {
			return 0, false
		}
		at = reserved(word)
		step.At("reserve")
		if at+n > int64(len(b.data)) {
			b.seal()
			return 0, false
		}
		if b.word.CompareAndSwap(word, word+uint64(n)+oneWriter) {
			return at, true
		}
	}
}

// seal lets nobody reserve any more.
func (b *buffer) seal() {
	for {
		word := b.word.Load()
		step.At("seal")
		if word&sealedBit != 0 || b.word.CompareAndSwap(word, word|sealedBit) {
			return
		}
	}
}

// follow returns the buffer after b, which is sealed, and makes it if need be:
// with room for n bytes, if somebody has not made another meanwhile.
func (s *Store) follow(b *buffer, n int64) *buffer {
	if next := b.next.Load(); next != nil {
		return next
	}
	used := reserved(b.word.Load())
	next := &buffer{segment: b.segment, start: b.start + used}
	if next.start+n+endSize > s.opt.SegmentSize && next.start > headerSize {
		next.segment, next.start = b.segment+1, headerSize
	}
	room := max(n, min(int64(s.opt.BufferSize), s.opt.SegmentSize-next.start-endSize))
	if rest := b.data[used:]; next.segment == b.segment && int64(len(rest)) >= max(n, recordHeader) {
		next.data = rest // what is left of its memory
	} else {
		next.data = make([]byte, room)
	}
	step.At("install")
	b.next.CompareAndSwap(nil, next)
	return b.next.Load()
}

// advance makes the buffer after b the current one.
func (s *Store) advance(b *buffer, n int64) {
	next := s.follow(b, n)
	step.At("advance")
	s.current.CompareAndSwap(b, next)
}

// Reservation is room for a record. It must be ended with Complete or Abort, by
// one goroutine; what was reserved after it is not stable before.
type Reservation struct {
	store *Store
	buf   *buffer
	at    int64 // of the record in the buffer
	size  uint32
}

// Reserve reserves room for a record of size bytes. It does not wait. The error
// is vfs.ErrClosed, vfs.ErrReadOnly, ErrTooLarge or ErrUnknownOutcome.
func (s *Store) Reserve(size int) (Reservation, error) {
	if size < 0 || size > MaxRecord {
		return Reservation{}, ErrTooLarge
	}
	if err := s.refuse(); err != nil {
		return Reservation{}, err
	}
	n := storedSize(int64(size))
	for {
		b := s.current.Load()
		if at, ok := b.take(n); ok {
			return Reservation{s, b, at, uint32(size)}, nil
		}
		s.advance(b, n)
		s.kickIfComplete(b)
	}
}

// Bytes returns the room to fill: zeros, of the size that was reserved.
func (r Reservation) Bytes() []byte {
	at := r.at + recordHeader
	return r.buf.data[at : at+int64(r.size) : at+int64(r.size)]
}

// Ref returns which record it will be, without its sum.
func (r Reservation) Ref() Ref {
	return Ref{Addr: addrOf(r.buf.segment, r.buf.start+r.at), Size: r.size}
}

// Complete ends the reservation: the record is what Bytes holds. It can be read
// at once; it is not stable yet.
func (r Reservation) Complete() Ref {
	ref := r.Ref()
	ref.Sum = checksum(r.Bytes())
	r.finish(kindRecord, ref.Sum)
	r.store.records.Add(1)
	return ref
}

// Abort ends the reservation without a record: reading it finds nothing.
func (r Reservation) Abort() {
	clear(r.Bytes())
	r.finish(kindAborted, checksum(r.Bytes()))
}

func (r Reservation) finish(k kind, sum uint32) {
	off := r.buf.start + r.at
	h := head{payloadSum: sum, length: r.size, kind: k, watermark: r.store.watermark(r.buf.segment)}
	check := r.store.checks.Get().(*segfile.Checker)
	h.put(r.buf.data[r.at:], r.buf.segment, off, check)
	r.store.checks.Put(check)
	step.At("complete")
	r.buf.word.Add(^uint64(oneWriter - 1))
	r.store.kickIfComplete(r.buf)
}

// kickIfComplete lets the flusher run if the buffer can be written.
func (s *Store) kickIfComplete(b *buffer) {
	if word := b.word.Load(); word&sealedBit != 0 && writers(word) == 0 {
		s.kick()
	}
}

// watermark returns below which offset of a segment all is durable.
func (s *Store) watermark(segment uint32) uint64 {
	stable := Addr(s.stable.Load())
	if stable.Segment() != segment || stable.Offset() <= headerSize {
		return 0 // stable may be where a segment will begin
	}
	return uint64(stable.Offset())
}
