package lsm

import (
	"bytes"
	"slices"

	"github.com/varvedb/varve/lsm/internal/memtable"
	"github.com/varvedb/varve/lsm/internal/version"
)

// A memtable need not become one table of level 0. Where it has much between two
// keys that no table covers, as all writers do whose keys rise, that part becomes
// a table of its own, which goes as deep as an import would: it is never written
// again for what the memtable holds elsewhere. So that tables leave the end of a
// keyspace uncovered, where keys rise, they end there if they have much of it.

// splitter finds such parts of a memtable.
type splitter struct {
	covered []version.Bounds // what is left of it, from where the walk is
	least   int64            // bytes that make a part worth a table

	begin []byte // of the part that the walk is in; nil in what is covered
	bytes int64  // of that part
	cuts  [][]byte
}

// deepShare is the share of TargetFile that a table has at least that a flush puts
// below level 0, one in so many: small ones had better be merged first.
const deepShare = 8

// deep returns how many bytes that is.
func (s *Store) deep() int64 { return s.opt.TargetFile / deepShare }

// sameKeyspace reports whether two keys are of the same keyspace.
func sameKeyspace(a, b []byte) bool {
	const prefix = 8
	return len(a) >= prefix && len(b) >= prefix && [prefix]byte(a) == [prefix]byte(b)
}

// cuts returns the keys at which tables end and others begin when the memtable is
// written.
func (s *Store) cuts(m *mem, v *version.Version) [][]byte {
	p := &splitter{covered: v.Covered(), least: s.deep()}
	it := m.points.NewIter()
	if m.points.Bytes() < p.least || !it.Last() || p.surround(m.points, it.Key()) {
		return nil
	}
	for ok := it.First(); ok; ok = it.Next() {
		p.pass(it.Key(), len(it.Key())+len(it.Value())+entryCost)
	}
	p.end(nil)
	return p.cuts
}

// surround reports whether all up to last lies in one range.
func (p *splitter) surround(t *memtable.Table, last []byte) bool {
	it := t.NewIter()
	return it.First() && slices.ContainsFunc(p.covered, func(b version.Bounds) bool {
		return b.Contains(it.Key()) && b.Contains(last)
	})
}

// pass takes the next entry.
func (p *splitter) pass(key []byte, size int) {
	for len(p.covered) > 0 && p.covered[0].EndsBefore(key) {
		p.end(key)
		p.covered = p.covered[1:]
	}
	if len(p.covered) > 0 && bytes.Compare(p.covered[0].Smallest, key) <= 0 {
		p.end(key)
		return
	}
	if p.begin == nil {
		p.begin, p.bytes = key, 0
	}
	p.bytes += int64(size)
}

// end ends the part that the walk is in, before key, and has it cut out if it is
// large.
func (p *splitter) end(key []byte) {
	if p.begin == nil {
		return
	}
	if p.bytes >= p.least {
		if n := len(p.cuts); n == 0 || !bytes.Equal(p.cuts[n-1], p.begin) {
			p.cuts = append(p.cuts, p.begin)
		}
		if key != nil {
			p.cuts = append(p.cuts, key)
		}
	}
	p.begin = nil
}
