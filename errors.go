package varve

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// Errors, to be matched with errors.Is. Those of package kv mean the same here.
var (
	ErrClosed         = kv.ErrClosed         // the database, transaction or snapshot is over
	ErrReadOnly       = kv.ErrReadOnly       // no writes here
	ErrConflict       = kv.ErrConflict       // another transaction got ahead
	ErrTooOld         = kv.ErrTooOld         // the transaction ran for too long
	ErrTooLarge       = kv.ErrTooLarge       // a key or value beyond the limits
	ErrLocked         = kv.ErrLocked         // another handle has the database open
	ErrNoSpace        = kv.ErrNoSpace        // the disk is full; nothing was changed
	ErrUnknownOutcome = kv.ErrUnknownOutcome // the disk failed while a write was made durable
	ErrForeign        = kv.ErrForeign        // the directory holds something else
	ErrNewerFormat    = kv.ErrNewerFormat    // written by a newer version
	ErrNotExist       = kv.ErrNotExist       // there is no such database
	ErrExist          = kv.ErrExist          // there is such a database

	// ErrNoCollection says that the catalog has no collection of that name or id.
	ErrNoCollection = errors.New("no such collection")
	// ErrCollectionExists says that the name is taken.
	ErrCollectionExists = errors.New("collection exists")
	// ErrDropped says that the collection of a handle was dropped.
	ErrDropped = errors.New("collection was dropped")
	// ErrName says that a name cannot be one of a collection.
	ErrName = errors.New("bad collection name")
	// ErrOutOfRange says that a list has no such index.
	ErrOutOfRange = errors.New("index out of range")
	// ErrWrongType says that a collection was made as something else; the
	// error is a *TypeError.
	ErrWrongType = errors.New("wrong collection type")
)

// CorruptionError says which file is damaged, where, and how.
type CorruptionError = kv.CorruptionError

// LockedError says who has the database open.
type LockedError = kv.LockedError

// TypeError says what a collection is and as what it was to be opened;
// errors.Is(err, ErrWrongType) holds.
type TypeError struct {
	Name           string
	Stored, Wanted Type
	cause          error // what exactly does not fit
}

// Type is what the catalog knows of the type of a collection.
type Type struct {
	Kind       Kind
	Key, Value codec.Shape // empty where the kind has none
}

// String writes the type as ordered[string → int].
func (t Type) String() string {
	switch {
	case t.Key == "":
		return fmt.Sprintf("%s[%s]", t.Kind, t.Value)
	case t.Value == "":
		return fmt.Sprintf("%s[%s]", t.Kind, t.Key)
	}
	return fmt.Sprintf("%s[%s → %s]", t.Kind, t.Key, t.Value)
}

// Error names both types and what does not fit.
func (e *TypeError) Error() string {
	msg := fmt.Sprintf("collection %q is %s and cannot be opened as %s", e.Name, e.Stored, e.Wanted)
	if e.cause != nil {
		msg += ": " + e.cause.Error()
	}
	return msg
}

// Is reports whether target is ErrWrongType.
func (e *TypeError) Is(target error) bool { return target == ErrWrongType }

// Unwrap returns what exactly does not fit.
func (e *TypeError) Unwrap() error { return e.cause }
