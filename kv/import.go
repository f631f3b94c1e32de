package kv

import "context"

// Importer is a store that takes sorted data in bulk, past its log.
type Importer interface {
	// Import puts all entries as one unconditional batch would, of which there may
	// be any number: they become visible at once, over what was applied before, and
	// are durable when it returns. next returns them in strictly rising order of
	// keys, valid until its next call, and io.EOF after the last. It is called
	// while others write; these wait only while the data, which is on disk by
	// then, gets its place.
	//
	// Of feeds, those that are behind end with ErrCompacted. Conditions and
	// transactions see a write over all keys from the first to the last.
	//
	// Errors are those of next and of Store.Apply; ErrUnknownOutcome apart,
	// nothing was changed.
	Import(ctx context.Context, next func() (key, val []byte, err error)) (Seq, error)
}
