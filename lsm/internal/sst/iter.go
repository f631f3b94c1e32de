package sst

import (
	"bytes"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// Iter walks a table both ways. It is an entry.Iterator. It reads a block when
// it arrives there, and keeps its buffers: a step within a block allocates
// nothing.
//
// While it is positioned, part and entry say in which block: loaded, unless
// pending is set and it stands at the first entry with only the index read.
type Iter struct {
	r     *Reader
	opt   IterOptions
	fixed entry.Trailer // that of the reader
	err   error

	part  int   // partition whose index is in x; -1 for none
	x     index // of part
	entry int   // index entry of the block
	cur   cursor
	block handle // that cur is in; of length 0 for none
	ahead readahead

	valid   bool
	pending bool // the block is not loaded; key and trailer are the first ones
	key     []byte
	trailer entry.Trailer
}

var _ entry.Iterator = (*Iter)(nil)

// NewIter returns an iterator, at no entry.
func (r *Reader) NewIter(opt IterOptions) *Iter {
	it := new(Iter)
	it.Init(r, opt)
	return it
}

// Init makes it as NewIter does, but keeps its buffers. It may be new or closed,
// or still in use for something else.
func (it *Iter) Init(r *Reader, opt IterOptions) {
	it.reset()
	it.r, it.opt, it.fixed, it.err = r, opt, r.fixed, nil
	it.ahead.start(opt.Sequential)
}

// First moves to the first entry.
func (it *Iter) First() bool {
	if !it.ready() || len(it.r.parts) == 0 || !it.openIndex(0) {
		return false
	}
	it.entry = -1
	return it.nextBlock()
}

// Last moves to the last entry.
func (it *Iter) Last() bool {
	if !it.ready() || len(it.r.parts) == 0 || !it.openIndex(len(it.r.parts)-1) {
		return false
	}
	it.entry = it.x.count
	return it.previousBlock()
}

// SeekGE moves to the first entry at or after (key, t).
func (it *Iter) SeekGE(key []byte, t entry.Trailer) bool {
	t = it.stored(t)
	found, ok := it.locate(key, t)
	if !ok || !found {
		return false
	}
	if it.passes(it.entry) {
		return it.nextBlock()
	}
	if it.opt.Lazy || it.opt.Upper != nil {
		if there, done := it.seekIndex(key, t); done {
			return there
		}
	}
	if !it.open(it.entry) {
		return false
	}
	if !it.cur.seekGE(key, t) {
		return it.failBlock(errMisled)
	}
	it.valid = true
	return true
}

// SeekLT moves to the last entry before (key, t).
func (it *Iter) SeekLT(key []byte, t entry.Trailer) bool {
	t = it.stored(t)
	found, ok := it.locate(key, t)
	if !ok {
		return false
	}
	if !found {
		return it.Last()
	}
	if it.passes(it.entry) {
		return it.previousBlock()
	}
	e, ok := it.indexEntry(it.entry)
	if !ok {
		return false
	}
	if c := e.compareFirst(key); c > 0 || c == 0 && e.firstTrailer <= t {
		return it.previousBlock()
	}
	if !it.open(it.entry) {
		return false
	}
	if !it.cur.seekLT(key, t) {
		return it.failBlock(errMisled)
	}
	it.valid = true
	return true
}

// Next moves to the next entry.
func (it *Iter) Next() bool {
	if !it.valid || it.pending && !it.settle() {
		return false
	}
	if it.cur.forward() {
		return true
	}
	if it.cur.err != nil {
		return it.failBlock(it.cur.err)
	}
	return it.nextBlock()
}

// Prev moves to the entry before.
func (it *Iter) Prev() bool {
	if !it.valid {
		return false
	}
	if it.pending {
		return it.previousBlock()
	}
	if it.cur.back() {
		return true
	}
	if it.cur.err != nil {
		return it.failBlock(it.cur.err)
	}
	return it.previousBlock()
}

// Valid reports whether the iterator is at an entry.
func (it *Iter) Valid() bool { return it.valid }

// Key returns the key of the entry; it is valid until the next move.
func (it *Iter) Key() []byte {
	if it.pending {
		return it.key
	}
	return it.cur.key
}

// Trailer returns the trailer of the entry.
func (it *Iter) Trailer() entry.Trailer {
	if it.fixed != 0 {
		return it.fixed
	}
	if it.pending {
		return it.trailer
	}
	return it.cur.trailer
}

// stored is Reader.stored; a closed iterator has no reader.
func (it *Iter) stored(t entry.Trailer) entry.Trailer {
	if it.fixed == 0 {
		return t
	}
	return it.r.stored(t)
}

// Value returns the value of the entry, which is valid for ever. Only a lazy
// iterator may fail to read it: see IterOptions.
func (it *Iter) Value() []byte {
	if it.pending && !it.settle() {
		return nil
	}
	return it.cur.value
}

// Err returns the first error.
func (it *Iter) Err() error { return it.err }

// Close lets go of the table and of what was read ahead, and returns Err.
func (it *Iter) Close() error {
	it.reset()
	it.ahead.drop()
	return it.err
}

// reset lets go of the table.
func (it *Iter) reset() {
	it.leave()
	it.cur.open(block{})
	it.x, it.part, it.block = index{}, -1, handle{}
	it.r, it.opt, it.fixed = nil, IterOptions{}, 0
}

// leave leaves the current entry.
func (it *Iter) leave() { it.valid, it.pending = false, false }

// ready leaves the current entry. It returns false if the iterator is closed or
// has failed, which it stays.
func (it *Iter) ready() bool {
	it.leave()
	return it.err == nil && it.r != nil
}

// beyond reports whether a block that starts at first is above the upper bound.
func (it *Iter) beyond(e *indexEntry) bool {
	return it.opt.Upper != nil && e.compareFirst(it.opt.Upper) >= 0
}

// below reports whether a block that ends at last is below the lower bound.
func (it *Iter) below(last []byte) bool {
	return it.opt.Lower != nil && bytes.Compare(last, it.opt.Lower) < 0
}
