package commit

import (
	"context"

	"github.com/varvedb/varve/kv"
)

// recent holds the newest batches of a store without log, oldest first. It is
// guarded by the lock of the pipeline.
type recent struct {
	list  []told
	bytes int
	limit int
	after kv.Seq // the state before the first of list
}

// add keeps a copy of a batch, and forgets old ones for it: all, if nobody could
// tell what it did.
func (r *recent) add(w *Write) {
	if r.limit <= 0 || w.inserted {
		r.list, r.bytes, r.after = nil, 0, w.Seq
		return
	}
	kept := new(kv.Batch)
	kept.Append(w.Batch)
	r.list = append(r.list, told{seq: w.Seq, batch: kept})
	r.bytes += kept.Size()
	for r.bytes > r.limit && len(r.list) > 0 {
		r.bytes -= r.list[0].batch.Size()
		r.after = r.list[0].seq
		r.list[0] = told{}
		r.list = r.list[1:]
	}
}

// from returns a source of what came after a state. The lock is not held.
func (r *recent) from(p *Pipeline, after kv.Seq) (source, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if after < r.after {
		return nil, kv.ErrCompacted
	}
	return &recentSource{p: p, seq: after}, nil
}

// recentSource tells what recent holds.
type recentSource struct {
	p   *Pipeline
	seq kv.Seq
}

func (s *recentSource) next(f func(told)) (bool, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.p.recent.after > s.seq {
		return false, kv.ErrCompacted
	}
	before := s.seq
	for _, t := range s.p.recent.list {
		if t.seq > s.seq {
			s.seq = t.seq
			f(t)
		}
	}
	return s.seq > before, nil
}

func (s *recentSource) wait(ctx context.Context) error {
	p := s.p
	defer context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.moved.Broadcast()
	})()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.shown <= s.seq && ctx.Err() == nil && !p.closing {
		p.moved.Wait()
	}
	if p.closing {
		return kv.ErrClosed
	}
	return ctx.Err()
}

func (*recentSource) close() error { return nil }
