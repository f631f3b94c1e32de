// Package logstore is a log of records that are found again by where they are: a
// lock-free, log-structured store. A caller reserves room, fills it, and completes
// or aborts the reservation; the log writes what is complete, in the order of the
// reservations.
//
//	r, err := s.Reserve(len(data))
//	copy(r.Bytes(), data)
//	ref := r.Complete()
//	err = s.MakeStable(ref.Addr) // now it survives a power cut
//	data, outcome, err := s.Read(ref, nil)
//
// # How it works
//
// Room is reserved by compare-and-swap on the word of a buffer, which holds the
// bytes reserved, the number of reservations that are not completed yet, and
// whether the buffer is sealed. Whoever finds no room seals the buffer and
// installs the next. Nobody waits for anybody in Reserve, Complete, Abort and
// Read. A task of the executor, the flusher, writes buffers that are sealed and
// complete, and syncs them; it runs when there is something to do. MakeStable
// waits for it. A reservation that is neither completed nor aborted holds back
// what was reserved after it from becoming stable, and nothing else.
//
// models/log.go and models/log.pml are the protocol, checked exhaustively.
//
// # What is guaranteed
//
//   - A record for which MakeStable returned nil is read after a power cut.
//   - Records become stable in the order of their addresses.
//   - Damage to bytes that a later record or a later segment proves to have been
//     durable is a *vfs.CorruptionError; what follows the last provably durable
//     byte of a log that was not closed may be a torn tail. The rules are those of
//     package journal; format.go has the bytes.
//   - A full disk loses nothing: MakeStable returns vfs.ErrNoSpace, and when it is
//     called again it tries again. After another error of a write or a sync nobody
//     knows what is on disk: the store takes no more.
package logstore

import "errors"

// Sentinel errors. They are matched with errors.Is.
var (
	// ErrUnknownOutcome says that a write or a sync failed, so that records not
	// yet stable may or may not be read later. The store takes no more.
	ErrUnknownOutcome = errors.New("logstore: outcome unknown")
	// ErrNewerFormat says that a segment was written by a newer version.
	ErrNewerFormat = errors.New("logstore: newer format")
	// ErrTooLarge says that a record is longer than MaxRecord.
	ErrTooLarge = errors.New("logstore: record too large")
)

// MaxRecord is the longest record, in bytes.
const MaxRecord = 1 << 30

// Addr is where a record begins: the number of its segment in the upper 32 bits,
// the offset in the file of that in the lower. Addresses rise in the order of
// reservations. The zero Addr is that of no record.
type Addr uint64

func addrOf(segment uint32, offset int64) Addr { return Addr(segment)<<32 | Addr(uint32(offset)) }

// Segment returns the number of the segment.
func (a Addr) Segment() uint32 { return uint32(a >> 32) }

// Offset returns the offset in the file of the segment.
func (a Addr) Offset() int64 { return int64(uint32(a)) }

// Ref is a record: where it is, how many bytes it has, and their CRC-32C, so that
// an older record at the same place, of a file that was restored, is not taken for
// it. A Sum of 0 is not compared. The zero Ref is none.
type Ref struct {
	Addr Addr
	Size uint32
	Sum  uint32
}

// Stored returns how many bytes the record takes in its segment.
func (r Ref) Stored() int64 { return storedSize(int64(r.Size)) }

// Outcome tells what Read found.
type Outcome int

const (
	// Unknown: the disk failed.
	Unknown Outcome = iota
	// OK: the record is there and its checksums match.
	OK
	// Zeroed: nothing is there: the reservation was aborted, or never written.
	Zeroed
	// Corrupt: something else is there.
	Corrupt
)

// String returns the name of the outcome.
func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case Zeroed:
		return "zeroed"
	case Corrupt:
		return "corrupt"
	}
	return "unknown"
}
