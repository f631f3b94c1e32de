package kv

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/vfs"
)

// Errors of all engines, matched with errors.Is.
var (
	// ErrClosed says that the store, snapshot or iterator is closed.
	ErrClosed = vfs.ErrClosed
	// ErrReadOnly says that the store was opened read-only, or has become so
	// because its disk failed.
	ErrReadOnly = vfs.ErrReadOnly
	// ErrLocked says that another handle has the database open; the error
	// names it.
	ErrLocked = vfs.ErrLocked
	// ErrNoSpace says that the disk is full. Nothing was changed; the write can
	// be tried again when there is room.
	ErrNoSpace = vfs.ErrNoSpace
	// ErrConflict says that a condition of the write does not hold. A
	// transaction can be tried again; Update does so.
	ErrConflict = errors.New("conflict")
	// ErrTooOld says that the state to which a write refers is older than the
	// store remembers. It is an ErrConflict for the purpose of trying again.
	ErrTooOld = errors.New("transaction is too old")
	// ErrTooLarge says that a key or a value exceeds the limits.
	ErrTooLarge = errors.New("too large")
	// ErrUnknownOutcome says that the disk failed while a write was made
	// durable: it may be there after the store is opened again, or not. The
	// store takes no writes until then.
	ErrUnknownOutcome = errors.New("outcome unknown")
	// ErrBusy says that a write with NoSlowdown would have had to wait.
	ErrBusy = errors.New("busy")
	// ErrUnknownMerger says that a key was merged into with an operator that
	// the store was not given. Its operands are kept.
	ErrUnknownMerger = errors.New("unknown merge operator")
	// ErrForeign says that a directory holds files, but no database of ours.
	ErrForeign = errors.New("not a Varve database")
	// ErrNewerFormat says that the files were written by a newer version.
	ErrNewerFormat = errors.New("written by a newer version")
	// ErrNotExist says that there is no database, and none was to be made.
	ErrNotExist = errors.New("no such database")
	// ErrExist says that there is a database where a new one was to be made.
	ErrExist = errors.New("database exists")
)

// CorruptionError says which file is damaged, where, and how.
type CorruptionError = vfs.CorruptionError

// LockedError says who holds the database.
type LockedError = vfs.LockedError

// ConflictError tells which condition failed; errors.Is(err, ErrConflict) holds.
type ConflictError struct {
	// Key is the key whose condition failed, or the start of the span.
	Key []byte
	// Seq is the number of the write that got ahead, or of the newest if the
	// condition was one of Conditions.Equal. That write is visible by the time
	// an engine returns the error, so trying again sees it.
	Seq Seq
	// Expected is set if the condition was one of Conditions.Equal: Actual is
	// then what the store holds instead.
	Expected bool
	Actual   KV
}

// Error names the key.
func (e *ConflictError) Error() string {
	if e.Expected {
		return fmt.Sprintf("conflict: key %q does not have the expected value", e.Key)
	}
	return fmt.Sprintf("conflict: key %q was written meanwhile", e.Key)
}

// Is reports whether target is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Retryable reports whether err came from another transaction getting ahead, so
// that the same work, done again from its start, may succeed.
func Retryable(err error) bool {
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrTooOld)
}
