package lsm

import (
	"bytes"
	"slices"
	"sync"

	"github.com/varvedb/varve/internal/leak"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/memtable"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
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

// gear is what an iterator moves with: reused, since iterators come and go.
type gear struct {
	merged   merged
	levels   []*levelIter
	tables   []*sst.Iter
	mems     []*memtable.Iter
	keybuf   []byte
	operands [][]byte
	// How many of the iterators are in use.
	usedLevels, usedTables, usedMems int
}

var gears = sync.Pool{New: func() any { return &gear{keybuf: []byte{}} }}

// next returns an iterator of a list that is not in use.
func next[T any](list *[]*T, used *int) *T {
	if *used == len(*list) {
		*list = append(*list, new(T))
	}
	*used++
	return (*list)[*used-1]
}

// park lets go of all that was walked over and keeps the room.
func (g *gear) park() {
	clear(g.merged.sources)
	g.merged = merged{sources: g.merged.sources[:0], heap: g.merged.heap[:0]}
	clear(g.merged.heap[:cap(g.merged.heap)])
	for _, l := range g.levels[:g.usedLevels] {
		l.reset()
	}
	clear(g.operands[:cap(g.operands)])
	g.usedLevels, g.usedTables, g.usedMems = 0, 0, 0
	gears.Put(g)
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

// openSources collects what may hold keys within the bounds.
func (it *iterator) openSources() error {
	it.gear = gears.Get().(*gear)
	if it.upper != nil && bytes.Compare(it.lower, it.upper) >= 0 {
		return nil
	}
	st := it.hold.state
	it.addMem(st.active)
	for _, m := range st.frozen {
		it.addMem(m)
	}
	for _, f := range st.tables.Overlapping(0, it.lower, it.upper) {
		if err := it.addTable(f); err != nil {
			return err
		}
	}
	for level := 1; level < version.NumLevels; level++ {
		it.addLevel(st.tables.Overlapping(level, it.lower, it.upper))
	}
	return nil
}

func (it *iterator) addMem(m *mem) {
	if !m.ranges.Empty() {
		it.covers.sources = append(it.covers.sources, memTombstones{m})
	}
	if m.points.Empty() {
		return // and what comes is too new
	}
	walk := next(&it.mems, &it.usedMems)
	walk.Init(m.points)
	it.add(walk, entry.MaxSeq)
}

func (it *iterator) add(e entry.Iterator, newest kv.Seq) {
	it.merged.sources = append(it.merged.sources, source{Iterator: e, newest: newest})
}

func (it *iterator) addTable(f *version.File) error {
	t, err := it.hold.keep(it.hold.slot(), f)
	if err != nil {
		return err
	}
	if f.Tombstones > 0 {
		it.covers.sources = append(it.covers.sources, listTombstones(t.Tombstones()))
	}
	if prefix := it.filterPrefix(); prefix != nil {
		if may, err := t.MayContainPrefix(prefix); err != nil || !may {
			return err
		}
	}
	walk := next(&it.tables, &it.usedTables)
	walk.Init(t.Reader, it.tableOptions())
	it.add(walk, f.MaxSeq)
	return nil
}

// filterPrefix returns what to ask the filters of tables for, nil for nothing.
func (it *iterator) filterPrefix() []byte {
	if n := it.store.opt.PrefixLength; n > 0 && len(it.opt.Prefix) >= n {
		return it.opt.Prefix
	}
	return nil
}

func (it *iterator) tableOptions() sst.IterOptions {
	return sst.IterOptions{NoFill: it.opt.NoFill, Lower: it.lower, Upper: it.upper}
}

func (it *iterator) addLevel(files []*version.File) {
	if len(files) == 0 {
		return
	}
	var newest kv.Seq
	var buried []*version.File
	for _, f := range files {
		newest = max(newest, f.MaxSeq)
		if f.Tombstones > 0 {
			buried = append(buried, f)
		}
	}
	if len(buried) > 0 {
		it.covers.sources = append(it.covers.sources, &levelTombstones{it.store.readers, buried})
	}
	walk := next(&it.levels, &it.usedLevels)
	walk.init(it.hold, files, it.tableOptions(), it.filterPrefix())
	it.add(walk, newest)
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
