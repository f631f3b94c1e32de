package lsm

import (
	"bytes"
	"errors"
	"slices"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
	"github.com/varvedb/varve/lsm/internal/version"
)

// rewriter writes sorted entries to tables, without those that no reader can
// see. Readers see one of the states, or a newer one; so of the entries of a key
// whose numbers lie between the same two states, in one stripe, only the newest
// counts, with the value that the operands of merges need.
type rewriter struct {
	store      *Store
	states     []kv.Seq      // rising
	tombstones rangedel.List // with the newest number of each stripe
	number     func() uint64 // of the next table

	// What the tables are for, to estimate what their tombstones delete; may be nil.
	tree *version.Version

	// Of a flush: where tables end in any case.
	cuts [][]byte

	last   []byte // key that was put
	before int64  // bytes of the table before its keyspace

	// Of a compaction; a flush has none, and older data may be anywhere.
	compaction *version.Compaction
	lower      []byte // where the current table begins; nil is the beginning
	upper      []byte // where the last one ends; nil is the end
	stop       func() error

	out   *output // nil between tables
	files []*version.File
	cutter
}

// run writes the entries that it walks over, from where it is put. On an error
// it removes what it has written.
func (w *rewriter) run(it walk) (files []*version.File, err error) {
	if err = w.writeAll(it); err == nil {
		err = w.finish(w.upper)
	}
	if err == nil && len(w.files) > 0 {
		err = w.store.opt.FS.SyncDir(w.store.opt.Dir)
	}
	if err == nil {
		return w.files, nil
	}
	if w.out != nil {
		err = errors.Join(err, w.out.abandon())
	}
	return nil, errors.Join(err, w.store.discard(nil, w.files...))
}

// walk is entries in order, from the current one on.
type walk interface {
	Valid() bool
	Key() []byte
	Trailer() entry.Trailer
	Value() []byte
	Next() bool
	Err() error
}

// writeAll writes key by key.
func (w *rewriter) writeAll(it walk) error {
	g := group{w: w}
	for n := 0; it.Valid(); n++ {
		key := it.Key()
		if w.upper != nil && bytes.Compare(key, w.upper) >= 0 {
			break
		}
		g.begin(key)
		for ok := true; ok && bytes.Equal(it.Key(), g.key); ok = it.Next() {
			g.add(it.Trailer(), it.Value())
		}
		if err := it.Err(); err != nil {
			return err
		}
		if err := g.write(); err != nil {
			return err
		}
		if n%256 == 0 && w.stop != nil {
			if err := w.stop(); err != nil {
				return err
			}
		}
	}
	return it.Err()
}

// stripe returns the index of the stripe of a number: of the first state that
// sees it.
func (w *rewriter) stripe(seq kv.Seq) int {
	i, _ := slices.BinarySearch(w.states, seq)
	return i
}

// top returns the highest number of a stripe.
func (w *rewriter) top(stripe int) kv.Seq {
	if stripe == len(w.states) {
		return entry.MaxSeq
	}
	return w.states[stripe]
}

// base reports whether nothing older than what is written here is under the key.
func (w *rewriter) base(key []byte) bool {
	return w.compaction != nil && (w.compaction.Bottommost || w.compaction.IsBaseFor(key))
}

// put adds an entry to the table, or to a new one if it is full and key another.
func (w *rewriter) put(key []byte, t entry.Trailer, val []byte, first bool) error {
	if first && (w.cut(key) || w.out != nil && w.full(key)) {
		if err := w.finish(key); err != nil {
			return err
		}
	}
	if w.out == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	w.last = append(w.last[:0], key...)
	return w.out.Add(key, t, val)
}

func (w *rewriter) begin() (err error) {
	level, last := 0, false
	if w.compaction != nil {
		level, last = w.compaction.Output, w.compaction.Bottommost
	}
	w.before = 0
	w.out, err = w.store.create(w.number(), level, last)
	if err == nil && w.compaction != nil {
		w.out.sink.pace = w.store.pace
	}
	return err
}

// finish ends the table before the key upper, with the tombstones up to there.
func (w *rewriter) finish(upper []byte) error {
	list := w.tombstones.Clip(w.lower, upper)
	w.lower = bytes.Clone(upper)
	if list = w.needed(list); w.out == nil && len(list) == 0 {
		return nil
	}
	if w.out == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	for _, f := range list {
		if err := w.out.AddTombstone(f); err != nil {
			return err
		}
	}
	f, err := w.out.finish()
	if err != nil {
		return err
	}
	if w.tree != nil {
		for _, r := range list {
			f.Covers += w.tree.BytesBelow(w.out.level, r.Start, r.End)
		}
	}
	w.out = nil
	w.files = append(w.files, f)
	return nil
}

// needed returns the tombstones without those that all readers see and that have
// nothing older below them.
func (w *rewriter) needed(list rangedel.List) rangedel.List {
	if w.compaction == nil || len(w.states) == 0 {
		return list
	}
	var kept rangedel.List
	for _, f := range list {
		if w.compaction.IsBaseForRange(f.Start, f.End) {
			for len(f.Seqs) > 0 && f.Seqs[len(f.Seqs)-1] <= w.states[0] {
				f.Seqs = f.Seqs[:len(f.Seqs)-1]
			}
		}
		if len(f.Seqs) > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

// cut reports whether key is at or behind the next of the cuts.
func (w *rewriter) cut(key []byte) bool {
	at := false
	for len(w.cuts) > 0 && bytes.Compare(w.cuts[0], key) <= 0 {
		w.cuts, at = w.cuts[1:], true
	}
	return at
}

// cutter says where one table ends and the next begins.
type cutter struct {
	next int   // of the grandparents
	over int64 // bytes of those that the table overlaps
}

// full reports whether the table ends before key.
func (w *rewriter) full(key []byte) bool {
	if !sameKeyspace(key, w.last) {
		size := w.out.EstimatedSize()
		if size-w.before >= w.store.deep() {
			return true
		}
		w.before = size
	}
	c := w.compaction
	if c == nil {
		return false
	}
	for w.next < len(c.Grandparents) && c.Grandparents[w.next].Bounds().EndsBefore(key) {
		w.over += c.Grandparents[w.next].Size
		w.next++
	}
	if w.out.EstimatedSize() < c.MaxOutputFileSize && w.over <= c.MaxGrandparentBytes {
		return false
	}
	w.over = 0
	return true
}
