package bwtree

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Options are the settings of a store. The zero value, and nil, are right for a
// temporary store in memory; a persistent one needs Dir.
type Options struct {
	// Dir is the directory of the store. Empty is a store in memory, gone when it
	// is closed.
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

	// ReadOnly opens what is there and changes nothing. Several readers may have a
	// store open, and one writer beside them: the readers then see the state at
	// opening until they call Refresh.
	ReadOnly bool
	// MustExist refuses to make a new store.
	MustExist bool
	// MustBeNew refuses to open an existing store.
	MustBeNew bool
	// LockTimeout is how long to wait for another process to close the store; by
	// default not at all.
	LockTimeout time.Duration
	// SyncInterval, if set, syncs Buffered and Process writes that often.
	SyncInterval time.Duration

	// Fanout is how many keys a leaf and how many children an inner node has at
	// most. Default 128, at least 2.
	Fanout int
	// Deltas is how many changes a leaf takes before it is made anew. Default 16,
	// at least 1, at most 1024.
	Deltas int
	// LeafBytes is how large a leaf grows before it is split. Default 16 KiB.
	LeafBytes int
	// CacheBytes is how much memory leaves take, at most, beside those that were
	// changed since the last checkpoint. Default 32 MiB; less than 0 keeps none.
	CacheBytes int64
	// RedoBytes is how long the log may grow before a checkpoint is made, and so
	// how much opening has to read. Default 32 MiB.
	RedoBytes int64
	// LogRetention is how many bytes of the log are kept, beyond what opening
	// needs, for feeds to read. Default 8 MiB; less than 0 is none.
	LogRetention int64
	// LogSegmentBytes is the size of one file of the log. Default 4 MiB.
	LogSegmentBytes int64
	// PageSegmentBytes is the size of one file of pages. Default 16 MiB.
	PageSegmentBytes int64
}

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	if err := o.place().Validate(); err != nil {
		return err
	}
	switch {
	case o.Fanout < 0 || o.Fanout == 1 || o.Deltas < 0 || o.Deltas > 1024:
		return fmt.Errorf("bwtree: Fanout is %d and Deltas %d: at least 2, and 1 to 1024", o.Fanout, o.Deltas)
	case o.LeafBytes < 0 || o.RedoBytes < 0 || o.LogSegmentBytes < 0 || o.PageSegmentBytes < 0:
		return errors.New("bwtree: a size is negative")
	}
	return nil
}

// place is where the store is.
func (o *Options) place() *place.Place {
	return &place.Place{
		Engine: "bwtree", Dir: o.Dir, FS: o.FS, Executor: o.Executor,
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
	if c.Dir == "" {
		c.FS = vfs.NewMem()
	}
	c.FS = cmp.Or(c.FS, vfs.System())
	c.Executor = cmp.Or(c.Executor, vfs.Go())
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.Fanout = cmp.Or(c.Fanout, 128)
	c.Deltas = cmp.Or(c.Deltas, 16)
	c.LeafBytes = cmp.Or(c.LeafBytes, 16<<10)
	c.CacheBytes = cmp.Or(c.CacheBytes, 32<<20)
	c.RedoBytes = cmp.Or(c.RedoBytes, 32<<20)
	c.LogRetention = cmp.Or(c.LogRetention, 8<<20)
	c.LogSegmentBytes = cmp.Or(c.LogSegmentBytes, 4<<20)
	c.PageSegmentBytes = cmp.Or(c.PageSegmentBytes, 16<<20)
	return c, nil
}

func (o *Options) journal() journal.Options {
	return journal.Options{FS: o.FS, Executor: o.Executor, Dir: o.Dir, SegmentSize: o.LogSegmentBytes, Retain: max(0, o.LogRetention)}
}

func (o *Options) pages() logstore.Options {
	dir := o.Dir
	if dir == "" {
		dir = "."
	}
	return logstore.Options{FS: o.FS, Executor: o.Executor, Dir: dir, SegmentSize: o.PageSegmentBytes, ReadOnly: o.ReadOnly}
}
