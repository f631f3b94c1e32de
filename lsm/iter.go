package lsm

import (
	"bytes"
	"slices"

	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/memtable"
)

// iterator is a kv.Iterator over one state. Going forward, the merged sources of
// its gear stand at the entry that gave the current key its value, or, if past is
// set, behind all of its entries; going backward, before all of them. A fresh
// gear stands nowhere: the iterator was unmoored, and knows its place by its key.
type iterator struct {
	store        *Store
	opt          kv.IterOptions
	filters      []BlockFilter
	lower, upper []byte
	mooring      *mooring
	handle       *leak.Handle

	key, val []byte // nil if unpositioned
	shared   bool   // val lies in a block of a memtable, which it keeps
	sampled  bool   // seeks that read several tables count
	err      error
	closed   bool
}

// Iter implements kv.Reader.
func (r *reader) Iter(opt kv.IterOptions) kv.Iterator { return r.iter(opt, nil) }

func (r *reader) iter(opt kv.IterOptions, filters []BlockFilter) kv.Iterator {
	if _, _, err := r.begin(); err != nil {
		return kv.FailedIterator(err)
	}
	it := &iterator{store: r.store, opt: opt, filters: filters}
	it.lower, it.upper = opt.Bounds()
	it.lower, it.upper = bytes.Clone(it.lower), bytes.Clone(it.upper)
	it.opt.Prefix = bytes.Clone(opt.Prefix)
	it.mooring = r.store.moor(r)
	if _, _, err := r.begin(); err != nil { // closed meanwhile
		it.mooring.release()
		return kv.FailedIterator(err)
	}
	it.sampled = r.store.iterators.Add(1)%seeksCounted == 0
	it.handle = leak.Open(r.store.handles, it, "iterator", it.mooring.release)
	return it
}

// ready returns what to move with, nil if no move is allowed. The iterator is
// unpositioned then.
func (it *iterator) ready() (g *gear, fresh bool) {
	it.key, it.val = nil, nil
	switch {
	case it.closed || it.store.closed.Load():
		it.err = kv.ErrClosed
	case it.err == nil:
		if g = it.mooring.gear.Load(); g == nil {
			g, it.err = it.mooring.open(it.openSources)
			fresh = true
		}
	}
	return g, fresh
}

func (it *iterator) First() bool { return it.SeekGE(it.lower) }

func (it *iterator) SeekGE(key []byte) bool {
	g, _ := it.ready()
	if g == nil {
		return false
	}
	if bytes.Compare(key, it.lower) < 0 {
		key = it.lower
	}
	g.merged.SeekGE(key, entry.Newest)
	if it.sampled {
		it.store.chargeSeek(&g.merged)
	}
	return it.forward(g)
}

func (it *iterator) Last() bool {
	g, _ := it.ready()
	if g == nil {
		return false
	}
	if it.upper == nil {
		g.merged.Last()
	} else {
		g.merged.SeekLT(it.upper, entry.Newest)
	}
	return it.backward(g)
}

func (it *iterator) SeekLE(key []byte) bool { return it.SeekLT(kv.After(key)) }

func (it *iterator) SeekLT(key []byte) bool {
	g, _ := it.ready()
	if g == nil {
		return false
	}
	if it.upper != nil && bytes.Compare(key, it.upper) > 0 {
		key = it.upper
	}
	g.merged.SeekLT(key, entry.Newest)
	return it.backward(g)
}

func (it *iterator) Next() bool {
	key := it.key
	if key == nil {
		return false
	}
	g, fresh := it.ready()
	switch {
	case g == nil:
		return false
	case fresh || g.merged.back:
		g.merged.SeekGE(key, entry.Oldest)
	case g.past:
	case g.merged.top().trailer.Seq() == 0:
		g.merged.Step() // the key has no older entry
	default:
		g.skipKey()
	}
	return it.forward(g)
}

func (it *iterator) Prev() bool {
	key := it.key
	if key == nil {
		return false
	}
	g, fresh := it.ready()
	if g == nil {
		return false
	}
	if fresh || !g.merged.back {
		g.merged.SeekLT(key, entry.Newest)
	}
	return it.backward(g)
}

// forward makes the first entry from here on that is there and wanted the
// current one.
func (it *iterator) forward(g *gear) bool {
	m := &g.merged
	for m.Valid() {
		top := m.top()
		key := top.key
		if it.upper != nil && bytes.Compare(key, it.upper) >= 0 {
			return false
		}
		t := top.trailer
		if t.Seq() > it.mooring.seq {
			g.skipNewer(key, it.mooring.seq)
			continue
		}
		g.keybuf = append(g.keybuf[:0], key...)
		if it.arrive(g, top, t) {
			it.key = g.keybuf
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
func (it *iterator) arrive(g *gear, top *source, t entry.Trailer) bool {
	deleted, err := g.covers.at(g.keybuf, it.mooring.seq)
	if err != nil {
		it.err = err
		return false
	}
	switch {
	case t.Seq() < deleted && top.newest < deleted:
		g.merged.SkipTop(g.covers.cover.End)
		return false
	case t.Seq() < deleted || t.Kind() == entry.Delete || it.opt.Skip != nil && it.opt.Skip(g.keybuf):
		g.skipKey()
		return false
	case t.Kind() == entry.Merge:
		return it.fold(g, deleted)
	}
	g.past = false
	if it.opt.KeysOnly {
		return true
	}
	return it.setValue(top.Value(), top.mem)
}

// setValue makes val the current value. Mem says that it may lie in a memtable.
func (it *iterator) setValue(val []byte, mem bool) bool {
	if it.val = val; val == nil {
		it.val = []byte{}
	}
	it.shared = mem && len(val) <= memtable.MaxShared
	return true
}

// fold combines the operands of the current key with what is below them.
func (it *iterator) fold(g *gear, deleted kv.Seq) bool {
	m := &g.merged
	g.operands = g.operands[:0]
	var val []byte
	present, mem := false, false
	for ok := true; ok; ok = m.Step() && bytes.Equal(m.top().key, g.keybuf) {
		t := m.top().trailer
		if t.Seq() < deleted {
			break
		}
		mem = mem || m.top().mem
		if t.Kind() == entry.Merge {
			g.operands = append(g.operands, m.top().Value())
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
		g.skipKey()
	}
	g.past = true
	slices.Reverse(g.operands)
	return it.resolve(g, val, present, mem)
}

// resolve makes value and operands, oldest first, the current value. Mem says that
// some of them are in a memtable.
func (it *iterator) resolve(g *gear, val []byte, present, mem bool) bool {
	if it.opt.KeysOnly {
		return true
	}
	val, err := combine(it.store.opt.Mergers, val, present, g.operands)
	if err != nil {
		it.err = err
		return false
	}
	return it.setValue(val, mem) // which may be one of the arguments
}

// manyVersions is after how many steps over entries of one key a seek is tried.
const manyVersions = 8

// skipKey goes behind the entries of the key in keybuf.
func (g *gear) skipKey() {
	m := &g.merged
	for n := 0; m.Valid() && bytes.Equal(m.top().key, g.keybuf); n++ {
		if n == manyVersions {
			m.SeekGE(g.keybuf, entry.Oldest)
			return
		}
		m.Step()
	}
}

// skipNewer goes to the first entry of key that a reader of state seq sees, or
// behind the key.
func (g *gear) skipNewer(key []byte, seq kv.Seq) {
	m := &g.merged
	g.keybuf = append(g.keybuf[:0], key...)
	for n := 0; m.Valid() && m.top().trailer.Seq() > seq && bytes.Equal(m.top().key, g.keybuf); n++ {
		if n == manyVersions {
			m.SeekGE(g.keybuf, entry.VisibleAt(seq))
			return
		}
		m.Step()
	}
}

// backward makes the last entry up to here that is there and wanted the current
// one. Entries of a key are met from the oldest to the newest.
func (it *iterator) backward(g *gear) bool {
	m := &g.merged
	for m.Valid() {
		key := m.top().key
		if bytes.Compare(key, it.lower) < 0 {
			return false
		}
		g.keybuf = append(g.keybuf[:0], key...)
		if it.arriveBackward(g) {
			it.key = g.keybuf
			return true
		}
		if it.err != nil {
			return false
		}
	}
	it.err = m.err
	return false
}

func (it *iterator) arriveBackward(g *gear) bool {
	m := &g.merged
	deleted, err := g.covers.at(g.keybuf, it.mooring.seq)
	if err != nil {
		it.err = err
		return false
	}
	var val []byte
	present, mem := false, false
	g.operands = g.operands[:0]
	for ; m.Valid() && bytes.Equal(m.top().key, g.keybuf); m.Step() {
		t := m.top().trailer
		if t.Seq() > it.mooring.seq || t.Seq() < deleted {
			continue
		}
		mem = mem || m.top().mem
		if t.Kind() == entry.Merge {
			g.operands = append(g.operands, m.top().Value())
			continue
		}
		g.operands = g.operands[:0]
		if present = t.Kind() == entry.Put; present {
			val = m.top().Value()
		}
	}
	if it.err = m.err; it.err != nil || !present && len(g.operands) == 0 {
		return false
	}
	if it.opt.Skip != nil && it.opt.Skip(g.keybuf) {
		return false
	}
	if !present {
		val = nil
	}
	return it.resolve(g, val, present, mem)
}

func (it *iterator) Valid() bool { return it.key != nil }
func (it *iterator) Key() []byte { return it.key }
func (it *iterator) Value() []byte {
	if it.shared {
		it.unshare()
	}
	return it.val
}

// unshare copies the value: an iterator that is left where it is shall not keep
// the block of a memtable for it. A move does not do this, as it would have to
// bring the value into the processor's cache, which costs more than the move.
func (it *iterator) unshare() {
	it.shared = false
	g := it.mooring.gear.Load()
	if it.val == nil || g == nil {
		it.val = bytes.Clone(it.val)
		return
	}
	g.valbuf = append(g.valbuf[:0], it.val...)
	it.val = g.valbuf
}

func (it *iterator) Err() error { return it.err }

func (it *iterator) Close() error {
	if it.closed {
		return it.err
	}
	it.key, it.val, it.closed = nil, nil, true
	if g := it.mooring.gear.Swap(nil); g != nil {
		if err := g.merged.Close(); it.err == nil {
			it.err = err
		}
		g.park()
	}
	it.handle.Close()
	return it.err
}
