package sst

import (
	"bytes"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// A lazy iterator that arrives at the first entry of a block does not read the
// block: the index has the key. A merge of many tables so reads only the blocks
// whose keys get their turn.

// seekIndex does a seek to (key, t) without reading the block that locate found,
// if the index has the answer: done is set then, and there if it is an entry.
func (it *Iter) seekIndex(key []byte, t entry.Trailer) (there, done bool) {
	e, ok := it.indexEntry(it.entry)
	if !ok || it.beyond(&e) {
		return false, true
	}
	if c := e.compareFirst(key); !it.opt.Lazy || c < 0 || c == 0 && e.firstTrailer > t {
		return false, false
	}
	return it.postpone(it.entry, &e), true
}

// postpone stands at the first entry of data block j without reading it.
func (it *Iter) postpone(j int, e *indexEntry) bool {
	it.entry = j
	it.key = e.first(it.key[:0])
	it.trailer = e.firstTrailer
	it.valid, it.pending = true, true
	return true
}

// settle reads the block at whose first entry the iterator stands.
func (it *Iter) settle() bool {
	it.pending = false
	if !it.open(it.entry) {
		return false
	}
	if !it.cur.first() || !bytes.Equal(it.cur.key, it.key) || it.cur.trailer != it.trailer {
		return it.failBlock(errMisled)
	}
	return true
}
