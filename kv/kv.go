// Package kv is the contract between Varve's collections and its engines: an
// ordered map from byte keys to byte values with atomic batches, snapshots,
// conditions and iterators. Collections know this package and no engine;
// engines know it and no collection. Package kvtest proves an engine.
//
// # The model
//
// A [Store] holds one ordered map. Each [Batch] that it applies changes the map
// atomically and gets a sequence number, higher than all before. Readers see the
// map as it was after some sequence number: the newest ([Store] itself) or that
// of a [Snapshot]. [WriteOptions.If] makes a batch conditional; compare-and-swap
// and [Txn] are both built on it, so transactions are serializable, ranges
// included, on every engine.
//
// A keyspace is the part of the map whose keys begin with the same eight bytes,
// the big-endian id of the keyspace. Nothing else structures the keys.
//
// # Durability
//
// A write that returned is on stable storage unless it asked for less
// ([Durability]). It becomes visible to readers only when it has the durability
// that was asked for. Batches become visible in the order of their sequence
// numbers.
//
// # Slices
//
// An engine keeps no slice it is given after the call returns, and hands out no
// slice that it will change, except Key and Value of an [Iterator], which are
// valid until its next move.
//
// The contract is v0: it may change until two engines besides the reference
// have passed kvtest.
package kv

import (
	"context"
	"time"

	"github.com/varvedb/varve/internal/latency"
)

// Seq numbers the states of a store. Every applied batch has a higher one than
// all batches before it; numbers may be skipped, and never come back, not even
// after a crash of a batch that was acknowledged.
type Seq uint64

// Reader reads one state of a store. Its methods may be called concurrently.
type Reader interface {
	// Get appends the value of key to dst[:0] and returns the result, which
	// belongs to the caller. If the key is absent, ok is false.
	Get(key, dst []byte) (val []byte, ok bool, err error)
	// Has reports whether key is present, without reading its value where the
	// engine can avoid it.
	Has(key []byte) (bool, error)
	// MultiGet calls f for each key, in the order given; all are read from one
	// state. val is valid during the call of f. An error of f ends the reading
	// and is returned.
	MultiGet(keys [][]byte, f func(i int, val []byte, ok bool) error) error
	// Iter returns an unpositioned iterator over a state that does not change
	// under it. Nothing is opened before its first move, and the state is
	// fixed no later than then. It must be closed.
	Iter(opt IterOptions) Iterator
}

// Snapshot is a state of a store that does not change. It must be closed; one
// that is forgotten is reported with the stack that opened it.
type Snapshot interface {
	Reader
	// Seq is the sequence number of the state.
	Seq() Seq
	// Close releases the state. It is idempotent. Iterators opened from the
	// snapshot stay valid.
	Close() error
}

// Store is an engine, as collections see it. All methods may be called
// concurrently. After Close each returns an error that is ErrClosed.
//
// As a Reader a Store reads its newest visible state: each Get and each Iter
// the one that is newest then.
type Store interface {
	Reader
	// Snapshot returns the newest visible state.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Apply changes the store by b, all or nothing, and returns the sequence
	// number of the change. When it returns without error the change is as
	// durable as opt asks, and visible. Errors:
	//   - ErrConflict, as a *ConflictError: a condition does not hold
	//   - ErrTooOld: the conditions refer to a state older than the store remembers
	//   - ErrTooLarge: a key, a value or a merge operand exceeds the limits
	//   - ErrNoSpace: the disk is full; nothing was changed, and the store works
	//     again when there is room
	//   - ErrUnknownOutcome: the disk failed; the change may be there after the
	//     store is opened again, until when it is read-only
	//   - ErrReadOnly, ErrClosed
	// The context is looked at before the change is ordered, not after.
	Apply(ctx context.Context, b *Batch, opt WriteOptions) (Seq, error)
	// Keyspace returns what the store knows of a keyspace; any id will do.
	// Options are those of the first call since the store was opened.
	Keyspace(id uint64, opt KeyspaceOptions) (Keyspace, error)
	// Features tells which optional interfaces work.
	Features() Features
	// Limits are equal on all engines of this module.
	Limits() Limits
	// Close waits for running calls, makes all buffered writes durable and
	// releases the store. It is idempotent. Iterators and snapshots left open
	// are reported and end with ErrClosed.
	Close() error
}

// Keyspace tells of one keyspace of a store. It may be used concurrently.
type Keyspace interface {
	// ID is the number whose eight big-endian bytes all keys begin with.
	ID() uint64
	// LastModified is the sequence number of the newest batch that may have
	// written in the keyspace, ordered, if not yet visible. It is never below
	// the true one; after opening it is that of the opening.
	LastModified() Seq
	// Stats counts what the keyspace holds. It may read all of it.
	Stats(ctx context.Context) (KeyspaceStats, error)
}

// KeyspaceOptions are settings of one keyspace. The zero value is right for
// most.
type KeyspaceOptions struct {
	// NoLog keeps writes of the keyspace out of the log: they are durable only
	// when the engine flushes, and a crash loses what came after. For data
	// that can be made again. A batch that also writes elsewhere is logged.
	NoLog bool
}

// KeyspaceStats describes the content of a keyspace.
type KeyspaceStats struct {
	Keys  int64 // live keys
	Bytes int64 // of live keys and values
	Exact bool  // counted, not estimated
}

// Durability says what a write survives when Apply has returned.
type Durability uint8

const (
	// Sync: stable storage; survives power loss.
	Sync Durability = iota
	// Buffered: handed to the system; survives the end of the process.
	Buffered
	// Process: in a buffer of the process; survives nothing, costs nothing.
	// Later writes that ask for more carry it along.
	Process
)

// String returns the name of the constant.
func (d Durability) String() string {
	switch d {
	case Sync:
		return "Sync"
	case Buffered:
		return "Buffered"
	case Process:
		return "Process"
	}
	return "Durability(?)"
}

// WriteOptions say how a batch is applied. The zero value is a durable,
// unconditional write.
type WriteOptions struct {
	Durability Durability
	// If holds what must be true when the batch is ordered; nil for nothing.
	If *Conditions
	// NoSlowdown fails with ErrBusy where the write would have to wait for
	// background work.
	NoSlowdown bool
}

// Conditions are checked in the critical section that orders the batch, so that
// nothing comes between check and change.
type Conditions struct {
	// At is the state to which Keys and Spans refer.
	At Seq
	// Keys must not have been written after At.
	Keys [][]byte
	// Spans must not have been written in after At.
	Spans []Span
	// Equal must be the newest content; At does not matter.
	Equal []KV
}

// Span is the range of keys from Start to before End. A nil End is no bound.
type Span struct {
	Start, End []byte
}

// Contains reports whether key lies in the span.
func (s Span) Contains(key []byte) bool {
	return string(key) >= string(s.Start) && (s.End == nil || string(key) < string(s.End))
}

// KV is a key with the value that it has, or is expected to have.
type KV struct {
	Key, Value []byte
	// Absent says that there is no value.
	Absent bool
}

// Features tells which optional interfaces of a store do their work.
type Features struct {
	// Persistent: what is durable is there after the store is opened again.
	Persistent bool
	// Syncer, Flusher, Compactor, Checkpointer, Verifier, Watcher, Importer are
	// implemented.
	Syncer, Flusher, Compactor, Checkpointer, Verifier, Watcher, Importer bool
}

// Limits of keys and values, in bytes.
type Limits struct {
	Key   int // 64 KiB, with the eight bytes of the keyspace
	Value int // 256 MiB, also of a merge operand
}

// The limits of every engine of this module.
const (
	MaxKey   = 64 << 10
	MaxValue = 256 << 20
)

// DefaultLimits returns the limits of every engine of this module.
func DefaultLimits() Limits { return Limits{Key: MaxKey, Value: MaxValue} }

// Syncer is a store that can make all writes so far durable.
type Syncer interface {
	// Sync returns when every batch applied before the call is on stable storage.
	Sync(ctx context.Context) error
}

// Flusher is a store that can move what is in memory to its files, so that
// opening has nothing to replay.
type Flusher interface {
	Flush(ctx context.Context) error
}

// Compactor is a store that can bring a range to its smallest form.
type Compactor interface {
	// Compact works on the keys of span; the zero Span is all.
	Compact(ctx context.Context, span Span, progress func(Progress)) error
}

// Checkpointer is a store that can make a copy of itself that opens as a store.
type Checkpointer interface {
	// Checkpoint writes a copy of the newest state into dir of the store's own
	// file system, which must not exist. It is durable when the call returns.
	Checkpoint(ctx context.Context, dir string) error
}

// Verifier is a store that can check all that it has on disk.
type Verifier interface {
	// Verify reads every byte that is kept and checks sums, order and
	// structure. It returns the first damage as a *CorruptionError.
	Verify(ctx context.Context, progress func(Progress)) error
}

// Progress tells how far long work is. Total is 0 while unknown.
type Progress struct {
	Done, Total int64  // bytes
	Stage       string // what is being worked on
}

// Metrics are the counters that every engine keeps; they only grow, but for
// those named as gauges.
type Metrics struct {
	Gets, Iterators, Batches, Conflicts int64
	BytesIn                             int64 // keys and values of applied batches
	LogBytes, LogSyncs                  int64
	Flushes, FlushBytes                 int64
	OpenSnapshots, OpenIterators        int64 // gauges
	LiveKeys, LiveBytes, DiskBytes      int64 // gauges; -1 where unknown without a scan
	ResidentBytes                       int64 // gauge: memory held for data
	LastFlush                           time.Time

	// How long calls and background work took, where the engine times them: one
	// of TimedEvery gets, each batch, sync, flush and compaction.
	GetTime, ApplyTime, SyncTime, FlushTime, CompactTime Histogram
}

// TimedEvery is of how many gets one is timed.
const TimedEvery = 64

// Histogram tells how long operations took: Count, Sum, Max, Mean and Quantile.
type Histogram = latency.Histogram
