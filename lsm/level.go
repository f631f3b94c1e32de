package lsm

import (
	"bytes"
	"slices"
	"sync"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
)

// hold is the tables that a walk keeps from being closed.
type hold struct {
	readers *readers

	mu     sync.Mutex // guards what follows: a store that is closed releases what is in use
	ended  bool
	tables []*table // by slot; nil is none
	room   [8]*table
}

func (h *hold) init(r *readers) {
	h.readers = r
	h.tables = h.room[:0]
}

// slot makes room for a table.
func (h *hold) slot() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tables = append(h.tables, nil)
	return len(h.tables) - 1
}

// keep puts an open table, which stays so, into a slot, instead of the one there.
func (h *hold) keep(slot int, f *version.File) (*table, error) {
	t, err := h.readers.held(f)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		t.release()
		return nil, kv.ErrClosed
	}
	if old := h.tables[slot]; old != nil {
		old.release()
	}
	h.tables[slot] = t
	return t, nil
}

// at returns the table in a slot, nil if it was let go.
func (h *hold) at(slot int) *table {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot >= len(h.tables) {
		return nil
	}
	return h.tables[slot]
}

// end lets go of the tables for good.
func (h *hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.drop()
}

// release lets go of the tables; the hold can be used again.
func (h *hold) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop()
}

func (h *hold) drop() {
	for _, t := range h.tables {
		if t != nil {
			t.release()
		}
	}
	h.room = [8]*table{}
	h.tables = h.room[:0]
}

// levelIter walks the tables of a level below 0, which are disjoint, and opens
// each when it is reached. It is an entry.Iterator.
type levelIter struct {
	hold   *hold
	slot   int
	level  int
	files  []*version.File
	opt    sst.IterOptions
	prefix []byte // of the keys that matter, if the filters are to be asked
	// unwanted says which blocks are passed over; nil is none.
	unwanted *unwanted

	at   int // table of cur
	open bool
	cur  sst.Iter
	err  error
}

// init makes it walk tables of a level from unpositioned; it may be a used one.
func (it *levelIter) init(h *hold, level int, files []*version.File, opt sst.IterOptions, prefix []byte) {
	it.hold, it.slot, it.level, it.files, it.opt, it.prefix = h, h.slot(), level, files, opt, prefix
	it.open, it.err, it.unwanted = false, nil, nil
}

// reset lets go of the tables and keeps the buffers.
func (it *levelIter) reset() {
	it.hold, it.files, it.prefix, it.unwanted, it.err = nil, nil, nil, nil, nil
	it.opt = sst.IterOptions{}
}

func (it *levelIter) First() bool {
	return it.load(0) && (it.cur.First() || it.forward())
}

func (it *levelIter) Last() bool {
	return it.load(len(it.files)-1) && (it.cur.Last() || it.backward())
}

func (it *levelIter) SeekGE(key []byte, t entry.Trailer) bool {
	i, _ := slices.BinarySearchFunc(it.files, key, func(f *version.File, key []byte) int {
		if f.Bounds().EndsBefore(key) {
			return -1
		}
		return 1
	})
	return it.load(i) && (it.cur.SeekGE(key, t) || it.forward())
}

func (it *levelIter) SeekLT(key []byte, t entry.Trailer) bool {
	i, _ := slices.BinarySearchFunc(it.files, key, func(f *version.File, key []byte) int {
		if bytes.Compare(f.Smallest, key) <= 0 {
			return -1
		}
		return 1
	})
	return it.load(i-1) && (it.cur.SeekLT(key, t) || it.backward())
}

func (it *levelIter) Next() bool { return it.cur.Next() || it.forward() }
func (it *levelIter) Prev() bool { return it.cur.Prev() || it.backward() }

// forward goes on in the next table that has an entry.
func (it *levelIter) forward() bool {
	for it.cur.Err() == nil && it.load(it.at+1) {
		if it.cur.First() {
			return true
		}
	}
	return false
}

func (it *levelIter) backward() bool {
	for it.cur.Err() == nil && it.load(it.at-1) {
		if it.cur.Last() {
			return true
		}
	}
	return false
}

// load makes cur an iterator of the table i. It reports false if there is none.
func (it *levelIter) load(i int) bool {
	if i < 0 || i >= len(it.files) || it.err != nil {
		it.unload()
		return false
	}
	if it.open && it.at == i {
		return true
	}
	t, err := it.hold.keep(it.slot, it.files[i])
	if err != nil {
		it.unload()
		it.err = err
		return false
	}
	opt, err := it.options(it.files[i], t)
	if err != nil {
		it.unload()
		it.err = err
		return false
	}
	it.cur.Init(t.Reader, opt)
	it.at, it.open = i, true
	return true
}

// options says how to walk a table. One without the prefix, or that filters do not
// want, is not walked.
func (it *levelIter) options(f *version.File, t *table) (sst.IterOptions, error) {
	opt := it.opt
	if it.unwanted != nil {
		var all bool
		if opt.Pass, all = it.unwanted.table(f, t); all {
			opt.Upper = []byte{} // no key is below it
			opt.Pass = func(_, _, _ []byte) bool { return true }
			return opt, nil
		}
	}
	if it.prefix == nil {
		return opt, nil
	}
	may, err := t.MayContainPrefix(it.prefix)
	if err == nil && !may {
		opt.Upper = []byte{} // no key is below it
	}
	return opt, err
}

// unload leaves the iterator unpositioned.
func (it *levelIter) unload() {
	if !it.open {
		return
	}
	if it.err == nil {
		it.err = it.cur.Err()
	}
	it.cur.Close()
	it.open = false
}

func (it *levelIter) Valid() bool            { return it.open && it.cur.Valid() }
func (it *levelIter) Key() []byte            { return it.cur.Key() }
func (it *levelIter) Trailer() entry.Trailer { return it.cur.Trailer() }
func (it *levelIter) Value() []byte          { return it.cur.Value() }

func (it *levelIter) Err() error {
	if it.err == nil && it.open {
		return it.cur.Err()
	}
	return it.err
}

func (it *levelIter) Close() error {
	it.unload()
	return it.err
}

// levelTombstones are the range tombstones of a level below 0.
type levelTombstones struct {
	readers *readers
	files   []*version.File // those of the level that have tombstones
}

// around is rangedel.List.Around for all tables of the level.
func (l *levelTombstones) around(key []byte, at kv.Seq) (rangedel.Cover, error) {
	i, _ := slices.BinarySearchFunc(l.files, key, func(f *version.File, key []byte) int {
		if f.Bounds().EndsBefore(key) {
			return -1
		}
		return 1
	})
	var c rangedel.Cover
	var next []byte // where the tombstones of the next table begin
	if i == len(l.files) {
		c.Start = bytes.Clone(key)
		return c, nil
	}
	f := l.files[i]
	if !f.Bounds().Contains(key) {
		return rangedel.Cover{Start: bytes.Clone(key), End: f.Smallest}, nil
	}
	t, err := l.readers.find(f)
	if err != nil {
		return c, err
	}
	c = rangedel.List(t.Tombstones()).Around(key, at)
	if c.Start == nil || bytes.Compare(c.Start, f.Smallest) < 0 {
		c.Start = f.Smallest
	}
	if i+1 < len(l.files) {
		next = l.files[i+1].Smallest
	}
	if next != nil && (c.End == nil || bytes.Compare(next, c.End) < 0) {
		c.End = next
	}
	return c, nil
}
