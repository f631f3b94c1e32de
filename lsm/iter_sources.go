package lsm

import (
	"bytes"
	"sync"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/memtable"
	"github.com/varvedb/varve/lsm/internal/sst"
	"github.com/varvedb/varve/lsm/internal/version"
)

// gear is what an iterator moves with: reused, since iterators come and go.
type gear struct {
	merged   merged
	covers   covers
	past     bool
	levels   []*levelIter
	tables   []*sst.Iter
	mems     []*memtable.Iter
	keybuf   []byte
	valbuf   []byte
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
	clear(g.covers.sources)
	g.covers = covers{sources: g.covers.sources[:0]}
	g.past = false
	for _, l := range g.levels[:g.usedLevels] {
		l.reset()
	}
	clear(g.operands[:cap(g.operands)])
	g.usedLevels, g.usedTables, g.usedMems = 0, 0, 0
	gears.Put(g)
}

// openSources collects what may hold keys within the bounds that the iterator
// sees.
func (it *iterator) openSources(st *state) (*gear, error) {
	g := gears.Get().(*gear)
	if it.upper != nil && bytes.Compare(it.lower, it.upper) >= 0 {
		return g, nil
	}
	it.addMem(g, st.active)
	for _, m := range st.frozen {
		it.addMem(g, m)
	}
	for _, f := range st.tables.Overlapping(0, it.lower, it.upper) {
		if err := it.addTable(g, f); err != nil {
			return nil, err
		}
	}
	for level := 1; level < version.NumLevels; level++ {
		it.addLevel(g, level, st.tables.Version)
	}
	return g, nil
}

func (it *iterator) addMem(g *gear, m *mem) {
	if m.after >= it.mooring.seq {
		return
	}
	if !m.ranges.Empty() {
		g.covers.sources = append(g.covers.sources, memTombstones{m})
	}
	if m.points.Empty() {
		return // and what comes is too new
	}
	walk := next(&g.mems, &g.usedMems)
	walk.Init(m.points)
	g.merged.sources = append(g.merged.sources, source{Iterator: walk, newest: entry.MaxSeq, mem: true})
}

func (it *iterator) addTable(g *gear, f *version.File) error {
	if f.MinSeq > it.mooring.seq {
		return nil
	}
	t, err := it.mooring.keep(it.mooring.slot(), f)
	if err != nil {
		return err
	}
	if f.Tombstones > 0 {
		g.covers.sources = append(g.covers.sources, listTombstones(t.Tombstones()))
	}
	if prefix := it.filterPrefix(); prefix != nil {
		if may, err := t.MayContainPrefix(prefix); err != nil || !may {
			return err
		}
	}
	walk := next(&g.tables, &g.usedTables)
	walk.Init(t.Reader, it.tableOptions())
	g.merged.sources = append(g.merged.sources, source{Iterator: walk, newest: f.MaxSeq, table: vain{t, 0, f}})
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

func (it *iterator) addLevel(g *gear, level int, v *version.Version) {
	files := v.Overlapping(level, it.lower, it.upper)
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
		g.covers.sources = append(g.covers.sources, &levelTombstones{it.store.readers, buried})
	}
	walk := next(&g.levels, &g.usedLevels)
	walk.init(&it.mooring.hold, level, files, it.tableOptions(), it.filterPrefix())
	if len(it.filters) > 0 {
		walk.unwanted = &unwanted{it.filters, v, level}
	}
	g.merged.sources = append(g.merged.sources, source{Iterator: walk, newest: newest})
}
