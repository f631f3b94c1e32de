package kv

import (
	"bytes"

	"github.com/varvedb/varve/internal/ordmap"
)

// overlayIter merges the iterator of a store with the edits of a batch. Both
// sources stand at or beyond the current key in the direction of the walk; the
// current entry is the nearer one.
type overlayIter struct {
	base    Iterator
	over    *ordmap.Iter[edit]
	cleared *ordmap.Steps[bool]
	mergers Mergers

	lower, upper []byte
	keysOnly     bool
	skip         func([]byte) bool

	back     bool // direction of the last move
	key, val []byte
	buf      []byte // holds val where it is computed
	keybuf   []byte
	err      error
}

// newOverlayIter takes base, whose options must be opt without Skip.
func newOverlayIter(base Iterator, o overlay, m Mergers, opt IterOptions) *overlayIter {
	it := &overlayIter{base: base, over: o.entries.Iter(), cleared: &o.cleared, mergers: m,
		keysOnly: opt.KeysOnly, skip: opt.Skip, keybuf: []byte{}, buf: []byte{}}
	lower, upper := opt.Bounds()
	it.lower, it.upper = bytes.Clone(lower), bytes.Clone(upper)
	return it
}

func (it *overlayIter) First() bool { return it.seekForward(it.lower) }

func (it *overlayIter) SeekGE(key []byte) bool {
	if bytes.Compare(key, it.lower) < 0 {
		key = it.lower
	}
	return it.seekForward(key)
}

func (it *overlayIter) Last() bool { return it.seekBack(it.upper) }

func (it *overlayIter) SeekLE(key []byte) bool { return it.SeekLT(After(key)) }

func (it *overlayIter) SeekLT(key []byte) bool {
	if key == nil {
		key = []byte{} // the empty key; nil is the end to seekBack
	}
	if it.upper != nil && bytes.Compare(key, it.upper) > 0 {
		key = it.upper
	}
	return it.seekBack(key)
}

func (it *overlayIter) seekForward(key []byte) bool {
	it.back = false
	it.base.SeekGE(key)
	it.over.SeekGE(key)
	return it.settle()
}

// seekBack moves below key; nil is the end.
func (it *overlayIter) seekBack(key []byte) bool {
	it.back = true
	if key == nil {
		it.base.Last()
		it.over.Last()
	} else {
		it.base.SeekLT(key)
		it.over.SeekLT(key)
	}
	return it.settle()
}

func (it *overlayIter) Next() bool {
	if it.key == nil {
		return false
	}
	if it.back {
		return it.seekForward(After(it.key)) // a copy, as the sources move
	}
	it.step()
	return it.settle()
}

func (it *overlayIter) Prev() bool {
	if it.key == nil {
		return false
	}
	if !it.back {
		return it.seekBack(bytes.Clone(it.key))
	}
	it.step()
	return it.settle()
}

// step leaves the current key in both sources.
func (it *overlayIter) step() {
	b := it.base.Key()
	atBase := b != nil && bytes.Equal(b, it.key)
	atOver := it.over.Valid() && bytes.Equal(it.over.Key(), it.key)
	if atBase {
		it.move(true) // which may change the bytes of the key
	}
	if atOver {
		it.move(false)
	}
}

func (it *overlayIter) move(base bool) {
	switch {
	case base && it.back:
		it.base.Prev()
	case base:
		it.base.Next()
	case it.back:
		it.over.Prev()
	default:
		it.over.Next()
	}
}

// settle makes the nearest key that is there the current one.
func (it *overlayIter) settle() bool {
	for it.err == nil {
		if it.err = it.base.Err(); it.err != nil {
			break
		}
		b, o := it.base.Key(), it.overKey()
		if b == nil && o == nil {
			break
		}
		useBase, useOver := it.nearer(b, o)
		if it.present(useBase, useOver) {
			return true
		}
		if useBase {
			it.move(true)
		}
		if useOver {
			it.move(false)
		}
	}
	it.key, it.val = nil, nil
	return false
}

// overKey returns the key of the edits' iterator, nil if it is out of bounds.
func (it *overlayIter) overKey() []byte {
	if !it.over.Valid() {
		return nil
	}
	key := it.over.Key()
	if bytes.Compare(key, it.lower) < 0 || it.upper != nil && bytes.Compare(key, it.upper) >= 0 {
		return nil
	}
	return key
}

// nearer tells which of the two keys is the next one of the walk, or both.
func (it *overlayIter) nearer(b, o []byte) (useBase, useOver bool) {
	if b == nil || o == nil {
		return b != nil, o != nil
	}
	c := bytes.Compare(b, o)
	if it.back {
		c = -c
	}
	return c <= 0, c >= 0
}

// present makes the nearest key the current entry unless it is deleted, hidden
// or skipped.
func (it *overlayIter) present(useBase, useOver bool) bool {
	var stored []byte
	if useBase {
		it.key, stored = it.base.Key(), it.base.Value()
	}
	if !useOver {
		it.val = stored
		return !it.cleared.At(it.key) && !it.skipped()
	}
	it.keybuf = append(it.keybuf[:0], it.over.Key()...)
	it.key = it.keybuf
	e := it.over.Value()
	if it.skipped() {
		return false
	}
	if it.keysOnly {
		it.val = nil
		return e.base == baseValue || len(e.operands) > 0 || e.base == baseStore && useBase
	}
	val, ok, err := e.resolve(it.mergers, it.buf, stored, useBase)
	it.buf, it.val = val, val
	it.err = err
	return ok && err == nil
}

func (it *overlayIter) skipped() bool { return it.skip != nil && it.skip(it.key) }

func (it *overlayIter) Valid() bool   { return it.key != nil }
func (it *overlayIter) Key() []byte   { return it.key }
func (it *overlayIter) Value() []byte { return it.val }
func (it *overlayIter) Err() error    { return it.err }

func (it *overlayIter) Close() error {
	it.key, it.val = nil, nil
	if err := it.base.Close(); it.err == nil {
		it.err = err
	}
	return it.err
}
