package lsm

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/latency"
	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/memtable"
	"github.com/varvedb/varve/lsm/internal/version"
	"github.com/varvedb/varve/vfs"
)

// Store is an open store. It implements kv.Store and the optional interfaces
// Syncer, Flusher, Compactor, Checkpointer and Verifier.
type Store struct {
	reader  // of the newest visible state
	opt     Options
	commits *commit.Pipeline
	handles *leak.Tracker
	tasks   *vfs.Group
	readers *readers
	pace    *pace // of compactions; nil for no bound
	lock    io.Closer
	log     *journal.Writer // nil in memory; set before the store is used

	visible atomic.Uint64         // number of the newest visible batch
	current atomic.Pointer[state] // loaded before visible
	closed  atomic.Bool
	seeds   *rand.Rand // of memtables; guarded by the lock of commits

	active *mem // guarded by the lock of commits

	// Held for one change of the set of tables at a time.
	install  vfs.Mutex
	manifest *manifest

	mu       vfs.Mutex  // guards what follows, and replacing current
	moved    vfs.Cond   // signals changes of current, flushing, running, quiet
	versions []*tables  // that are pinned, oldest first
	moorings []*mooring // of open iterators
	geared   []*mooring // those whose gears hold gearHeld bytes together
	gearHeld int64
	gearHand int      // who was last to give way
	zombies  []zombie // by last
	sweeping bool     // a task removes files
	flushing bool     // a task writes memtables
	running  []*version.Compaction
	picker   version.Picker
	hint     version.LeveledNumber // a table that is read in vain too often; 0 is none
	quiet    bool                  // the store is closing
	trouble  error                 // why the last background work failed; nil after a success
	nextFile uint64

	gets                                        counter
	iterators, flushes, flushBytes, compactions atomic.Int64
	compactedIn, compactedOut                   atomic.Int64 // bytes
	slowdowns, stops                            atomic.Int64
	lastFlush                                   atomic.Int64
	getTime, flushTime, compactTime             latency.Recorder
}

var (
	_ kv.Store          = (*Store)(nil)
	_ kv.Syncer         = (*Store)(nil)
	_ kv.Flusher        = (*Store)(nil)
	_ kv.Compactor      = (*Store)(nil)
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
		install: opt.Executor.NewMutex(), mu: opt.Executor.NewMutex()}
	s.moved = opt.Executor.NewCond(s.mu)
	s.reader.store = s
	s.readers = newReaders(&s.opt)
	s.commits = commit.New(commit.Options{Executor: opt.Executor, Logger: opt.Logger, Name: opt.Dir, ReadOnly: opt.ReadOnly,
		SpillBytes: opt.SpillBytes, HistoryBytes: opt.HistoryBytes, SyncInterval: opt.SyncInterval,
		Recent: int(min(opt.LogRetention, 1<<20))}, engine{s})
	s.picker.Options = version.Options{L0Trigger: opt.L0Trigger, BaseBytes: opt.LevelBase, Multiplier: opt.LevelMultiplier,
		TargetFileSize: opt.TargetFile}
	s.seeds = seedsFor(opt.Executor)
	if opt.CompactionRate > 0 {
		s.pace = newPace(opt.Executor, opt.CompactionRate)
	}
	return s
}

// seedsFor returns a source of seeds for memtables: one that nobody can foresee,
// but under a simulated executor one that is the same in every run.
func seedsFor(exec vfs.Executor) *rand.Rand {
	if _, simulated := exec.(*vfs.Sim); simulated {
		return rand.New(rand.NewPCG(1, 2))
	}
	return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
}

func (s *Store) newMem() *mem { return &mem{points: memtable.New(s.seeds.Uint64())} }

// Apply implements kv.Store.
func (s *Store) Apply(ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	if err := s.throttle(ctx, opt.NoSlowdown); err != nil {
		return 0, err
	}
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
	return kv.Features{Persistent: disk, Syncer: true, Flusher: true, Compactor: true, Checkpointer: disk, Verifier: true, Importer: !s.opt.ReadOnly,
		Watcher: !s.opt.ReadOnly}
}

// Limits implements kv.Store.
func (s *Store) Limits() kv.Limits { return kv.DefaultLimits() }

// Snapshot implements kv.Store.
func (s *Store) Snapshot(ctx context.Context) (kv.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var seq kv.Seq
	if err := s.commits.Open(func(now kv.Seq) { seq = now }); err != nil {
		return nil, err
	}
	snap := &snapshot{reader: reader{store: s, fixed: seq, ended: new(atomic.Bool)}}
	snap.handle = leak.Open(s.handles, snap, "snapshot", func() { s.commits.Release(seq) })
	return snap, nil
}

// Keyspace implements kv.Store.
func (s *Store) Keyspace(id uint64, opt kv.KeyspaceOptions) (kv.Keyspace, error) {
	return s.commits.Keyspace(s, id, opt)
}

// Metrics returns the counters of the store.
func (s *Store) Metrics() kv.Metrics {
	m := kv.Metrics{
		Gets: s.gets.load(), Iterators: s.iterators.Load(),
		Flushes: s.flushes.Load(), FlushBytes: s.flushBytes.Load(),
		OpenSnapshots: int64(s.handles.Count("snapshot")), OpenIterators: int64(s.handles.Count("iterator")),
		LiveKeys: -1, LiveBytes: -1, DiskBytes: s.diskBytes(),
		ResidentBytes: s.readers.cache.used() + s.memBytes(),
	}
	m.GetTime, m.FlushTime, m.CompactTime = s.getTime.Load(), s.flushTime.Load(), s.compactTime.Load()
	if ns := s.lastFlush.Load(); ns != 0 {
		m.LastFlush = time.Unix(0, ns)
	}
	s.commits.Count(&m)
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

// Close implements kv.Store. It returns a *leak.Error if iterators or snapshots
// were left open.
func (s *Store) Close() error {
	if !s.commits.BeginClose() {
		return nil
	}
	s.mu.Lock()
	s.quiet = true
	s.moved.Broadcast()
	s.mu.Unlock()
	s.tasks.Wait()
	err := s.closeLog()
	leaked := s.handles.CloseAll()
	s.tasks.Wait() // for files of iterators that were left open
	s.closed.Store(true)
	s.commits.EndClose()
	s.readers.close()
	if s.manifest != nil {
		err = errors.Join(err, s.manifest.close())
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return errors.Join(err, leaked)
}

// closeLog ends the log and notes in the manifest where.
func (s *Store) closeLog() error {
	if s.log == nil {
		return nil
	}
	var err error
	if s.commits.NeedsFiles() {
		err = s.flush(context.Background())
	}
	end, closed := s.commits.CloseLog()
	if err = errors.Join(err, closed); err != nil {
		return wrapDir("close", s.opt.Dir, err)
	}
	clean, at := true, version.LogEnd(end)
	return s.manifest.add(&version.Edit{Clean: &clean, LogEnd: &at})
}
