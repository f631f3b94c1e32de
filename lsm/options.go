package lsm

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/vfs"
)

// Compression is how blocks of tables are compressed.
type Compression uint8

// The compressions. DefaultCompression is LZ4 for the levels that are rewritten
// often and Zstd for the last one.
const (
	DefaultCompression Compression = iota
	NoCompression
	LZ4
	S2
	Zstd
)

// Options are the settings of a store. The zero value, and nil, are right for a
// temporary store in memory; a persistent one needs Dir. Sizes are in bytes.
type Options struct {
	// Dir is the directory of the store. Empty is a temporary store in memory,
	// gone when it is closed.
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

	// Memory is how much live heap the store may take, beside the entries that open
	// iterators stand on. WriteBuffer and BlockCache are parts of it unless they
	// are given. Default 64 MiB; at least 1 MiB.
	Memory int64
	// WriteBuffer is how large a memtable grows before it is written to a table.
	// Default 3/32 of Memory, 6 MiB.
	WriteBuffer int64
	// MaxMemtables is how many full memtables there may be before writers wait
	// until one is written. Default 2.
	MaxMemtables int
	// BlockCache is the size of the cache of blocks. Default a quarter of
	// Memory, 16 MiB; less than 0 is none.
	BlockCache int64
	// Cache, if set, is a cache that several stores share, in place of one of
	// BlockCache bytes; see NewCache. Its size is not part of Memory. Properties
	// of the cache are then those of all.
	Cache *Cache
	// MaxOpenFiles bounds how many tables are open. Default 500.
	MaxOpenFiles int

	// BlockSize is how large the blocks of tables are before compression.
	// Default 4 KiB.
	BlockSize int
	// RestartInterval is after how many keys of a block one is stored in full.
	// Default 16.
	RestartInterval int
	// BloomBits is the size of the filters in bits per key. Default 10; less
	// than 0 is none.
	BloomBits int
	// PrefixLength, if set, puts prefixes of so many bytes into the filters too.
	// An iterator over a prefix at least as long then passes over tables without
	// it. The eight bytes of the keyspace count.
	PrefixLength int
	// Compression of each level; the last element holds for those below. Empty
	// is DefaultCompression. A table that is moved, or that a flush puts deeper
	// because nothing is in its range, has that of the level it was written for.
	Compression []Compression

	// L0Trigger is at how many tables of level 0 these are compacted. Default 4.
	L0Trigger int
	// L0Slowdown and L0Stop are at how many tables of level 0 writers are slowed
	// down, and wait. Default 12 and 24.
	L0Slowdown, L0Stop int
	// LevelBase is the size of the first level below 0. Default 64 MiB.
	LevelBase int64
	// LevelMultiplier is how many times larger each further level may be.
	// Default 10.
	LevelMultiplier int
	// TargetFile is how large tables grow below level 0. Default 8 MiB.
	TargetFile int64
	// MaxCompactions is how many compactions run at once. Default 1.
	MaxCompactions int

	// MaxSubcompactions is into how many parts a compaction may be split that are
	// written at once. Default 1.
	MaxSubcompactions int
	// CompactionRate bounds how many bytes a second compactions write, together;
	// flushes are not slowed down. Default 0 is no bound.
	CompactionRate int64
	// Filter, if set, is asked by compactions about values that all readers see:
	// it may keep, remove or change them. See Filter.
	Filter Filter

	// BlockProperties describe blocks of the tables that are written; see
	// BlockProperty.
	BlockProperties []BlockProperty

	// OnEvent, if set, is told of flushes, compactions and stalls, by the tasks
	// that met them: concurrently, and they wait for it. It must not call the
	// store.
	OnEvent func(Event)

	// SegmentBytes is the size of one file of the log. Default 4 MiB.
	SegmentBytes int64
	// LogRetention is how many bytes of the log are kept, beyond what opening
	// needs, for feeds to read; in memory at most 1 MiB. Default 8 MiB; less than
	// 0 is none.
	LogRetention int64
	// SpillBytes is the size above which a batch goes to the log in pieces
	// that a last record makes valid. Default a quarter of WriteBuffer.
	SpillBytes int
	// HistoryBytes bounds what is remembered to validate transactions; older
	// ones fail with ErrTooOld. Default a sixteenth of Memory, 4 MiB.
	HistoryBytes int
	// SyncInterval, if set, syncs Buffered and Process writes that often.
	SyncInterval time.Duration
}

// minMemory is the least that Options.Memory may be.
const minMemory = 1 << 20

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	if err := o.place().Validate(); err != nil {
		return err
	}
	if o.Memory != 0 && o.Memory < minMemory {
		return fmt.Errorf("lsm: Memory is %d, at least %d is needed", o.Memory, minMemory)
	}
	for name, n := range map[string]int64{
		"WriteBuffer": o.WriteBuffer, "MaxMemtables": int64(o.MaxMemtables), "MaxOpenFiles": int64(o.MaxOpenFiles),
		"BlockSize": int64(o.BlockSize), "RestartInterval": int64(o.RestartInterval), "PrefixLength": int64(o.PrefixLength),
		"L0Trigger": int64(o.L0Trigger), "L0Slowdown": int64(o.L0Slowdown), "L0Stop": int64(o.L0Stop), "LevelBase": o.LevelBase,
		"LevelMultiplier": int64(o.LevelMultiplier), "TargetFile": o.TargetFile, "MaxCompactions": int64(o.MaxCompactions),
		"MaxSubcompactions": int64(o.MaxSubcompactions), "CompactionRate": o.CompactionRate,
		"SegmentBytes": o.SegmentBytes, "SpillBytes": int64(o.SpillBytes), "HistoryBytes": int64(o.HistoryBytes),
	} {
		if n < 0 {
			return fmt.Errorf("lsm: %s is %d", name, n)
		}
	}
	for i, p := range o.BlockProperties {
		same := func(q BlockProperty) bool { return q.Name == p.Name }
		if p.Name == "" || p.New == nil || slices.ContainsFunc(o.BlockProperties[:i], same) {
			return fmt.Errorf("lsm: block property %q has no name of its own, or makes no collectors", p.Name)
		}
	}
	for _, c := range o.Compression {
		if c > Zstd {
			return fmt.Errorf("lsm: compression %d is not known", c)
		}
	}
	return nil
}

// place is where the store is.
func (o *Options) place() *place.Place {
	return &place.Place{
		Engine: "lsm", Dir: o.Dir, FS: o.FS, Executor: o.Executor,
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
	if c.Executor == nil {
		c.Executor = vfs.Go()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.fillPlace()
	c.Memory = cmp.Or(c.Memory, 64<<20)
	c.WriteBuffer = cmp.Or(c.WriteBuffer, c.Memory/32*3)
	c.MaxMemtables = cmp.Or(c.MaxMemtables, 2)
	c.BlockCache = cmp.Or(c.BlockCache, c.Memory/4)
	c.MaxOpenFiles = cmp.Or(c.MaxOpenFiles, 500)
	c.BloomBits = cmp.Or(c.BloomBits, 10)
	c.L0Trigger = cmp.Or(c.L0Trigger, 4)
	c.L0Slowdown = cmp.Or(c.L0Slowdown, max(12, c.L0Trigger))
	c.L0Stop = cmp.Or(c.L0Stop, max(24, c.L0Slowdown))
	c.LevelBase = cmp.Or(c.LevelBase, 64<<20)
	c.LevelMultiplier = cmp.Or(c.LevelMultiplier, 10)
	c.TargetFile = cmp.Or(c.TargetFile, 8<<20)
	c.MaxCompactions = cmp.Or(c.MaxCompactions, 1)
	c.MaxSubcompactions = cmp.Or(c.MaxSubcompactions, 1)
	c.SegmentBytes = cmp.Or(c.SegmentBytes, 4<<20)
	c.LogRetention = cmp.Or(c.LogRetention, 8<<20)
	c.HistoryBytes = cmp.Or(c.HistoryBytes, int(c.Memory/16))
	c.SpillBytes = cmp.Or(c.SpillBytes, int(max(c.WriteBuffer/4, 1)))
	return c, nil
}

// fillPlace chooses where the files are.
func (o *Options) fillPlace() {
	switch {
	case o.Dir == "":
		o.FS = vfs.NewMem()
	case o.FS == nil:
		o.FS = vfs.System()
	}
}

// table returns how tables of a level are written.
func (o *Options) table(number uint64, level int, last bool) sst.WriterOptions {
	return sst.WriterOptions{FileNumber: number, BlockSize: o.BlockSize, RestartInterval: o.RestartInterval,
		BloomBits: o.BloomBits, PrefixLength: o.PrefixLength, Compression: o.compression(level, last), Collectors: o.collectors()}
}

func (o *Options) compression(level int, last bool) sst.Compression {
	c := DefaultCompression
	if n := len(o.Compression); n > 0 {
		c = o.Compression[min(level, n-1)]
	}
	switch {
	case c == NoCompression:
		return sst.None
	case c == S2:
		return sst.S2
	case c == Zstd, c == DefaultCompression && last && level > 0:
		return sst.Zstd
	}
	return sst.LZ4
}
