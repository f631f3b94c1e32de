// Package journal is a checksummed record log in segments: the write-ahead log,
// manifest, redo log and change log of Varve's engines.
//
// A [Writer] takes records, puts those that arrive together into one atomic
// group, and writes and syncs groups for all who wait. [Read] visits the records
// of a log from its first segment to its end and tells where that is; [Create]
// continues a log after the end that Read found, always in a new segment.
// [Salvage] reads what is left of a damaged log, a [Follower] what becomes durable
// while the log is written.
//
// # What is guaranteed
//
//   - A record whose Wait with [Synced] returned nil is read after a power cut,
//     in the order of Append, unless the disk damages it afterwards.
//   - A group is read as a whole or not at all. A record whose Wait returned an
//     error that is vfs.ErrNoSpace is never read; one that returned
//     [ErrUnknownOutcome] may be.
//   - Damage to bytes that a later group, a later segment or a stored [End]
//     proves to have been durable is a *vfs.CorruptionError that names file and
//     offset. What follows the last provably durable byte of a log that was not
//     closed may be a torn tail: then the log ends before it, and [Tail] says so.
//   - Reading takes no more memory than a window of 128 KiB and the largest
//     group that is really in the file.
//
// The bytes on disk are described in format.go.
//
// # Locks
//
// An engine's commit lock is taken before those of a Writer. In a Writer,
// Writer.dirMu is taken before Writer.mu. No file operation happens under
// Writer.mu. A Writer starts no goroutine: the tasks that wait do its work.
package journal

import "errors"

// Sentinel errors. They are matched with errors.Is.
var (
	// ErrUnknownOutcome says that a write or a sync failed, so that records not
	// yet synced may or may not be read later. The writer takes no more.
	ErrUnknownOutcome = errors.New("journal: outcome unknown")
	// ErrNewerFormat says that a segment was written by a newer version.
	ErrNewerFormat = errors.New("journal: newer format")
	// ErrSealed says that a log has sealed groups and Options has no Sealer.
	ErrSealed = errors.New("journal: log is sealed")
	// ErrTooLarge says that a record is longer than MaxRecord.
	ErrTooLarge = errors.New("journal: record too large")
)

// MaxRecord is the longest record, in bytes.
const MaxRecord = 1 << 30

// Level is how durable a record is.
type Level int

const (
	// Process records are in a buffer of the writer: they do not survive the
	// process.
	Process Level = iota
	// Buffered records are handed to the system: they survive the process.
	Buffered
	// Synced records are on stable storage: they survive a power cut.
	Synced
)

// String returns the name of the level.
func (l Level) String() string {
	switch l {
	case Process:
		return "process"
	case Buffered:
		return "buffered"
	case Synced:
		return "synced"
	}
	return "unknown"
}
