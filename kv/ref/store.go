// Package ref is the reference engine: the smallest one that keeps the contract
// of package kv. Its content lives in memory, in a copy-on-write ordered map; on
// disk are a log of the batches and, now and then, a snapshot file. It is the
// oracle that other engines are compared with, a good in-memory database, and a
// fair choice for data that fits in memory; opening takes time in proportion to
// the data.
//
// # How a batch is applied
//
// The commit lock orders batches. Under it the conditions are checked, the batch
// is applied to a new version of the newest ordered state and appended to the
// journal, in memory. Outside it the writer waits until the journal has made the
// record as durable as was asked for, one of the writers doing the work for all.
// Then the states up to its own become visible, in order.
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
	"sync/atomic"
	"time"

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
	visible atomic.Pointer[state]
	closed  atomic.Bool
	handles *leak.Tracker
	tasks   *vfs.Group
	lock    interface{ Close() error }

	// Lock order: checkpoint, then commit. The journal's own lock comes last.

	checkpoint   vfs.Mutex // held while a snapshot file is written; guards what follows
	meta         meta
	lastSnapshot uint64 // highest number that META on disk may name

	commit   vfs.Mutex // guards what follows
	moved    vfs.Cond  // visible, tip or calls have changed
	log      *journal.Writer
	tip      *state // newest ordered
	nextSeq  kv.Seq
	pending  []*write // ordered, not yet visible, oldest first
	resolver *kv.Resolver
	unlogged map[uint64]bool // keyspaces with NoLog
	soft     softWrite
	logged   kv.Seq // newest visible state with a record in the log
	failure  error  // why no more writes are taken
	calls    int    // running Apply, Sync, Flush
	closing  bool
	nextID   uint64 // of a spilled batch
	spills   int    // batches that are being spilled
	cutting  bool   // a checkpoint waits for them
	logBytes int64  // appended since the last snapshot
	flushing bool   // a background checkpoint was started
	stopSync func() bool

	gets, iterators, batches, conflicts, bytesIn, flushes, flushBytes atomic.Int64
	lastFlush                                                         atomic.Int64
}

var (
	_ kv.Store        = (*Store)(nil)
	_ kv.Syncer       = (*Store)(nil)
	_ kv.Flusher      = (*Store)(nil)
	_ kv.Checkpointer = (*Store)(nil)
	_ kv.Verifier     = (*Store)(nil)
	_ kv.MergerSource = (*Store)(nil)
)

// softWrite is the newest write that became visible without being on disk.
type softWrite struct {
	ticket   journal.Ticket
	unlogged bool // some write since the last snapshot is in no log at all
	lost     bool // its record was dropped: the log has a hole until a snapshot
}

// failed returns why the record of the write was dropped, nil if it was not.
func (w softWrite) failed() error {
	if w.ticket == (journal.Ticket{}) {
		return nil
	}
	return w.ticket.Failed()
}

// newStore returns a store without content.
func newStore(opt Options) *Store {
	s := &Store{opt: opt, handles: leak.New(opt.Logger), tasks: vfs.NewGroup(opt.Executor),
		checkpoint: opt.Executor.NewMutex(), commit: opt.Executor.NewMutex(),
		unlogged: make(map[uint64]bool)}
	s.reader.store = s
	s.moved = opt.Executor.NewCond(s.commit)
	return s
}

// start makes st the content of the store.
func (s *Store) start(st *state) {
	s.tip, s.nextSeq = st, st.seq+1
	s.resolver = kv.NewResolver(st.seq, s.opt.HistoryBytes)
	s.visible.Store(st)
	if s.opt.SyncInterval > 0 && s.log != nil {
		s.stopSync = s.opt.Executor.AfterFunc(s.opt.SyncInterval, s.intervalSync)
	}
}

// Mergers returns the operators of the store.
func (s *Store) Mergers() kv.Mergers { return s.opt.Mergers }

// Features implements kv.Store.
func (s *Store) Features() kv.Features {
	disk := s.opt.Dir != ""
	return kv.Features{Persistent: disk, Syncer: true, Flusher: disk, Checkpointer: disk, Verifier: disk}
}

// Limits implements kv.Store.
func (s *Store) Limits() kv.Limits { return kv.DefaultLimits() }

// Snapshot implements kv.Store.
func (s *Store) Snapshot(ctx context.Context) (kv.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.closed.Load() {
		return nil, kv.ErrClosed
	}
	st := s.visible.Load()
	s.resolver.Open(st.seq)
	snap := &snapshot{reader: reader{store: s, fixed: st, ended: new(atomic.Bool)}}
	seq := st.seq
	snap.handle = leak.Open(s.handles, snap, "snapshot", func() { s.release(seq) })
	return snap, nil
}

func (s *Store) release(seq kv.Seq) {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.resolver.Release(seq)
}

// Keyspace implements kv.Store.
func (s *Store) Keyspace(id uint64, opt kv.KeyspaceOptions) (kv.Keyspace, error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.closed.Load() {
		return nil, kv.ErrClosed
	}
	if _, known := s.unlogged[id]; !known {
		s.unlogged[id] = opt.NoLog
	}
	return &keyspace{store: s, id: id, modified: s.resolver.Track(id)}, nil
}

type keyspace struct {
	store    *Store
	id       uint64
	modified *atomic.Uint64
}

func (k *keyspace) ID() uint64           { return k.id }
func (k *keyspace) LastModified() kv.Seq { return kv.Seq(k.modified.Load()) }

func (k *keyspace) Stats(ctx context.Context) (st kv.KeyspaceStats, err error) {
	it := k.store.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(k.id)})
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		st.Keys++
		st.Bytes += int64(len(it.Key()) + len(it.Value()))
		if st.Keys%1024 == 0 && ctx.Err() != nil {
			return st, ctx.Err()
		}
	}
	st.Exact = true
	return st, it.Err()
}

// Metrics returns the counters of the store.
func (s *Store) Metrics() kv.Metrics {
	st := s.visible.Load()
	m := kv.Metrics{
		Gets: s.gets.Load(), Iterators: s.iterators.Load(), Batches: s.batches.Load(),
		Conflicts: s.conflicts.Load(), BytesIn: s.bytesIn.Load(),
		Flushes: s.flushes.Load(), FlushBytes: s.flushBytes.Load(),
		OpenSnapshots: int64(s.handles.Count("snapshot")), OpenIterators: int64(s.handles.Count("iterator")),
		LiveKeys: int64(st.data.Len()), LiveBytes: st.bytes, ResidentBytes: st.bytes, DiskBytes: -1,
		LastFlush: s.lastFlushTime(),
	}
	if s.log != nil {
		stats := s.log.Stats()
		m.LogBytes, m.LogSyncs = stats.Bytes, stats.Syncs
		m.DiskBytes = s.diskBytes()
	}
	return m
}

// diskBytes adds up the files of the store.
func (s *Store) diskBytes() (sum int64) {
	names, err := s.opt.FS.List(s.opt.Dir)
	for _, name := range names {
		if info, err := s.opt.FS.Stat(join(s.opt.Dir, name)); err == nil {
			sum += info.Size
		}
	}
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

// enter begins a call that Close waits for, unless ctx has ended.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.closing {
		return kv.ErrClosed
	}
	s.calls++
	return nil
}

func (s *Store) leave() {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.calls--
	s.moved.Broadcast()
}

// Close implements kv.Store. It returns a *leak.Error if iterators or snapshots
// were left open.
func (s *Store) Close() error {
	if !s.beginClose() {
		return nil
	}
	if s.stopSync != nil {
		s.stopSync()
	}
	s.tasks.Wait()
	err := s.closeFiles()
	leaked := s.handles.CloseAll()
	s.commit.Lock()
	s.closed.Store(true)
	s.moved.Broadcast()
	s.commit.Unlock()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return errors.Join(err, leaked)
}

// beginClose stops new calls and waits for the running ones. It reports false if
// the store is closed already.
func (s *Store) beginClose() bool {
	s.commit.Lock()
	defer s.commit.Unlock()
	first := !s.closing
	s.closing = true
	for s.calls > 0 || !first && !s.closed.Load() {
		s.moved.Wait()
	}
	return first
}
