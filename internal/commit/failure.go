package commit

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// fail takes back the writes that the log has lost and returns err for the user.
// If the disk is only full the store goes on.
func (p *Pipeline) fail(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !errors.Is(err, kv.ErrNoSpace) {
		p.stop(MapError(err))
		return MapError(err)
	}
	p.rollBack()
	return fmt.Errorf("nothing was changed: %w", MapError(err))
}

// Stop takes no more writes until the store is opened again, because of err.
func (p *Pipeline) Stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop(err)
}

func (p *Pipeline) stop(err error) {
	if p.failure == nil {
		p.failure = err
		p.opt.Logger.Error("varve: the disk failed; no more writes are taken", "dir", p.opt.Name, "err", err)
	}
	// The batches go back to their callers; no condition will be checked again.
	p.resolver.Discard(p.shown)
	p.moved.Broadcast()
}

// rollBack drops the pending writes whose records were dropped.
func (p *Pipeline) rollBack() {
	for n := len(p.pending); n > 0; n-- {
		w := p.pending[n-1]
		if !w.waits || w.ticket.Failed() == nil {
			break
		}
		var before *Write
		if n > 1 {
			before = p.pending[n-2]
		}
		p.pending[n-1] = nil
		p.pending = p.pending[:n-1]
		p.engine.Drop(w, before)
	}
	newest := p.shown
	if n := len(p.pending); n > 0 {
		newest = p.pending[n-1].Seq
	}
	p.resolver.Discard(newest)
	if p.soft.failed() != nil {
		p.soft.ticket, p.soft.lost = journal.Ticket{}, true
	}
	if err := p.log.Resume(); err != nil && p.failure == nil {
		p.failure = MapError(err)
	}
	p.moved.Broadcast()
}

// mendHole has the engine write files if visible writes have been lost from the
// log, so that the log can go on.
func (p *Pipeline) mendHole() error {
	p.mu.Lock()
	hole := p.soft.lost
	p.mu.Unlock()
	if !hole {
		return nil
	}
	return p.engine.Mend()
}
