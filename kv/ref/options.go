package ref

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/varvedb/varve/internal/place"
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
	if err := o.place().Validate(); err != nil {
		return err
	}
	if o.SnapshotLogBytes < 0 || o.SegmentBytes < 0 || o.SpillBytes < 0 || o.HistoryBytes < 0 {
		return fmt.Errorf("ref: a size is negative: %+v", *o)
	}
	return nil
}

// place is where the store is.
func (o *Options) place() *place.Place {
	return &place.Place{
		Engine: "ref", Dir: o.Dir, FS: o.FS, Executor: o.Executor,
		ReadOnly: o.ReadOnly, MustExist: o.MustExist, MustBeNew: o.MustBeNew,
		LockTimeout: o.LockTimeout, SyncInterval: o.SyncInterval,
	}
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
	c.FS = cmp.Or(c.FS, vfs.System())
	c.Executor = cmp.Or(c.Executor, vfs.Go())
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.SnapshotLogBytes = cmp.Or(c.SnapshotLogBytes, 16<<20)
	c.SegmentBytes = cmp.Or(c.SegmentBytes, 4<<20)
	c.LogRetention = cmp.Or(c.LogRetention, 8<<20)
	c.SpillBytes = cmp.Or(c.SpillBytes, 1<<20)
	return c, nil
}
