package bwtree

import (
	"context"
	"encoding/binary"
	"maps"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/kv"
)

// keyspaces are those that were asked for.
type keyspaces struct {
	known atomic.Pointer[map[uint64]*keyspace]
}

// keyspace is a kv.Keyspace.
type keyspace struct {
	all      *Store
	id       uint64
	noLog    bool
	modified atomic.Uint64
}

// raise makes seq the last number that modified the keyspace, unless a higher one
// did.
func (k *keyspace) raise(seq kv.Seq) {
	for {
		old := k.modified.Load()
		step.At("raise")
		if old >= uint64(seq) || k.modified.CompareAndSwap(old, uint64(seq)) {
			return
		}
	}
}

// touch notes that a batch with a number writes what d says.
func (k *keyspaces) touch(d *leaf.Delta, seq kv.Seq) {
	known := k.known.Load()
	if known == nil {
		return
	}
	if d.Kind != kv.OpDeleteRange {
		if space := (*known)[keyspaceOf(d.Key)]; space != nil {
			space.raise(seq)
		}
		return
	}
	for id, space := range *known {
		if overlap(kv.Span{Start: d.Key, End: d.Value}, kv.KeyspaceSpan(id)) {
			space.raise(seq)
		}
	}
}

// keyspaceOf returns the id of the keyspace of a key; shorter keys are taken as
// filled up with zeros.
func keyspaceOf(key []byte) uint64 {
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

// isUnlogged reports whether all keys of a batch are in keyspaces without log.
func (k *keyspaces) isUnlogged(w *write) bool {
	known := k.known.Load()
	if known == nil || len(w.deltas) == 0 {
		return false
	}
	for i := range w.deltas {
		d := &w.deltas[i]
		space := (*known)[keyspaceOf(d.Key)]
		if len(d.Key) < 8 || space == nil || !space.noLog || !space.within(d) {
			return false
		}
	}
	return true
}

// within reports whether d, whose key is in the keyspace, writes nowhere else.
func (k *keyspace) within(d *leaf.Delta) bool {
	if d.Kind != kv.OpDeleteRange {
		return true
	}
	end := kv.KeyspaceSpan(k.id).End
	return d.Value != nil && (end == nil || string(d.Value) <= string(end))
}

// Keyspace implements kv.Store. A keyspace is a prefix of the one tree; the same id
// gives the same one, with the options of the first call.
func (s *Store) Keyspace(id uint64, opt kv.KeyspaceOptions) (kv.Keyspace, error) {
	if s.closed.Load() {
		return nil, kv.ErrClosed
	}
	for {
		old := s.keyspaces.known.Load()
		next := make(map[uint64]*keyspace)
		if old != nil {
			if space := (*old)[id]; space != nil {
				return space, nil
			}
			maps.Copy(next, *old)
		}
		space := &keyspace{all: s, id: id, noLog: opt.NoLog}
		next[id] = space
		step.At("add a keyspace")
		if s.keyspaces.known.CompareAndSwap(old, &next) {
			// Batches that are ordered from here on touch it; others were before.
			space.raise(s.queue.last().seq)
			return space, nil
		}
	}
}

// ID implements kv.Keyspace.
func (k *keyspace) ID() uint64 { return k.id }

// LastModified implements kv.Keyspace.
func (k *keyspace) LastModified() kv.Seq { return kv.Seq(k.modified.Load()) }

// Stats implements kv.Keyspace. It reads the whole keyspace.
func (k *keyspace) Stats(ctx context.Context) (st kv.KeyspaceStats, err error) {
	it := k.all.Iter(kv.IterOptions{Prefix: kv.KeyspacePrefix(k.id), NoFill: true})
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		st.Keys++
		st.Bytes += int64(len(it.Key()) + len(it.Value()))
		if st.Keys%1024 == 0 && ctx.Err() != nil {
			return st, ctx.Err()
		}
	}
	st.Exact = true
	return st, it.Err()
}
