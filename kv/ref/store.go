// Package ref is the reference engine: the smallest one that keeps the contract
// of package kv. Its content lives in memory, in a copy-on-write ordered map; on
// disk are a log of the batches and, now and then, a snapshot file. It is the
// oracle that other engines are compared with, a good in-memory database, and a
// fair choice for data that fits in memory; opening takes time in proportion to
// the data.
//
// # How a batch is applied
//
// Package commit orders batches, logs them and shows them in order. Here each
// batch that is ordered makes a new version of the newest ordered state, which
// becomes the visible one when the batch is shown.
//
// # Files
//
// META names the snapshot file with its size and checksum, the first segment of
// the log that is needed, and, after a clean close, where the log ends. It is
// replaced atomically. docs/format.md has the bytes.
package ref

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Store is an open store. It implements kv.Store and the optional interfaces
// Syncer, Flusher, Checkpointer and Verifier.
type Store struct {
	reader  // of the newest visible state
	opt     Options
	commits *commit.Pipeline
	visible atomic.Pointer[state]
	closed  atomic.Bool
	handles *leak.Tracker
	tasks   *vfs.Group
	lock    io.Closer
	log     *journal.Writer // nil in memory; set before the store is used

	// Held while a snapshot file is written; taken before the lock of commits.
	checkpoint   vfs.Mutex
	meta         meta
	lastSnapshot uint64 // highest number that META on disk may name

	// Guarded by the lock of commits.
	tip      *state // newest ordered
	cutState *state // of the last cut
	logBytes int64  // appended since the last snapshot
	flushing bool   // a background checkpoint was started

	gets, iterators, flushes, flushBytes atomic.Int64
	lastFlush                            atomic.Int64
}

var (
	_ kv.Store          = (*Store)(nil)
	_ kv.Syncer         = (*Store)(nil)
	_ kv.Flusher        = (*Store)(nil)
	_ kv.Checkpointer   = (*Store)(nil)
	_ kv.Verifier       = (*Store)(nil)
	_ kv.Importer       = (*Store)(nil)
	_ kv.Watcher        = (*Store)(nil)
	_ kv.MergerSource   = (*Store)(nil)
	_ kv.ExecutorSource = (*Store)(nil)
)

// newStore returns a store without content.
func newStore(opt Options) *Store {
	s := &Store{opt: opt, handles: leak.New(opt.Logger), tasks: vfs.NewGroup(opt.Executor),
		checkpoint: opt.Executor.NewMutex()}
	s.reader.store = s
	s.commits = commit.New(commit.Options{Executor: opt.Executor, Logger: opt.Logger, Name: opt.Dir, ReadOnly: opt.ReadOnly,
		SpillBytes: opt.SpillBytes, HistoryBytes: opt.HistoryBytes, SyncInterval: opt.SyncInterval,
		Recent: int(min(opt.LogRetention, 1<<20))}, engine{s})
	return s
}

// start makes st the content of the store.
func (s *Store) start(st *state, pieces uint64) {
	s.tip = st
	s.visible.Store(st)
	s.commits.Start(st.seq, s.log, pieces)
}

// Apply implements kv.Store.
func (s *Store) Apply(ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	return s.commits.Apply(ctx, b, opt)
}

// Sync implements kv.Syncer.
func (s *Store) Sync(ctx context.Context) error { return s.commits.Sync(ctx) }

// Watch implements kv.Watcher.
func (s *Store) Watch(after kv.Seq, spans ...kv.Span) (kv.Feed, error) {
	return s.commits.Watch(s.handles, after, spans)
}

// Mergers returns the operators of the store.
func (s *Store) Mergers() kv.Mergers { return s.opt.Mergers }

// Executor returns what runs the tasks of the store.
func (s *Store) Executor() vfs.Executor { return s.opt.Executor }

// Features implements kv.Store.
func (s *Store) Features() kv.Features {
	disk := s.opt.Dir != ""
	return kv.Features{Persistent: disk, Syncer: true, Flusher: disk, Checkpointer: disk, Verifier: disk, Watcher: !s.opt.ReadOnly, Importer: !s.opt.ReadOnly}
}

// Limits implements kv.Store.
func (s *Store) Limits() kv.Limits { return kv.DefaultLimits() }

// Snapshot implements kv.Store.
func (s *Store) Snapshot(ctx context.Context) (kv.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var st *state
	if err := s.commits.Open(func(kv.Seq) { st = s.visible.Load() }); err != nil {
		return nil, err
	}
	snap := &snapshot{reader: reader{store: s, fixed: st, ended: new(atomic.Bool)}}
	seq := st.seq
	snap.handle = leak.Open(s.handles, snap, "snapshot", func() { s.commits.Release(seq) })
	return snap, nil
}

// Keyspace implements kv.Store.
func (s *Store) Keyspace(id uint64, opt kv.KeyspaceOptions) (kv.Keyspace, error) {
	return s.commits.Keyspace(s, id, opt)
}

// Metrics returns the counters of the store.
func (s *Store) Metrics() kv.Metrics {
	st := s.visible.Load()
	m := kv.Metrics{
		Gets: s.gets.Load(), Iterators: s.iterators.Load(),
		Flushes: s.flushes.Load(), FlushBytes: s.flushBytes.Load(),
		OpenSnapshots: int64(s.handles.Count("snapshot")), OpenIterators: int64(s.handles.Count("iterator")),
		LiveKeys: int64(st.data.Len()), LiveBytes: st.bytes, ResidentBytes: st.bytes, DiskBytes: -1,
		LastFlush: s.lastFlushTime(),
	}
	s.commits.Count(&m)
	if s.log != nil {
		m.DiskBytes = s.diskBytes()
	}
	return m
}

// diskBytes adds up the files of the store; -1 if they cannot be listed.
func (s *Store) diskBytes() int64 {
	sum, err := vfs.DirBytes(s.opt.FS, s.opt.Dir)
	if err != nil {
		return -1
	}
	return sum
}

// lastFlushTime is when the last snapshot file was written.
func (s *Store) lastFlushTime() time.Time {
	if ns := s.lastFlush.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// Close implements kv.Store. It returns a *leak.Error if iterators or snapshots
// were left open.
func (s *Store) Close() error {
	if !s.commits.BeginClose() {
		return nil
	}
	s.tasks.Wait()
	err := s.closeFiles()
	leaked := s.handles.CloseAll()
	s.closed.Store(true)
	s.commits.EndClose()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return errors.Join(err, leaked)
}
