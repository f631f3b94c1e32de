package varve

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/varvedb/varve/kv"
)

// entry is what all handles of a collection in this process share.
type entry struct {
	id  ID
	now atomic.Pointer[place] // newest known
}

// place tells where a collection was found at some state.
type place struct {
	space   uint64
	counted bool
	dropped bool
	seq     kv.Seq // the record was like this at this state
}

// lookUp reads where the collection is; that it was dropped is ErrDropped.
func (e *entry) lookUp(r kv.Reader) (place, error) {
	rec, ok, err := readRecord(r, e.id)
	switch {
	case err != nil:
		return place{}, err
	case !ok:
		return place{dropped: true}, fmt.Errorf("collection %d: %w", e.id, ErrDropped)
	}
	return place{space: rec.Space, counted: rec.Counted}, nil
}

// at returns where the collection is at a snapshot, without reading if the
// catalog has not been written since that was last looked up.
func (db *DB) at(e *entry, snap kv.Snapshot) (place, error) {
	if p := db.known(e, snap.Seq()); p != nil {
		return *p, p.err(e)
	}
	return e.lookUp(snap)
}

// known returns where the collection is at the state seq, if that can be told
// without reading; else nil.
func (db *DB) known(e *entry, seq kv.Seq) *place {
	p := e.now.Load()
	if p == nil || p.seq > seq || db.catalogSpace.LastModified() > p.seq {
		return nil
	}
	return p
}

func (p *place) err(e *entry) error {
	if p.dropped {
		return fmt.Errorf("collection %d: %w", e.id, ErrDropped)
	}
	return nil
}

// refresh looks up where the collection is now. An error is kept for the next
// reader to meet itself.
func (db *DB) refresh(e *entry) (place, error) {
	snap, err := db.store.Snapshot(context.Background())
	if err != nil {
		return place{}, err
	}
	p, err := e.lookUp(snap)
	if err == nil || p.dropped {
		p.seq = snap.Seq()
		e.advance(&p)
	}
	return p, errors.Join(err, snap.Close())
}

// advance makes p the newest known place unless a newer one is known.
func (e *entry) advance(p *place) {
	for {
		old := e.now.Load()
		if old != nil && old.seq >= p.seq || e.now.CompareAndSwap(old, p) {
			return
		}
	}
}

// shared returns the entry that all handles of a collection share.
func (db *DB) shared(id ID) *entry {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, ok := db.entries[id]
	if !ok {
		e = &entry{id: id}
		db.entries[id] = e
	}
	return e
}
