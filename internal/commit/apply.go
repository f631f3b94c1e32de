package commit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// Apply is that of kv.Store.
func (p *Pipeline) Apply(ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	if err := b.Err(); err != nil {
		return 0, err
	}
	if err := p.Enter(ctx); err != nil {
		return 0, err
	}
	defer p.Leave()
	if err := p.mendHole(); err != nil {
		return 0, err
	}
	begin := p.opt.Executor.Now()
	w, err := p.orderWhenEqual(b, opt)
	if err != nil {
		return 0, err
	}
	if err := p.finish(w); err != nil {
		return 0, err
	}
	p.applyTime.Record(p.opt.Executor.Now().Sub(begin))
	p.batches.Add(1)
	p.bytesIn.Add(int64(b.Size()))
	return w.Seq, nil
}

// orderWhenEqual orders the batch if what it expects to find is there. It reads
// outside the lock, and again if what it read was overwritten before the batch
// was ordered.
func (p *Pipeline) orderWhenEqual(b *kv.Batch, opt kv.WriteOptions) (*Write, error) {
	for {
		seen, err := p.see(opt.If)
		if err != nil {
			return nil, err
		}
		w, err := p.orderSpilled(b, opt, seen)
		p.unsee(seen)
		if err == nil {
			return w, nil
		}
		if p.awaitWinner(err); !errors.Is(err, errSeenChanged) {
			return nil, err
		}
	}
}

// errSeenChanged says that a key of Conditions.Equal was written after it was
// read.
var errSeenChanged = errors.New("changed after it was read")

// see returns the conditions under which what c expects, and what is there now,
// stays so; nil if c expects nothing. Their state is open until unsee.
func (p *Pipeline) see(c *kv.Conditions) (*kv.Conditions, error) {
	if c == nil || len(c.Equal) == 0 {
		return nil, nil
	}
	seen := &kv.Conditions{}
	var now Getter
	if err := p.Open(func(seq kv.Seq) { seen.At, now = seq, p.engine.Newest() }); err != nil {
		return nil, err
	}
	for _, want := range c.Equal {
		seen.Keys = append(seen.Keys, want.Key)
		if err := compare(now, want, seen.At); err != nil {
			p.unsee(seen)
			if errors.Is(err, kv.ErrConflict) {
				p.conflicts.Add(1)
			}
			return nil, err
		}
	}
	return seen, nil
}

func (p *Pipeline) unsee(seen *kv.Conditions) {
	if seen != nil {
		p.Release(seen.At)
	}
}

func compare(now Getter, want kv.KV, seq kv.Seq) error {
	val, ok, err := now.Get(want.Key, nil)
	if err != nil || ok != want.Absent && (!ok || string(val) == string(want.Value)) {
		return err
	}
	return &kv.ConflictError{Key: bytes.Clone(want.Key), Seq: seq, Expected: true,
		Actual: kv.KV{Key: bytes.Clone(want.Key), Value: val, Absent: !ok}}
}

func (p *Pipeline) orderSpilled(b *kv.Batch, opt kv.WriteOptions, seen *kv.Conditions) (*Write, error) {
	sp, err := p.spill(b)
	if err != nil {
		return nil, err
	}
	return p.order(b, opt, seen, sp)
}

// order is the critical section: it checks the conditions and gives the batch
// its place.
func (p *Pipeline) order(b *kv.Batch, opt kv.WriteOptions, seen *kv.Conditions, sp *spilled) (*Write, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sp != nil {
		defer p.endSpill()
	}
	if err := p.writable(); err != nil {
		return nil, err
	}
	if err := p.check(opt.If, seen); err != nil {
		return nil, err
	}
	w := &Write{First: p.next, Seq: p.next + kv.Seq(max(b.Len(), 1)) - 1, Batch: b, level: level(opt.Durability)}
	if err := p.append(w, sp); err != nil {
		return nil, err
	}
	p.next = w.Seq + 1
	p.engine.Stage(w)
	p.pending = append(p.pending, w)
	p.resolver.Record(w.Seq, b)
	p.cutIfFull()
	return w, nil
}

func (p *Pipeline) writable() error {
	switch {
	case p.opt.ReadOnly:
		return fmt.Errorf("%s was opened read-only: %w", p.opt.Name, kv.ErrReadOnly)
	case p.failure != nil:
		return fmt.Errorf("no more writes until the store is opened again: %w: %w", kv.ErrReadOnly, p.failure)
	}
	return nil
}

func (p *Pipeline) check(c, seen *kv.Conditions) error {
	if c == nil {
		return nil
	}
	if err := p.resolver.Check(c); err != nil {
		p.conflicts.Add(1)
		return err
	}
	if seen != nil {
		if err := p.resolver.Check(seen); err != nil {
			return fmt.Errorf("%w: %w", errSeenChanged, err)
		}
	}
	return nil
}

// append writes the record of a batch to the buffer of the log.
func (p *Pipeline) append(w *Write, sp *spilled) (err error) {
	if n := len(p.pending); n > 0 {
		before := p.pending[n-1]
		w.ticket, w.waits = before.ticket, before.waits
		w.level = max(w.level, before.level)
	}
	if p.log == nil || p.isUnlogged(w.Batch) {
		return nil
	}
	var head [64]byte
	if sp != nil {
		if err := sp.failed(); err != nil {
			return MapError(err)
		}
		w.ticket, err = p.log.Append(sp.commitRecord(head[:0], w.Seq))
	} else {
		w.ticket, err = p.log.AppendParts(appendHeader(head[:0], recordBatch, w.Seq), w.Batch.Encoding())
	}
	w.waits, w.logged = true, true
	return MapError(err)
}

// isUnlogged reports whether all keys of b are in keyspaces without log.
func (p *Pipeline) isUnlogged(b *kv.Batch) bool {
	if len(p.unlogged) == 0 || b.Len() == 0 {
		return false
	}
	for op := range b.Ops() {
		if len(op.Key) < 8 || !p.unlogged[binary.BigEndian.Uint64(op.Key)] || !inKeyspace(op) {
			return false
		}
	}
	return true
}

// inKeyspace reports whether op writes only in the keyspace of its key.
func inKeyspace(op kv.Op) bool {
	if op.Kind != kv.OpDeleteRange {
		return true
	}
	end := kv.KeyspaceSpan(binary.BigEndian.Uint64(op.Key)).End
	return op.Span().End != nil && (end == nil || string(op.Span().End) <= string(end))
}

// finish waits for the durability of w, lands it, and returns when it is visible.
func (p *Pipeline) finish(w *Write) error {
	if w.waits {
		if err := p.log.Wait(w.ticket, w.level); err != nil {
			return p.fail(err)
		}
	}
	p.engine.Land(w)
	p.mu.Lock()
	defer p.mu.Unlock()
	w.landed = true
	p.publish()
	for !w.shown {
		if w.moved == nil {
			w.moved = p.opt.Executor.NewCond(p.mu)
		}
		w.moved.Wait()
	}
	return nil
}

// publish shows the writes that have landed and have none before them that has
// not.
func (p *Pipeline) publish() {
	n := 0
	for n < len(p.pending) && p.pending[n].landed {
		w := p.pending[n]
		p.soften(w)
		if p.log == nil {
			p.recent.add(w)
		}
		w.shown = true
		if w.moved != nil {
			w.moved.Signal()
		}
		n++
	}
	if n == 0 {
		return
	}
	last := p.pending[n-1]
	p.shown = last.Seq
	p.engine.Show(last)
	p.resolver.Publish(last.Seq)
	left := copy(p.pending, p.pending[n:])
	clear(p.pending[left:])
	p.pending = p.pending[:left]
	p.moved.Broadcast()
}

// soften notes what of a visible write is on disk.
func (p *Pipeline) soften(w *Write) {
	switch {
	case p.log == nil:
	case w.filed:
		p.logged = w.Seq
	case w.logged:
		p.logged = w.Seq
		if w.level == journal.Process {
			p.soft.ticket = w.ticket
		}
	default:
		p.soft.unlogged = true
	}
}

// awaitWinner returns when the write that caused a conflict is visible, so that
// the loser does not try again in vain.
func (p *Pipeline) awaitWinner(err error) {
	var conflict *kv.ConflictError
	if !errors.As(err, &conflict) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.shown < conflict.Seq && len(p.pending) > 0 && p.failure == nil {
		p.moved.Wait()
	}
}

// AwaitShown returns when no write up to seq is on its way any more.
func (p *Pipeline) AwaitShown(seq kv.Seq) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.pending) > 0 && p.pending[0].First <= seq {
		if p.failure != nil {
			return p.failure
		}
		p.moved.Wait()
	}
	return nil
}
