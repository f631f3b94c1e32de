package commit

import (
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// Cut is a place in the log between two batches.
type Cut struct {
	// Seq is the newest number before the cut.
	Seq kv.Seq
	// Segment is the first one of the log after it.
	Segment uint64

	ticket journal.Ticket // of the first record after it
	soft   softWrites     // what of the batches before was not on disk
}

// cutIfFull cuts the log if the engine wants it. While batches are between their
// pieces it only lets no more of them begin.
func (p *Pipeline) cutIfFull() {
	if !p.cutting && !p.engine.Full() {
		return
	}
	if p.spills > 0 {
		p.cutting = true
		return
	}
	if p.writable() == nil {
		// An error of the log will meet the writers that wait for it.
		_, _ = p.cutHere()
	}
}

// Cut cuts the log after the newest ordered batch. Engine.Cut is called.
func (p *Pipeline) Cut() (*Cut, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut()
}

// cut waits until no batch is between its pieces, and cuts the log.
func (p *Pipeline) cut() (*Cut, error) {
	if err := p.writable(); err != nil {
		return nil, err
	}
	for p.spills > 0 {
		p.cutting = true
		p.moved.Wait()
	}
	if err := p.writable(); err != nil {
		return nil, err
	}
	return p.cutHere()
}

func (p *Pipeline) cutHere() (c *Cut, err error) {
	p.cutting = false
	p.moved.Broadcast()
	c = &Cut{Seq: p.next - 1, soft: p.soft}
	if p.log != nil {
		if c.Segment, err = p.log.Rotate(); err != nil {
			return nil, MapError(err)
		}
		if err := p.mark(c); err != nil {
			return nil, err
		}
	}
	p.soft = softWrites{ticket: p.soft.ticket}
	p.engine.Cut(c)
	return c, nil
}

// mark appends the record with which the segment after the cut begins, so that
// its absence can be noticed. Those who follow the log are told if visible writes
// are not in it.
func (p *Pipeline) mark(c *Cut) (err error) {
	c.ticket, err = p.log.Append(CutRecord(c.Seq))
	if err == nil && c.soft.lost {
		c.ticket, err = p.log.Append(GapRecord(c.Seq))
	}
	return MapError(err)
}

// Await returns when the log before the cut is durable, and the segment after it
// there. It may be called again after an error that is kv.ErrNoSpace.
func (p *Pipeline) Await(c *Cut) error {
	if p.log == nil {
		return nil
	}
	err := p.remark(c)
	if err == nil {
		err = p.log.Wait(c.ticket, journal.Synced)
	}
	if err == nil {
		return nil
	}
	return p.fail(err)
}

// remark replaces a mark that was dropped.
func (p *Pipeline) remark(c *Cut) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.ticket.Failed() == nil {
		return nil
	}
	return p.mark(c)
}

// Regret says that the content before the cut did not get to files: what is in no
// log is again.
func (p *Pipeline) Regret(c *Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.soft.lost = p.soft.lost || c.soft.lost
	p.soft.unlogged = p.soft.unlogged || c.soft.unlogged
}

// ReleaseLog gives up the log before a segment.
func (p *Pipeline) ReleaseLog(before uint64) error { return MapError(p.log.Release(before)) }
