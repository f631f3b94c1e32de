package lsm

import "github.com/varvedb/varve/lsm/internal/version"

// vain is a table that was read in vain: a Get looked into one of its blocks and
// had to go on to another table, or a seek had to position several. A table pays
// for such reads from a budget, as in LevelDB: reading a block costs about as much
// as compacting 16 KiB. When it is spent the table is compacted into the next
// level, if nothing more urgent is due, so that later reads meet one table less.
// What filters answer costs nothing.
//
// Only some Gets and some iterators count, so that reads of what is cached do not
// write to memory that others share.
type vain struct {
	table *table
	level int
	file  *version.File
}

const (
	vainBytes    = 16 << 10 // of a table for each read
	vainLeast    = 100      // reads, however small the table
	seeksCounted = 16       // every so many iterators count, so many times
)

// charge counts reads of a table in vain.
func (s *Store) charge(v vain, reads int64) {
	if v.table == nil {
		return // the store is being closed
	}
	budget := max(v.file.Size/vainBytes, vainLeast)
	spent := v.table.vain.Add(reads)
	if spent < budget || spent-reads >= budget || v.level == version.NumLevels-1 {
		return
	}
	v.table.vain.Store(0) // if it cannot be compacted now
	s.mu.Lock()
	s.hint = version.LeveledNumber{Level: v.level, Number: v.file.Number}
	s.mu.Unlock()
	s.schedule()
}

// chargeSeek counts a seek that has positioned several tables: the first of them,
// which is of the highest level, pays.
func (s *Store) chargeSeek(m *merged) {
	var first vain
	n := 0
	for i := range m.sources {
		src := &m.sources[i]
		if src.mem || !src.Valid() {
			continue
		}
		if n++; n == 1 {
			first = src.table
			if l, ok := src.Iterator.(*levelIter); ok {
				first = vain{l.hold.at(l.slot), l.level, l.files[l.at]}
			}
		}
	}
	if n > 1 {
		s.charge(first, seeksCounted)
	}
}
