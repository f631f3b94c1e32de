package bwtree

import (
	"bytes"
	"math"
	"sort"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/kv"
)

// iterator is a kv.Iterator over one state. It holds a few entries of a leaf, or all,
// and finds the next by key, so that splits and merges do not concern it.
type iterator struct {
	store        *Store
	opt          kv.IterOptions
	lower, upper []byte
	view         *view
	handle       *leak.Handle

	list      []leaf.Entry // all from low to high
	walk      leaf.Walk
	low, high []byte // high is nil at the end; both may lie in the next two
	lowBuf    []byte
	highBuf   []byte
	loaded    bool
	whole     bool // the list is that of a whole leaf
	window    int  // how many entries to look at next, going forward
	at        int  // in list
	seek      []byte

	key, val []byte // nil if unpositioned
	err      error
	closed   bool
}

// view is the state that an iterator reads: the newest at its first move, or that
// of a snapshot.
type view struct {
	hold atomic.Pointer[slot]
	seq  kv.Seq
}

// release ends the hold; it may be called before there is one.
func (v *view) release() {
	step.At("release a view")
	if hold := v.hold.Swap(nil); hold != nil {
		hold.release()
	}
}

// Iter implements kv.Reader. The iterator reads one state, of the snapshot, or the
// newest at its first move; it holds no page in memory, but consolidations keep what
// it reads until it is closed.
func (r *reader) Iter(opt kv.IterOptions) kv.Iterator {
	if err := r.err(); err != nil {
		return kv.FailedIterator(err)
	}
	if r.fixed == 0 {
		r = &r.store.newest().reader
	}
	it := &iterator{store: r.store, opt: opt, view: new(view)}
	if r.fixed != 0 {
		hold := r.store.tree.states.open()
		hold.set(r.fixed)
		it.view.seq = r.fixed
		it.view.hold.Store(hold)
	}
	it.lower, it.upper = opt.Bounds()
	it.lower, it.upper = bytes.Clone(it.lower), bytes.Clone(it.upper)
	r.store.iterators.Add(1)
	it.handle = leak.Open(r.store.handles, it, "iterator", it.view.release)
	return it
}

// ready fixes the state at the first move, and reports whether moves are allowed.
func (it *iterator) ready() bool {
	it.key, it.val = nil, nil
	switch {
	case it.closed || it.store.closed.Load():
		it.err = kv.ErrClosed
	case it.view.seq == 0:
		hold := it.store.hold()
		it.view.seq = kv.Seq(hold.number.Load())
		it.view.hold.Store(hold)
	}
	return it.err == nil
}

// An iterator that goes forward looks at few entries first, and then at more and
// more, so that one that was opened for a few costs little.
const (
	firstWindow = 8
	lastWindow  = 256
)

// load reads entries from key on, unless they are at hand.
func (it *iterator) load(key []byte) bool {
	if it.holds(key) {
		return true
	}
	it.lowBuf = append(it.lowBuf[:0], key...)
	it.window = max(it.window, firstWindow)
	l := it.read(it.lowBuf, it.lowBuf, it.window)
	if l == nil {
		return false
	}
	it.window = min(2*it.window, lastWindow)
	it.low, it.whole = it.lowBuf, false
	return true
}

func (it *iterator) holds(key []byte) bool {
	return it.loaded && bytes.Compare(key, it.low) >= 0 && (it.high == nil || bytes.Compare(key, it.high) < 0)
}

// read reads entries of the leaf that holds key, and returns that leaf; nil if there
// is an error.
func (it *iterator) read(key, from []byte, most int) *leaf.Leaf {
	it.loaded = false
	l, _, err := it.store.tree.newest(key)
	var more []byte
	if err == nil {
		it.list, more, err = l.Entries(it.list[:0], &it.walk, from, most, it.view.seq, it.store.opt.Mergers, it.opt.KeysOnly)
	}
	if it.err = err; err != nil {
		return nil
	}
	it.high, it.loaded = l.Base().High(), true
	if more != nil {
		it.highBuf = append(it.highBuf[:0], more...)
		it.high = it.highBuf
	}
	return l
}

// loadBelow reads the whole leaf that holds the highest keys below a bound, nil for
// none.
func (it *iterator) loadBelow(bound []byte) bool {
	for {
		low := it.store.tree.below(bound)
		if !it.whole || !it.holds(low) {
			l := it.read(low, nil, math.MaxInt)
			if l == nil {
				return false
			}
			it.low, it.whole = l.Base().Low(), true
		}
		if it.high == nil || bound != nil && bytes.Compare(it.high, bound) >= 0 {
			return true
		}
		it.loaded = false // it was split meanwhile
	}
}

// find returns the first entry at hand that is not below key.
func (it *iterator) find(key []byte) int {
	return sort.Search(len(it.list), func(i int) bool { return bytes.Compare(it.list[i].Key, key) >= 0 })
}

func (it *iterator) First() bool { return it.SeekGE(it.lower) }

func (it *iterator) SeekGE(key []byte) bool {
	if !it.ready() {
		return false
	}
	if bytes.Compare(key, it.lower) < 0 {
		key = it.lower
	}
	it.seek = append(it.seek[:0], key...) // it may be one of those at hand
	it.window = firstWindow
	if it.upper != nil && bytes.Compare(key, it.upper) >= 0 || !it.load(it.seek) {
		return false
	}
	it.at = it.find(it.seek)
	return it.forward()
}

func (it *iterator) Last() bool {
	if !it.ready() {
		return false
	}
	if it.upper != nil {
		return it.seekLT(it.upper)
	}
	if !it.loadBelow(nil) {
		return false
	}
	it.at = len(it.list) - 1
	return it.backward()
}

func (it *iterator) SeekLE(key []byte) bool { return it.SeekLT(kv.After(key)) }

func (it *iterator) SeekLT(key []byte) bool { return it.ready() && it.seekLT(key) }

func (it *iterator) seekLT(key []byte) bool {
	if it.upper != nil && bytes.Compare(key, it.upper) > 0 {
		key = it.upper
	}
	it.seek = append(it.seek[:0], key...)
	if bytes.Compare(key, it.lower) <= 0 || !it.loadBelow(it.seek) {
		return false
	}
	it.at = it.find(it.seek) - 1
	return it.backward()
}

func (it *iterator) Next() bool {
	if it.key == nil || !it.ready() {
		return false
	}
	it.at++
	return it.forward()
}

func (it *iterator) Prev() bool {
	if it.key == nil || !it.ready() {
		return false
	}
	it.at--
	return it.backward()
}

// forward makes the first entry from here on that is wanted the current one.
func (it *iterator) forward() bool {
	for {
		for ; it.at < len(it.list); it.at++ {
			key := it.list[it.at].Key
			if it.upper != nil && bytes.Compare(key, it.upper) >= 0 {
				return false
			}
			if it.arrive() {
				return true
			}
		}
		if it.high == nil || it.upper != nil && bytes.Compare(it.high, it.upper) >= 0 {
			return false
		}
		if !it.load(it.high) {
			return false
		}
		it.at = 0
	}
}

// backward makes the last entry up to here that is wanted the current one.
func (it *iterator) backward() bool {
	for {
		for ; it.at >= 0; it.at-- {
			if bytes.Compare(it.list[it.at].Key, it.lower) < 0 {
				return false
			}
			if it.arrive() {
				return true
			}
		}
		if len(it.low) == 0 || bytes.Compare(it.low, it.lower) <= 0 {
			return false
		}
		it.seek = append(it.seek[:0], it.low...)
		if !it.loadBelow(it.seek) {
			return false
		}
		it.at = it.find(it.seek) - 1
	}
}

// arrive makes the entry at hand the current one, if it is wanted.
func (it *iterator) arrive() bool {
	e := it.list[it.at]
	if it.opt.Skip != nil && it.opt.Skip(e.Key) {
		return false
	}
	it.key = e.Key
	if it.key == nil {
		it.key = []byte{}
	}
	if !it.opt.KeysOnly {
		if it.val = e.Value; it.val == nil {
			it.val = []byte{}
		}
	}
	return true
}

func (it *iterator) Valid() bool   { return it.key != nil }
func (it *iterator) Key() []byte   { return it.key }
func (it *iterator) Value() []byte { return it.val }
func (it *iterator) Err() error    { return it.err }

func (it *iterator) Close() error {
	if !it.closed {
		it.key, it.val, it.closed = nil, nil, true
		it.list = nil
		it.handle.Close()
	}
	return it.err
}
