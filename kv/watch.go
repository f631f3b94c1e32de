package kv

import (
	"context"
	"errors"
)

// Watcher is a store that tells its changes, in order, as they become durable.
type Watcher interface {
	// Watch returns a feed of what changes keys of the spans, or all keys if there
	// are none, after a state: that of a snapshot, or the one up to which another
	// feed has told, which may be from before the store was closed. 0 is the newest
	// state.
	//
	// A feed holds up no writer: how far back it can begin, or fall behind, is
	// bounded by what the engine's options keep of the log. Beyond that the error,
	// here or of Next, is ErrCompacted. Numbers are those of one store: a copy of
	// it, as by a checkpoint, goes its own way.
	//
	// Writes to keyspaces without log are not told. A feed that comes to an import
	// ends with ErrCompacted.
	Watch(after Seq, spans ...Span) (Feed, error)
}

// ErrCompacted says that changes that were asked for are no longer kept. Read a
// snapshot instead, and watch from its number on.
var ErrCompacted = errors.New("the changes are no longer kept")

// Feed tells the changes of its spans. Its methods are for one goroutine at a time;
// Close may be called by any. It must be closed; one that is forgotten is
// reported.
type Feed interface {
	// Next waits for the next batch that has changed keys of the spans, and is
	// durable and visible, and returns what it did. After an error other than
	// that of ctx it returns the same again: ErrCompacted, ErrClosed when feed or
	// store are closed, a *CorruptionError of the log, or that of its disk.
	Next(ctx context.Context) (Change, error)
	// Poll is Next without waiting: ok is false if there is no change now.
	Poll() (c Change, ok bool, err error)
	// Seq is the state up to which all changes of the spans have been told. A feed
	// after it goes on where this one is. It also moves with batches that do not
	// touch the spans, while Next waits.
	Seq() Seq
	// Close ends the feed. It is idempotent.
	Close() error
}

// Change is what one batch did in the spans of a feed.
type Change struct {
	// Seq is the number of the batch.
	Seq Seq
	// Ops are its operations in order, ranges cut to the spans. They belong to
	// the receiver.
	Ops []Op
}

// Within returns the part of the operation that concerns keys of s, and whether
// there is one.
func (o Op) Within(s Span) (Op, bool) {
	if o.Kind != OpDeleteRange {
		return o, s.Contains(o.Key)
	}
	if string(o.Key) < string(s.Start) {
		o.Key = s.Start
	}
	if s.End != nil && (len(o.Value) == 0 || string(s.End) < string(o.Value)) {
		o.Value = s.End
	}
	return o, len(o.Value) == 0 || string(o.Key) < string(o.Value)
}
