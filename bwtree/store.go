package bwtree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/internal/stripe"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Store is an open store. It implements kv.Store and the optional interfaces
// Syncer, Flusher, Compactor, Checkpointer, Verifier and Watcher. All methods may be
// called concurrently, Close too: it waits for those that run, and later ones return
// kv.ErrClosed.
type Store struct {
	reader    // of the newest visible state
	opt       Options
	tree      tree
	queue     queue
	keyspaces keyspaces
	handles   *leak.Tracker
	tasks     *vfs.Group
	lock      io.Closer
	log       *journal.Writer // nil in memory; set before the store is used
	pages     *logstore.Store

	calls    atomic.Int64          // running ones, and closingBit
	closed   atomic.Bool           //
	fresh    atomic.Pointer[Store] // of a read-only store, what Refresh has opened
	failure  atomic.Pointer[error] // why no more writes are taken
	hole     debt                  // visible batches were lost from the log
	unlogged debt                  // visible batches are in no log

	logger   atomic.Uint32 // one of the states of logger.go
	logBytes atomic.Int64  // since the last cut
	backlog  atomic.Int64  // bytes of batches that the logger has not come to
	flushing atomic.Bool   // a task makes a checkpoint

	lastLogged atomic.Uint64 // number of the newest batch that the log has
	// Of the logger:
	last   *write         // the last one that was appended or passed over
	soft   journal.Ticket // of the newest batch that was visible before it was durable
	pieces uint64         // the last number of a batch in pieces

	mu       vfs.Mutex // guards what follows; held only to sleep and to wake
	moved    vfs.Cond
	requests []*request
	ended    bool     // Close is done
	stale    []*Store // what earlier calls of Refresh have opened
	stopSync func() bool

	checkpoint vfs.Mutex // held while one is made; guards what follows
	meta       meta
	lastDir    uint64 // highest number that TREE on disk may name

	gets                                                                   stripe.Counter
	iterators, batches, conflicts, bytesIn, flushes, flushBytes, lastFlush atomic.Int64
}

var (
	_ kv.Store          = (*Store)(nil)
	_ kv.Syncer         = (*Store)(nil)
	_ kv.Flusher        = (*Store)(nil)
	_ kv.Compactor      = (*Store)(nil)
	_ kv.Checkpointer   = (*Store)(nil)
	_ kv.Verifier       = (*Store)(nil)
	_ kv.Watcher        = (*Store)(nil)
	_ kv.MergerSource   = (*Store)(nil)
	_ kv.ExecutorSource = (*Store)(nil)
)

// debt is what only a checkpoint makes good. Paid is set by who holds
// Store.checkpoint.
type debt struct{ made, paid atomic.Int64 }

func (d *debt) make()      { d.made.Add(1) }
func (d *debt) open() bool { return d.paid.Load() < d.made.Load() }

// newStore returns a store without content.
func newStore(opt Options) *Store {
	s := &Store{opt: opt, handles: leak.New(opt.Logger), tasks: vfs.NewGroup(opt.Executor),
		mu: opt.Executor.NewMutex(), checkpoint: opt.Executor.NewMutex()}
	s.moved = opt.Executor.NewCond(s.mu)
	s.reader.store = s
	return s
}

// start makes the tree, in which is all up to seq, the content of the store.
func (s *Store) start(seq kv.Seq) {
	s.queue.init(seq)
	if s.log != nil {
		s.last = s.queue.last()
	}
	s.tree.forget(seq) // what was written before it was opened
	if s.opt.SyncInterval > 0 && s.log != nil {
		s.stopSync = s.opt.Executor.AfterFunc(s.opt.SyncInterval, s.intervalSync)
	}
}

// intervalSync syncs, and comes again.
func (s *Store) intervalSync() {
	if err := s.Sync(context.Background()); err != nil && !errors.Is(err, kv.ErrClosed) {
		s.opt.Logger.Error("varve: periodic sync failed", "dir", s.opt.Dir, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls.Load()&closingBit == 0 {
		s.stopSync = s.opt.Executor.AfterFunc(s.opt.SyncInterval, s.intervalSync)
	}
}

// Mergers returns the operators of the store.
func (s *Store) Mergers() kv.Mergers { return s.opt.Mergers }

// Executor returns what runs the tasks of the store.
func (s *Store) Executor() vfs.Executor { return s.opt.Executor }

// Features implements kv.Store.
func (s *Store) Features() kv.Features {
	disk := s.opt.Dir != ""
	return kv.Features{Persistent: disk, Syncer: true, Flusher: disk, Compactor: true, Checkpointer: disk, Verifier: disk,
		Watcher: disk && !s.opt.ReadOnly}
}

// Watch implements kv.Watcher, but not of stores in memory and read-only ones:
// feeds read the log.
func (s *Store) Watch(after kv.Seq, spans ...kv.Span) (kv.Feed, error) {
	if s.opt.ReadOnly || s.opt.Dir == "" {
		return nil, fmt.Errorf("watch a store without a log of its own: %w", errors.ErrUnsupported)
	}
	host := &commit.Host{Executor: s.opt.Executor, Log: s.log, AwaitShown: s.awaitVisible, Shown: func() (kv.Seq, error) {
		if s.calls.Load()&closingBit != 0 {
			return 0, kv.ErrClosed
		}
		return s.queue.visible(), nil
	}}
	return host.Watch(s.handles, after, spans)
}

// Limits implements kv.Store.
func (s *Store) Limits() kv.Limits { return kv.DefaultLimits() }

// Metrics returns the counters of the store since it was opened, and what it takes
// now. Numbers that are not known are -1.
func (s *Store) Metrics() kv.Metrics {
	m := kv.Metrics{
		Gets: s.gets.Load(), Iterators: s.iterators.Load(),
		Batches: s.batches.Load(), Conflicts: s.conflicts.Load(), BytesIn: s.bytesIn.Load(),
		Flushes: s.flushes.Load(), FlushBytes: s.flushBytes.Load(),
		OpenSnapshots: int64(s.handles.Count("snapshot")), OpenIterators: int64(s.handles.Count("iterator")),
		LiveKeys: -1, LiveBytes: -1, DiskBytes: -1, ResidentBytes: s.tree.cache.Stats().Bytes,
	}
	if ns := s.lastFlush.Load(); ns != 0 {
		m.LastFlush = time.Unix(0, ns)
	}
	if s.log != nil {
		stats := s.log.Stats()
		m.LogBytes, m.LogSyncs = stats.Bytes, stats.Syncs
	}
	if s.opt.Dir != "" {
		if sum, err := vfs.DirBytes(s.opt.FS, s.opt.Dir); err == nil {
			m.DiskBytes = sum
		}
	}
	return m
}

// Close implements kv.Store. It returns a *leak.Error if iterators or snapshots
// were left open.
func (s *Store) Close() error {
	if !s.beginClose() {
		return nil
	}
	s.tasks.Wait()
	err := errors.Join(s.closeFiles(), s.closeRefreshed())
	leaked := s.handles.CloseAll()
	s.closed.Store(true)
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	s.mu.Lock()
	s.ended = true
	s.moved.Broadcast()
	s.mu.Unlock()
	return errors.Join(err, leaked)
}

// beginClose lets no more calls enter and waits for those that run. It reports
// false if the store was closed before, and then waits until it is.
func (s *Store) beginClose() bool {
	first := false
	for n := s.calls.Load(); n&closingBit == 0 && !first; n = s.calls.Load() {
		step.At("begin to close")
		first = s.calls.CompareAndSwap(n, n|closingBit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.calls.Load() != closingBit || !first && !s.ended {
		s.moved.Wait()
	}
	if first && s.stopSync != nil {
		s.stopSync()
	}
	return first
}

// closeFiles ends the log and notes in TREE where.
func (s *Store) closeFiles() error {
	if s.log == nil {
		return s.pages.Close()
	}
	var err error
	if s.failure.Load() == nil {
		if s.unlogged.open() || s.hole.open() {
			err = s.flush()
		}
		if err == nil {
			err = s.sync()
		}
	}
	s.checkpoint.Lock()
	defer s.checkpoint.Unlock()
	s.awaitLogger()
	return errors.Join(err, s.endLog(), s.pages.Close())
}

// awaitLogger returns when the logger does not run.
func (s *Store) awaitLogger() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.logger.Load() != loggerIdle {
		s.moved.Wait()
	}
}
