package memtable

import "github.com/varvedb/varve/lsm/internal/entry"

var _ entry.Iterator = (*Iter)(nil)

// Iter walks a table. It sees every entry whose Add returned before the move, and
// some, none or all of those added during or after it. Keys and values are valid
// for ever. No move allocates; Next is one step, Prev a search. It must not be
// used before NewIter or Init, nor concurrently.
type Iter struct {
	t  *Table
	at uint32 // or end, if unpositioned
	n  node   // the entry there
}

// NewIter returns an unpositioned iterator.
func (t *Table) NewIter() *Iter {
	return &Iter{t: t}
}

// Init makes the iterator walk a table, from unpositioned.
func (it *Iter) Init(t *Table) { *it = Iter{t: t} }

// First moves to the first entry.
func (it *Iter) First() bool { return it.move(it.t.arena.node(head).next(0)) }

// Last moves to the last entry.
func (it *Iter) Last() bool { return it.move(it.t.last()) }

// SeekGE moves to the first entry at or after (key, tr).
func (it *Iter) SeekGE(key []byte, tr entry.Trailer) bool {
	_, after := it.t.search(key, tr)
	return it.move(after)
}

// SeekLT moves to the last entry before (key, tr).
func (it *Iter) SeekLT(key []byte, tr entry.Trailer) bool {
	before, _ := it.t.search(key, tr)
	return it.move(before)
}

// Next moves to the following entry.
func (it *Iter) Next() bool { return it.at != end && it.move(it.n.next(0)) }

// Prev moves to the preceding entry.
func (it *Iter) Prev() bool { return it.at != end && it.SeekLT(it.n.key(), it.n.trailer()) }

// move puts the iterator at an address; head and end leave it unpositioned.
func (it *Iter) move(addr uint32) bool {
	it.at = addr
	if addr == end {
		return false
	}
	it.n = it.t.arena.node(addr)
	return true
}

// Valid reports whether the iterator is at an entry.
func (it *Iter) Valid() bool { return it.at != end }

// Key returns the user key of the entry.
func (it *Iter) Key() []byte { return it.n.key() }

// Trailer returns the trailer of the entry.
func (it *Iter) Trailer() entry.Trailer { return it.n.trailer() }

// Value returns the value of the entry.
func (it *Iter) Value() []byte { return it.t.arena.value(it.n) }

// Err returns nil: a walk through memory cannot fail.
func (it *Iter) Err() error { return nil }

// Close releases nothing and returns nil.
func (it *Iter) Close() error { return nil }
