package lsm

import (
	"bytes"
	"slices"

	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// iterator is a kv.Iterator over one state. Going forward, the merged sources
// stand at the entry that gave the current key its value, or, if past is set,
// behind all of its entries; going backward, before all of them.
type iterator struct {
	store        *Store
	opt          kv.IterOptions
	lower, upper []byte
	seq          kv.Seq
	hold         *hold
	handle       *leak.Handle

	*gear  // nil before the first move and after Close
	covers covers
	past   bool

	key, val []byte // nil if unpositioned
	err      error
	closed   bool
}

// Iter implements kv.Reader.
func (r *reader) Iter(opt kv.IterOptions) kv.Iterator {
	if _, _, err := r.begin(); err != nil {
		return kv.FailedIterator(err)
	}
	it := &iterator{store: r.store, opt: opt}
	it.hold = newHold(r.store, r.store.pin())
	_, seq, err := r.begin()
	if err != nil {
		it.hold.release()
		return kv.FailedIterator(err)
	}
	it.seq = seq
	it.lower, it.upper = opt.Bounds()
	it.lower, it.upper = bytes.Clone(it.lower), bytes.Clone(it.upper)
	it.opt.Prefix = bytes.Clone(opt.Prefix)
	r.store.iterators.Add(1)
	it.handle = leak.Open(r.store.handles, it, "iterator", it.hold.release)
	return it
}

// ready opens the sources at the first move, and reports whether moves are
// allowed.
func (it *iterator) ready() bool {
	it.key, it.val = nil, nil
	switch {
	case it.closed || it.store.closed.Load():
		it.err = kv.ErrClosed
	case it.gear == nil && it.err == nil:
		it.err = it.openSources()
	}
	return it.err == nil
}

func (it *iterator) First() bool { return it.SeekGE(it.lower) }

func (it *iterator) SeekGE(key []byte) bool {
	if !it.ready() {
		return false
	}
	if bytes.Compare(key, it.lower) < 0 {
		key = it.lower
	}
	it.merged.SeekGE(key, entry.Newest)
	return it.forward()
}

func (it *iterator) Last() bool {
	if !it.ready() {
		return false
	}
	if it.upper == nil {
		it.merged.Last()
	} else {
		it.merged.SeekLT(it.upper, entry.Newest)
	}
	return it.backward()
}

func (it *iterator) SeekLE(key []byte) bool { return it.SeekLT(kv.After(key)) }

func (it *iterator) SeekLT(key []byte) bool {
	if !it.ready() {
		return false
	}
	if it.upper != nil && bytes.Compare(key, it.upper) > 0 {
		key = it.upper
	}
	it.merged.SeekLT(key, entry.Newest)
	return it.backward()
}

func (it *iterator) Next() bool {
	if it.key == nil || !it.ready() {
		return false
	}
	switch {
	case it.merged.back:
		it.merged.SeekGE(it.keybuf, entry.Oldest)
	case it.past:
	case it.merged.top().trailer.Seq() == 0:
		it.merged.Step() // the key has no older entry
	default:
		it.skipKey()
	}
	return it.forward()
}

func (it *iterator) Prev() bool {
	if it.key == nil || !it.ready() {
		return false
	}
	if !it.merged.back {
		it.merged.SeekLT(it.keybuf, entry.Newest)
	}
	return it.backward()
}

// forward makes the first entry from here on that is there and wanted the
// current one.
func (it *iterator) forward() bool {
	m := &it.merged
	for m.Valid() {
		top := m.top()
		key := top.key
		if it.upper != nil && bytes.Compare(key, it.upper) >= 0 {
			return false
		}
		t := top.trailer
		if t.Seq() > it.seq {
			it.skipNewer(key)
			continue
		}
		it.keybuf = append(it.keybuf[:0], key...)
		if it.arrive(top, t) {
			it.key = it.keybuf
			return true
		}
		if it.err != nil {
			return false
		}
	}
	it.err = m.err
	return false
}

// arrive takes the newest visible entry of a key. It reports false, and goes on
// to the next key, if the key is not there or not wanted.
func (it *iterator) arrive(top *source, t entry.Trailer) bool {
	deleted, err := it.covers.at(it.keybuf, it.seq)
	if err != nil {
		it.err = err
		return false
	}
	switch {
	case t.Seq() < deleted && top.newest < deleted:
		it.merged.SkipTop(it.covers.cover.End)
		return false
	case t.Seq() < deleted || t.Kind() == entry.Delete || it.opt.Skip != nil && it.opt.Skip(it.keybuf):
		it.skipKey()
		return false
	case t.Kind() == entry.Merge:
		return it.fold(deleted)
	}
	it.past = false
	return it.setValue(top.Value())
}

func (it *iterator) setValue(val []byte) bool {
	if it.opt.KeysOnly {
		return true
	}
	if it.val = val; val == nil {
		it.val = []byte{}
	}
	return true
}

// fold combines the operands of the current key with what is below them.
func (it *iterator) fold(deleted kv.Seq) bool {
	m := &it.merged
	it.operands = it.operands[:0]
	var val []byte
	present := false
	for ok := true; ok; ok = m.Step() && bytes.Equal(m.top().key, it.keybuf) {
		t := m.top().trailer
		if t.Seq() < deleted {
			break
		}
		if t.Kind() == entry.Merge {
			it.operands = append(it.operands, m.top().Value())
			continue
		}
		if t.Kind() == entry.Put {
			val, present = m.top().Value(), true
		}
		break
	}
	if it.err = m.err; it.err != nil {
		return false
	}
	if m.Valid() {
		it.skipKey()
	}
	it.past = true
	slices.Reverse(it.operands)
	return it.resolve(val, present)
}

// resolve makes value and operands, oldest first, the current value.
func (it *iterator) resolve(val []byte, present bool) bool {
	if it.opt.KeysOnly {
		return true
	}
	val, err := combine(it.store.opt.Mergers, val, present, it.operands)
	if err != nil {
		it.err = err
		return false
	}
	return it.setValue(val)
}

// manyVersions is after how many steps over entries of one key a seek is tried.
const manyVersions = 8

// skipKey goes behind the entries of the key in keybuf.
func (it *iterator) skipKey() {
	m := &it.merged
	for n := 0; m.Valid() && bytes.Equal(m.top().key, it.keybuf); n++ {
		if n == manyVersions {
			m.SeekGE(it.keybuf, entry.Oldest)
			return
		}
		m.Step()
	}
}

// skipNewer goes to the first entry of key that is not too new, or behind it.
func (it *iterator) skipNewer(key []byte) {
	m := &it.merged
	it.keybuf = append(it.keybuf[:0], key...)
	for n := 0; m.Valid() && m.top().trailer.Seq() > it.seq && bytes.Equal(m.top().key, it.keybuf); n++ {
		if n == manyVersions {
			m.SeekGE(it.keybuf, entry.VisibleAt(it.seq))
			return
		}
		m.Step()
	}
}

// backward makes the last entry up to here that is there and wanted the current
// one. Entries of a key are met from the oldest to the newest.
func (it *iterator) backward() bool {
	m := &it.merged
	for m.Valid() {
		key := m.top().key
		if bytes.Compare(key, it.lower) < 0 {
			return false
		}
		it.keybuf = append(it.keybuf[:0], key...)
		if it.arriveBackward() {
			it.key = it.keybuf
			return true
		}
		if it.err != nil {
			return false
		}
	}
	it.err = m.err
	return false
}

func (it *iterator) arriveBackward() bool {
	m := &it.merged
	deleted, err := it.covers.at(it.keybuf, it.seq)
	if err != nil {
		it.err = err
		return false
	}
	var val []byte
	present := false
	it.operands = it.operands[:0]
	for ; m.Valid() && bytes.Equal(m.top().key, it.keybuf); m.Step() {
		t := m.top().trailer
		if t.Seq() > it.seq || t.Seq() < deleted {
			continue
		}
		if t.Kind() == entry.Merge {
			it.operands = append(it.operands, m.top().Value())
			continue
		}
		it.operands = it.operands[:0]
		if present = t.Kind() == entry.Put; present {
			val = m.top().Value()
		}
	}
	if it.err = m.err; it.err != nil || !present && len(it.operands) == 0 {
		return false
	}
	if it.opt.Skip != nil && it.opt.Skip(it.keybuf) {
		return false
	}
	if !present {
		val = nil
	}
	return it.resolve(val, present)
}

func (it *iterator) Valid() bool   { return it.key != nil }
func (it *iterator) Key() []byte   { return it.key }
func (it *iterator) Value() []byte { return it.val }
func (it *iterator) Err() error    { return it.err }

func (it *iterator) Close() error {
	if it.closed {
		return it.err
	}
	it.key, it.val, it.closed = nil, nil, true
	if it.gear != nil {
		if err := it.merged.Close(); it.err == nil {
			it.err = err
		}
		it.gear.park()
		it.gear = nil
	}
	it.handle.Close()
	return it.err
}
