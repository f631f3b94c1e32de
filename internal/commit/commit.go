// Package commit is the write path that the engines share. It orders batches,
// checks their conditions, logs them, waits until they are as durable as asked,
// and has the engine show them in order.
//
// # The way of a batch
//
//  1. Order, under the lock of the pipeline: the conditions are checked, the
//     batch gets its numbers, one for each operation, and its record goes to the
//     buffer of the log. Engine.Stage is called.
//  2. Outside the lock the writer waits until the journal has made the record
//     durable, one of the writers doing the work for all. Then Engine.Land puts
//     the batch where readers will find it. A batch that the log refused, as on
//     a full disk, never lands; Engine.Drop is called for it instead.
//  3. Under the lock again Engine.Show makes all batches visible that have landed
//     and have none before them that has not.
//
// # Cuts
//
// A cut is a place in the log between two batches, at the beginning of a segment:
// what is before it can go once the engine has it in its files. No batch that
// went to the log in pieces has pieces on both sides.
package commit

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/varvedb/varve/internal/latency"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Engine is what the pipeline needs of an engine. Stage, Show, Drop and Cut are
// called under the lock of the pipeline, must not block, and must not call it.
type Engine interface {
	// Stage takes note of a batch that was ordered and will be shown or dropped.
	Stage(w *Write)
	// Land puts the batch where readers of its numbers will find it. Batches
	// land concurrently and in any order, each as durable as it must be, and all
	// before it too.
	Land(w *Write)
	// Show makes the batches up to w visible; all of them have landed.
	Show(w *Write)
	// Drop forgets a batch whose record will never be read. Dropped are the
	// newest ones, from the last on; before is the newest that stays, nil if it
	// is visible.
	Drop(w, before *Write)
	// Full reports whether the log should be cut here.
	Full() bool
	// Cut is told where the log was cut, after the newest ordered batch.
	Cut(c *Cut)
	// Newest returns the newest visible state.
	Newest() Getter
	// Mend moves all that is visible to files, because the log has lost a part.
	Mend() error
}

// Getter reads a state.
type Getter interface {
	Get(key, dst []byte) (val []byte, ok bool, err error)
}

// Options are the settings of a pipeline.
type Options struct {
	Executor vfs.Executor
	Logger   *slog.Logger
	// Name is that of the store in messages.
	Name string
	// ReadOnly refuses all writes.
	ReadOnly bool
	// SpillBytes is the size above which a batch goes to the log in pieces.
	SpillBytes int
	// HistoryBytes bounds the memory of the resolver; 0 is its default.
	HistoryBytes int
	// Recent is how many bytes of batches are kept in memory for feeds where
	// there is no log.
	Recent int
	// SyncInterval, if not 0, syncs weaker writes that often.
	SyncInterval time.Duration
}

// Write is a batch on its way.
type Write struct {
	// First and Seq are the numbers of its first and its last operation. A batch
	// without operations has a number too.
	First, Seq kv.Seq
	// Batch does not change before the write is shown or dropped.
	Batch *kv.Batch
	// State is whatever the engine keeps for the write.
	State any

	ticket journal.Ticket
	// level is what the ticket must reach before the write may land: the
	// strongest that it or a write before it asked for, since writes become
	// visible in order.
	level  journal.Level
	waits  bool // for the ticket, its own or that of the write before
	logged bool
	landed bool
	shown  bool
	// inserted says that it goes to files past the log, and filed that it is there.
	inserted, filed bool
	moved           vfs.Cond // signals shown; nil while nobody waits
}

// Pipeline is the write path of one open store. Its methods may be called
// concurrently.
type Pipeline struct {
	opt    Options
	engine Engine

	mu       vfs.Mutex // guards what follows; taken before the locks of the journal
	moved    vfs.Cond  // signals shown, spills, cutting, failure, calls
	log      *journal.Writer
	next     kv.Seq // number of the next operation
	shown    kv.Seq // of the newest visible write
	pending  []*Write
	resolver *kv.Resolver
	unlogged map[uint64]bool // keyspaces without log
	soft     softWrites
	logged   kv.Seq // newest visible write with a record in the log
	failure  error  // why no more writes are taken
	calls    int    // running ones that Close waits for
	closing  bool
	closed   bool
	nextID   uint64 // of a batch in pieces
	spills   int    // batches of which pieces are in the log
	cutting  bool   // no further ones start before the next cut
	stopSync func() bool
	recent   recent // batches, where there is no log

	batches, conflicts, bytesIn atomic.Int64
	applyTime                   latency.Recorder
}

// softWrites is what is visible without being on disk.
type softWrites struct {
	ticket   journal.Ticket // of the newest one in the buffer of the log
	unlogged bool           // some are in no log at all
	lost     bool           // records were dropped: the log has a hole until a cut
}

// failed returns why a record was dropped, nil if none was.
func (w softWrites) failed() error {
	if w.ticket == (journal.Ticket{}) {
		return nil
	}
	return w.ticket.Failed()
}

// New returns a pipeline without content or log. Start must be called before it
// is used.
func New(opt Options, e Engine) *Pipeline {
	p := &Pipeline{opt: opt, engine: e, mu: opt.Executor.NewMutex(), unlogged: make(map[uint64]bool)}
	p.moved = opt.Executor.NewCond(p.mu)
	return p
}

// Start tells the newest state of the store, the log, nil for none, and the
// highest number that pieces in it have.
func (p *Pipeline) Start(seq kv.Seq, log *journal.Writer, pieces uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log, p.nextID = log, pieces
	p.reset(seq)
	if p.opt.SyncInterval > 0 && log != nil {
		p.stopSync = p.opt.Executor.AfterFunc(p.opt.SyncInterval, p.intervalSync)
	}
}

// Restart tells that the content is another one: that of a store that others
// write. Show runs under the lock.
func (p *Pipeline) Restart(seq kv.Seq, show func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset(seq)
	show()
}

func (p *Pipeline) reset(seq kv.Seq) {
	p.next, p.shown = seq+1, seq
	p.recent = recent{limit: p.opt.Recent, after: seq}
	p.resolver = kv.NewResolver(seq, p.opt.HistoryBytes)
}

// Enter begins a call that Close waits for, unless ctx has ended.
func (p *Pipeline) Enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.enter()
}

func (p *Pipeline) enter() error {
	if p.closing {
		return kv.ErrClosed
	}
	p.calls++
	return nil
}

// Leave ends what Enter began.
func (p *Pipeline) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave()
}

func (p *Pipeline) leave() {
	p.calls--
	if p.closing {
		p.moved.Broadcast()
	}
}

// Open registers the newest visible state, until Release: conditions may refer to
// it, and States returns it. Capture runs under the lock.
func (p *Pipeline) Open(capture func(seq kv.Seq)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return kv.ErrClosed
	}
	p.resolver.Open(p.shown)
	capture(p.shown)
	return nil
}

// Release ends what Open began.
func (p *Pipeline) Release(seq kv.Seq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resolver.Release(seq)
}

// States returns the numbers of the open states, rising, and at the end that of
// the newest visible one: what none of them sees, no reader will.
func (p *Pipeline) States() []kv.Seq {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := p.resolver.States()
	if n := len(states); n == 0 || states[n-1] != p.shown {
		states = append(states, p.shown)
	}
	return states
}

// Count fills in what the pipeline counts.
func (p *Pipeline) Count(m *kv.Metrics) {
	m.Batches, m.Conflicts, m.BytesIn = p.batches.Load(), p.conflicts.Load(), p.bytesIn.Load()
	if p.log != nil {
		stats := p.log.Stats()
		m.LogBytes, m.LogSyncs, m.SyncTime = stats.Bytes, stats.Syncs, stats.SyncTime
	}
	m.ApplyTime = p.applyTime.Load()
}

// Locked calls f under the lock of the pipeline.
func (p *Pipeline) Locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// Failure returns why no more writes are taken, nil if they are.
func (p *Pipeline) Failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failure
}

// LastLogged returns the number of the newest write that must be found in the log
// or the files after Sync; 0 if the log has a hole.
func (p *Pipeline) LastLogged() kv.Seq {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.soft.lost {
		return 0
	}
	return p.logged
}

// BeginClose lets no more calls enter and waits for those that run. It reports
// false if the store was closed before, and then waits until it is.
func (p *Pipeline) BeginClose() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.closing
	p.closing = true
	p.moved.Broadcast()
	for p.calls > 0 || !first && !p.closed {
		p.moved.Wait()
	}
	if first && p.stopSync != nil {
		p.stopSync()
	}
	return first
}

// NeedsFiles reports whether Close must move to files what is in no log, and
// can.
func (p *Pipeline) NeedsFiles() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failure == nil && (p.soft.unlogged || p.soft.lost)
}

// CloseLog ends the log. It returns an error if what it holds is not all that was
// shown.
func (p *Pipeline) CloseLog() (journal.End, error) {
	end, err := p.log.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.soft.lost {
		err = fmt.Errorf("writes of the weakest durability are lost: %w", kv.ErrNoSpace)
	}
	return end, MapError(err)
}

// EndClose says that the store is closed.
func (p *Pipeline) EndClose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.moved.Broadcast()
}
