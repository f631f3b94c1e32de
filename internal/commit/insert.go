package commit

import (
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// Insert gives a place among the writes to what the engine brings into its files
// by itself. b stands for it where conditions are checked: it writes wherever the
// files may. It is neither logged nor landed.
//
// The log is cut before the write, and has a record that tells those who follow
// it that changes are missing. When all that was ordered before is durable, move
// is to bring it to files, and add to put the new files above them, durably, with
// the number of the write. Later writes wait meanwhile until they become visible,
// but are logged. If one of the two fails, the number is that of nothing.
func (p *Pipeline) Insert(b *kv.Batch, move func(*Cut) error, add func(kv.Seq) error) (kv.Seq, error) {
	if err := p.mendHole(); err != nil {
		return 0, err
	}
	w, c, err := p.orderInsert(b)
	if err != nil {
		return 0, err
	}
	if w.waits {
		if err := p.log.Wait(w.ticket, journal.Synced); err != nil {
			return 0, p.fail(err) // which drops it
		}
	}
	if err = move(c); err == nil {
		err = add(w.Seq)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.landed, w.filed = true, err == nil
	p.publish()
	return w.Seq, err
}

// orderInsert cuts the log and orders the write.
func (p *Pipeline) orderInsert(b *kv.Batch) (*Write, *Cut, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.cut()
	if err != nil {
		return nil, nil, err
	}
	w := &Write{First: p.next, Seq: p.next, Batch: b, level: journal.Synced, inserted: true}
	if p.log != nil {
		if w.ticket, err = p.log.Append(appendHeader(nil, recordGap, w.Seq)); err != nil {
			return nil, nil, MapError(err)
		}
		w.waits = true
	}
	p.next = w.Seq + 1
	p.pending = append(p.pending, w)
	p.resolver.Record(w.Seq, b)
	return w, c, nil
}
