package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Host is a store whose changes are told.
type Host struct {
	Executor vfs.Executor
	// Log has the records of this package.
	Log *journal.Writer
	// Shown returns the number of the newest visible batch, or kv.ErrClosed.
	Shown func() (kv.Seq, error)
	// AwaitShown returns when no batch up to a number is on its way any more.
	AwaitShown func(kv.Seq) error

	recent func(after kv.Seq) (source, error) // instead of a log
}

// Watch is that of kv.Watcher; the feed is one of handles.
func (p *Pipeline) Watch(handles *leak.Tracker, after kv.Seq, spans []kv.Span) (kv.Feed, error) {
	if p.opt.ReadOnly {
		return nil, fmt.Errorf("watch a store that was opened read-only: %w", errors.ErrUnsupported)
	}
	h := &Host{Executor: p.opt.Executor, Log: p.log, Shown: p.newest, AwaitShown: p.AwaitShown}
	if p.log == nil {
		h.recent = func(after kv.Seq) (source, error) { return p.recent.from(p, after) }
	}
	return h.Watch(handles, after, spans)
}

// newest is Host.Shown.
func (p *Pipeline) newest() (kv.Seq, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return 0, kv.ErrClosed
	}
	return p.shown, nil
}

// Watch is that of kv.Watcher; the feed is one of handles.
func (h *Host) Watch(handles *leak.Tracker, after kv.Seq, spans []kv.Span) (kv.Feed, error) {
	if len(spans) == 0 {
		spans = []kv.Span{{}}
	}
	t := &teller{host: h, spans: slices.Clone(spans), seq: after, mu: h.Executor.NewMutex()}
	if err := t.start(); err != nil {
		return nil, fmt.Errorf("watch from state %d: %w", after, MapError(err))
	}
	t.open, t.cancel = context.WithCancel(context.Background())
	f := &feed{teller: t}
	f.handle = leak.Open(handles, f, "feed", t.close)
	return f, nil
}

// feed is a kv.Feed. What it does is in teller, which does not keep it alive.
type feed struct {
	*teller
	handle *leak.Handle
}

// Close implements kv.Feed.
func (f *feed) Close() error {
	f.handle.Close()
	return nil
}

// teller reads batches and tells what they do in its spans.
type teller struct {
	host   *Host
	spans  []kv.Span
	open   context.Context // ended by close
	cancel context.CancelFunc

	mu    vfs.Mutex // guards what follows
	from  source
	seq   kv.Seq // all up to it was told
	queue []told // read, but not told
	err   error  // for good
}

// told is a batch to tell of.
type told struct {
	seq   kv.Seq
	batch *kv.Batch
}

// source is where batches come from.
type source interface {
	// next calls f for the next batches that are durable, and reports whether
	// there were some.
	next(f func(told)) (bool, error)
	// wait returns when there may be more, or with the error of ctx.
	wait(ctx context.Context) error
	close() error
}

// start finds where to begin.
func (t *teller) start() (err error) {
	shown, err := t.host.Shown()
	if t.seq == 0 {
		t.seq = shown
	}
	switch {
	case err != nil:
		return err
	case t.seq > shown:
		return fmt.Errorf("the store is at state %d: %w", shown, kv.ErrCompacted)
	case t.host.recent != nil:
		t.from, err = t.host.recent(t.seq)
	default:
		t.from, err = newLogSource(t.host.Log, t.seq)
	}
	return err
}

func (t *teller) close() {
	t.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.end(kv.ErrClosed)
	}
}

// Seq implements kv.Feed.
func (t *teller) Seq() kv.Seq {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seq
}

// Next implements kv.Feed.
func (t *teller) Next(ctx context.Context) (kv.Change, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		c, ok, err := t.poll()
		if err != nil || ok {
			return c, err
		}
		if err := t.wait(ctx); ctx.Err() != nil {
			return kv.Change{}, ctx.Err()
		} else if err != nil {
			t.end(err)
		}
	}
}

// Poll implements kv.Feed.
func (t *teller) Poll() (kv.Change, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.poll()
}

func (t *teller) poll() (kv.Change, bool, error) {
	for t.err == nil {
		if c, ok := t.tell(); ok {
			return c, true, nil
		}
		if more, err := t.read(); err != nil {
			t.end(err)
		} else if !more {
			return kv.Change{}, false, nil
		}
	}
	return kv.Change{}, false, t.err
}

// tell returns the next change among the batches that were read.
func (t *teller) tell() (kv.Change, bool) {
	for len(t.queue) > 0 {
		next := t.queue[0]
		if err := t.host.AwaitShown(next.seq); err != nil {
			t.end(err)
			break
		}
		t.queue = t.queue[1:]
		t.seq = next.seq
		if ops := within(next.batch, t.spans); len(ops) > 0 {
			return kv.Change{Seq: next.seq, Ops: ops}, true
		}
	}
	return kv.Change{}, false
}

// read reads the next batches that are durable, if there are some.
func (t *teller) read() (bool, error) {
	t.queue = nil
	return t.from.next(func(next told) {
		if next.seq > t.seq {
			t.queue = append(t.queue, next)
		}
	})
}

// wait returns when there may be more to read.
func (t *teller) wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.open, cancel)()
	err := t.from.wait(ctx)
	if t.open.Err() != nil {
		return kv.ErrClosed
	}
	return err
}

// end makes err the end of the feed.
func (t *teller) end(err error) {
	if errors.Is(err, journal.ErrReleased) {
		err = fmt.Errorf("after state %d: %w", t.seq, kv.ErrCompacted)
	}
	t.err = MapError(errors.Join(err, t.from.close()))
	t.queue = nil
}

// within returns what the operations of a batch do in spans.
func within(b *kv.Batch, spans []kv.Span) (ops []kv.Op) {
	for op := range b.Ops() {
		for _, span := range spans {
			if op, ok := op.Within(span); ok {
				ops = append(ops, op)
			}
		}
	}
	return ops
}
