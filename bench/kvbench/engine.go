package kvbench

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

// Durability is what an unsynced write survives when it has returned.
type Durability string

// The durabilities, from the strongest.
const (
	Sync     Durability = "sync"     // power loss
	Buffered Durability = "buffered" // the end of the process: the system has it
	Process  Durability = "process"  // nothing: it may be in a buffer of the process
)

// AtLeast reports whether d promises what o promises.
func (d Durability) AtLeast(o Durability) bool {
	rank := map[Durability]int{Sync: 2, Buffered: 1, Process: 0}
	return rank[d] >= rank[o]
}

// Config is what an engine gets when it is opened. An adapter honours every
// field that its engine has a setting for.
type Config struct {
	Dir         string // exists, and is private to this database
	Cache       int64  // bytes of block cache; engines that map files have none
	WriteBuffer int64  // bytes
	BloomBits   int    // per key; 0 is no filter
	Compression string // none, snappy, lz4, zstd: the nearest that there is
	Sync        bool   // every write returns only when it is durable
	Threads     int    // goroutines that will write at the same time
	SmallCache  bool   // only reads will come, of more than the cache holds
	Workers     int    // background threads for compaction
}

// Info is what an open engine says about itself.
type Info struct {
	Version     string
	Compression string // what is in force
}

// Engine is what is measured. Get, Put, Delete, Write and NewIter are called by
// many goroutines. An engine keeps no slice after the call.
type Engine interface {
	Info() Info
	// Get appends the value to dst[:0].
	Get(key, dst []byte) (val []byte, found bool, err error)
	Put(key, val []byte) error
	Delete(key []byte) error
	// Write applies the batch atomically.
	Write(b *Batch) error
	// NewIter opens an iterator over the state of now.
	NewIter(o IterOptions) (Iterator, error)
	// Flush makes all durable and moves it out of memory.
	Flush() error
	// Compact brings the database to its best shape for reading.
	Compact() error
	Close() error
}

// RangeDeleter is an engine that deletes [lo, hi) in one operation.
type RangeDeleter interface {
	DeleteRange(lo, hi []byte) error
}

// IterOptions are bounds, which an adapter enforces, and hints.
type IterOptions struct {
	Lower, Upper []byte // [Lower, Upper); nil is no bound
	Reverse      bool   // only Last, SeekLT and Prev will be called
	Long         bool   // a long scan is coming
}

// Iterator walks in order. Key and Value are valid until the next move. A seek
// outside the bounds is moved to the nearer bound. The iterators of an engine
// may have one direction only.
type Iterator interface {
	First() bool
	Last() bool
	SeekGE(key []byte) bool
	SeekLT(key []byte) bool
	Next() bool
	Prev() bool
	Key() []byte
	Value() []byte
	Err() error
	Close() error
}

var errUnsupported = errors.New("kvbench: not supported by this engine")

// Entrant is an engine by its name.
type Entrant struct {
	Name string
	// Ours: an engine of this module, not a peer.
	Ours bool
	// CGo: a peer that is not written in Go.
	CGo bool
	// Unsynced is the durability of writes where Config.Sync is not set.
	Unsynced Durability
	// Resident: all content is in the memory of the process, whatever the size
	// of the cache. It has no place where data is larger than the cache.
	Resident bool
	// Notes tell what differs from the settings of the others.
	Notes string

	open func(Config) (Engine, error)
}

// Entrants lists the engines that are linked, ours first.
func Entrants() []Entrant {
	return append([]Entrant{
		lsmEntrant("varve-lsm", Buffered),
		refEntrant("varve-ref", Buffered),
		treeEntrant("varve-bwtree", Buffered),
		lsmEntrant("varve-lsm-process", Process),
		refEntrant("varve-ref-process", Process),
		treeEntrant("varve-bwtree-process", Process),
		{Name: "pebble", Unsynced: Process, Notes: "Get asks no filter on the last level", open: openPebble},
		{Name: "badger", Unsynced: Buffered, Notes: "no call flushes the memtable; values below 1 MiB are in the tables", open: openBadger},
		{Name: "bbolt", Unsynced: Buffered, Notes: "maps its file: no cache limit, filter, compression, write buffer", open: openBolt},
		{Name: "goleveldb", Unsynced: Buffered, Notes: "one thread compacts", open: openGoLevel},
	}, cgoEntrants()...)
}

// Find returns the entrant of that name.
func Find(name string) (Entrant, error) {
	var names []string
	for _, e := range Entrants() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Entrant{}, fmt.Errorf("unknown engine %q, there are %s", name, strings.Join(names, " "))
}

// moduleVersion finds the version of a linked module.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "?"
}
