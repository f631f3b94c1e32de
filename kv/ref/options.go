package ref

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Options are the settings of a store. The zero value, and nil, are right for a
// temporary store in memory; a persistent one needs Dir.
type Options struct {
	// Dir is the directory of the store. Empty is a store in memory, without
	// log or files, gone when it is closed.
	Dir string
	// FS holds Dir; by default the system's files.
	FS vfs.FS
	// Executor runs the background work; by default goroutines.
	Executor vfs.Executor
	// Logger is told of recoveries, failures and forgotten handles; by default
	// nobody is.
	Logger *slog.Logger
	// Mergers are the merge operators; by default those of package kv alone.
	Mergers kv.Mergers

	// ReadOnly opens what is there and changes nothing. Several readers may
	// have a store open, and one writer beside them: the readers then see the
	// state at opening until they call Refresh.
	ReadOnly bool
	// MustExist refuses to make a new store.
	MustExist bool
	// MustBeNew refuses to open an existing store.
	MustBeNew bool
	// LockTimeout is how long to wait for another process to close the store;
	// by default not at all.
	LockTimeout time.Duration

	// SnapshotLogBytes is how long the log may grow before the content is
	// written to a new snapshot file and the log starts afresh; it is at least
	// the size of the last snapshot. Default 16 MiB.
	SnapshotLogBytes int64
	// SegmentBytes is the size of one file of the log. Default 4 MiB.
	SegmentBytes int64
	// LogRetention is how many bytes of the log are kept, beyond what opening
	// needs, for feeds to read; in memory at most 1 MiB. Default 8 MiB; less than
	// 0 is none.
	LogRetention int64
	// SpillBytes is the size above which a batch goes to the log in pieces
	// that a last record makes valid, so that it does not hold up the others.
	// Default 1 MiB.
	SpillBytes int
	// HistoryBytes bounds what is remembered to validate transactions; older
	// ones fail with ErrTooOld. Default 4 MiB.
	HistoryBytes int
	// SyncInterval, if set, syncs Buffered and Process writes that often.
	SyncInterval time.Duration
}

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	switch {
	case o.MustExist && o.MustBeNew:
		return errors.New("ref: MustExist and MustBeNew exclude each other")
	case o.ReadOnly && o.MustBeNew:
		return errors.New("ref: a new store cannot be read-only")
	case o.ReadOnly && o.Dir == "":
		return errors.New("ref: a store in memory cannot be read-only")
	case o.SnapshotLogBytes < 0 || o.SegmentBytes < 0 || o.SpillBytes < 0 || o.HistoryBytes < 0:
		return fmt.Errorf("ref: a size is negative: %+v", *o)
	case o.LockTimeout < 0 || o.SyncInterval < 0:
		return errors.New("ref: a duration is negative")
	}
	return nil
}

// filled returns the options with the defaults in place.
func (o *Options) filled() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if err := c.Validate(); err != nil {
		return c, err
	}
	setDefault(&c.FS, vfs.System)
	setDefault(&c.Executor, vfs.Go)
	setDefault(&c.Logger, func() *slog.Logger { return slog.New(slog.DiscardHandler) })
	setDefault(&c.SnapshotLogBytes, func() int64 { return 16 << 20 })
	setDefault(&c.SegmentBytes, func() int64 { return 4 << 20 })
	setDefault(&c.LogRetention, func() int64 { return 8 << 20 })
	setDefault(&c.SpillBytes, func() int { return 1 << 20 })
	return c, nil
}

func setDefault[T comparable](field *T, value func() T) {
	var zero T
	if *field == zero {
		*field = value()
	}
}
