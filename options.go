package varve

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/lsm"
	"github.com/varvedb/varve/vfs"
)

// Durability says what a write survives when it has returned.
type Durability = kv.Durability

// The durabilities.
const (
	Sync     = kv.Sync     // power loss; the default
	Buffered = kv.Buffered // the end of the process
	Process  = kv.Process  // nothing
)

// Options are the settings of a database. The zero value, and nil, are right for
// most programs.
type Options struct {
	// Engine keeps the data; by default the one that made the database, LSM for a
	// new one, and Reference for one in memory.
	Engine Engine
	// FS holds the directory; by default the system's files.
	FS vfs.FS
	// Executor runs background work; by default goroutines.
	Executor vfs.Executor
	// Logger is told of recoveries, failures and forgotten handles; by default
	// nobody is.
	Logger *slog.Logger
	// Mergers are merge operators beside those of package kv.
	Mergers []kv.Merger

	// Memory is how much live heap the engine may take, where it does not hold all
	// content in memory, in bytes, together with the cache of nodes of versioned
	// maps, a quarter of it. Default 64 MiB, or what the engine was given.
	Memory int64
	// Durability of writes that do not say; Sync by default.
	Durability Durability
	// SyncInterval, if set, syncs weaker writes that often.
	SyncInterval time.Duration

	// ReadOnly opens what is there and changes nothing.
	ReadOnly bool
	// MustExist refuses to make a new database.
	MustExist bool
	// MustBeNew refuses to open an existing database.
	MustBeNew bool
	// LockTimeout is how long to wait for another handle to close the
	// database; by default not at all.
	LockTimeout time.Duration
}

// Engine opens the store in which a database keeps its data.
type Engine interface {
	// Name is how users call the engine.
	Name() string
	// Open opens the store in dir, or a temporary one if dir is empty.
	Open(ctx context.Context, dir string, opt *Options, m kv.Mergers) (kv.Store, error)
}

// engineOf returns the engine for a directory: the one whose files are there.
func engineOf(fsys vfs.FS, path string) Engine {
	if path == "" {
		return Reference(nil)
	}
	// An error is met again when the engine is opened.
	names, _ := fsys.List(filepath.ToSlash(path))
	switch {
	case ref.Owns(names):
		return Reference(nil)
	case bwtree.Owns(names):
		return BTree(nil)
	}
	return LSM(nil)
}

// LSM returns the log-structured merge engine, for data of any size, with its own
// settings; nil is for its defaults. What Options has too is taken from there.
// Package lsm has presets.
func LSM(settings *lsm.Options) Engine {
	if settings == nil {
		return &lsmEngine{}
	}
	return &lsmEngine{*settings}
}

type lsmEngine struct{ opt lsm.Options }

func (*lsmEngine) Name() string { return "lsm" }

func (e *lsmEngine) Open(ctx context.Context, dir string, opt *Options, m kv.Mergers) (kv.Store, error) {
	o := e.opt
	o.Dir, o.FS, o.Executor, o.Logger, o.Mergers = dir, opt.FS, opt.Executor, opt.Logger, m
	o.ReadOnly, o.MustExist, o.MustBeNew = opt.ReadOnly, opt.MustExist, opt.MustBeNew
	o.LockTimeout, o.SyncInterval = opt.LockTimeout, opt.SyncInterval
	if opt.Memory != 0 {
		o.Memory = opt.Memory
	}
	s, err := lsm.Open(ctx, &o)
	if err != nil {
		return nil, err // not s: a nil *lsm.Store is a Store that is not nil
	}
	return s, nil
}

func (e *lsmEngine) repair(ctx context.Context, from, to string, opt *Options, m kv.Mergers) (*kv.Repaired, error) {
	o := e.opt
	o.Dir, o.FS, o.Executor, o.Logger, o.Mergers, o.LockTimeout = to, opt.FS, opt.Executor, opt.Logger, m, opt.LockTimeout
	return lsm.Repair(ctx, from, &o)
}

// BTree returns the lock-free B+ tree engine, for data that is read more than it is
// written, and for writers that must not wait for each other. Settings are as those
// of LSM. See package bwtree.
func BTree(settings *bwtree.Options) Engine {
	if settings == nil {
		return &btreeEngine{}
	}
	return &btreeEngine{*settings}
}

type btreeEngine struct{ opt bwtree.Options }

func (*btreeEngine) Name() string { return "bwtree" }

func (e *btreeEngine) Open(ctx context.Context, dir string, opt *Options, m kv.Mergers) (kv.Store, error) {
	o := e.opt
	o.Dir, o.FS, o.Executor, o.Logger, o.Mergers = dir, opt.FS, opt.Executor, opt.Logger, m
	o.ReadOnly, o.MustExist, o.MustBeNew = opt.ReadOnly, opt.MustExist, opt.MustBeNew
	o.LockTimeout, o.SyncInterval = opt.LockTimeout, opt.SyncInterval
	if opt.Memory != 0 {
		o.CacheBytes = opt.Memory / 2 // the rest is for leaves that were changed
	}
	s, err := bwtree.Open(ctx, &o)
	if err != nil {
		return nil, err // not s: a nil *bwtree.Store is a Store that is not nil
	}
	return s, nil
}

// Reference returns the reference engine: the content lives in memory, a log
// and snapshot files keep it on disk. Settings are as those of LSM. See package
// kv/ref.
func Reference(settings *ref.Options) Engine {
	if settings == nil {
		return &reference{}
	}
	return &reference{*settings}
}

type reference struct{ opt ref.Options }

func (*reference) Name() string { return "ref" }

func (e *reference) Open(ctx context.Context, dir string, opt *Options, m kv.Mergers) (kv.Store, error) {
	o := e.opt
	o.Dir, o.FS, o.Executor, o.Logger, o.Mergers = dir, opt.FS, opt.Executor, opt.Logger, m
	o.ReadOnly, o.MustExist, o.MustBeNew = opt.ReadOnly, opt.MustExist, opt.MustBeNew
	o.LockTimeout, o.SyncInterval = opt.LockTimeout, opt.SyncInterval
	s, err := ref.Open(ctx, &o)
	if err != nil {
		return nil, err // not s: a nil *ref.Store is a Store that is not nil
	}
	return s, nil
}

func (e *reference) repair(ctx context.Context, from, to string, opt *Options, m kv.Mergers) (*kv.Repaired, error) {
	o := e.opt
	o.Dir, o.FS, o.Executor, o.Logger, o.Mergers, o.LockTimeout = to, opt.FS, opt.Executor, opt.Logger, m, opt.LockTimeout
	return ref.Repair(ctx, from, &o)
}

// filled returns the options with the defaults in place.
func (o *Options) filled() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Executor == nil {
		c.Executor = vfs.Go()
	}
	if c.FS == nil {
		c.FS = vfs.System()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
