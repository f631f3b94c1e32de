package bwtree

import (
	"context"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/kv"
)

// reader reads states of a store: the newest, or a fixed one.
type reader struct {
	store *Store
	fixed kv.Seq       // 0 for the newest
	ended *atomic.Bool // of the snapshot, if it is one
}

func (r *reader) err() error {
	if r.store.closed.Load() || r.ended != nil && r.ended.Load() {
		return kv.ErrClosed
	}
	return nil
}

// leaf returns the leaf that holds key, and the number to read.
func (r *reader) leaf(key []byte) (*leaf.Leaf, kv.Seq, error) {
	if err := r.err(); err != nil {
		return nil, 0, err
	}
	if r.fixed == 0 {
		return r.store.newest().tree.newest(key)
	}
	_, l, _, err := r.store.tree.find(key)
	return l, r.fixed, err
}

// Get implements kv.Reader. It takes no lock, and allocates nothing if the page is
// in memory and dst large enough.
func (r *reader) Get(key, dst []byte) ([]byte, bool, error) {
	r.store.gets.Add(key)
	l, at, err := r.leaf(key)
	if err != nil {
		return nil, false, err
	}
	return l.Get(key, at, r.store.opt.Mergers, dst)
}

// Has implements kv.Reader, as Get does.
func (r *reader) Has(key []byte) (bool, error) {
	l, at, err := r.leaf(key)
	return err == nil && l.Has(key, at), err
}

// MultiGet implements kv.Reader: all keys are read at one state, in their order, until
// f returns an error. Values are valid during the call.
func (r *reader) MultiGet(keys [][]byte, f func(i int, val []byte, ok bool) error) error {
	if err := r.err(); err != nil {
		return err
	}
	at := *r
	if at.fixed == 0 {
		at.store = r.store.newest()
		hold := at.store.hold()
		defer hold.release()
		at.fixed = kv.Seq(hold.number.Load())
	}
	var buf []byte
	for i, key := range keys {
		val, ok, err := at.Get(key, buf)
		if err == nil {
			err = f(i, val, ok)
		}
		if err != nil {
			return err
		}
		if val != nil {
			buf = val
		}
	}
	return nil
}

// hold registers the newest visible state.
func (s *Store) hold() *slot {
	hold := s.tree.states.open()
	hold.set(s.queue.visible())
	return hold
}

// snapshot is a fixed state, which consolidations keep.
type snapshot struct {
	reader
	handle *leak.Handle
}

// Snapshot implements kv.Store. It copies nothing; consolidations keep what it reads
// until it is closed.
func (s *Store) Snapshot(ctx context.Context) (kv.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.closed.Load() {
		return nil, kv.ErrClosed
	}
	s = s.newest()
	hold := s.hold()
	snap := &snapshot{reader: reader{store: s, fixed: kv.Seq(hold.number.Load()), ended: new(atomic.Bool)}}
	snap.handle = leak.Open(s.handles, snap, "snapshot", hold.release)
	return snap, nil
}

// Seq implements kv.Snapshot.
func (s *snapshot) Seq() kv.Seq { return s.fixed }

// Close implements kv.Snapshot.
func (s *snapshot) Close() error {
	s.ended.Store(true)
	s.handle.Close()
	return nil
}
