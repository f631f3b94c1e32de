package sst

import (
	"bytes"
	"errors"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// Gap is a part of a table that makes no sense.
type Gap struct {
	From, To int64 // file offsets; To is -1 if the file ends too early
	What     string
	// Keys hold all that the entries could have that were there.
	Keys kv.Span
}

// Salvaged is what was found in a table.
type Salvaged struct {
	Entries    uint64
	MaxSeq     kv.Seq // of entries and tombstones
	Tombstones []rangedel.Fragment
	Gaps       []Gap // by offset
	// Whole says that nothing is missing: the gaps had no entries and no
	// tombstones.
	Whole bool
	// Uncovered says that range tombstones may be missing: whatever they deleted,
	// in this table or another, may be back.
	Uncovered bool
}

// Salvage visits the entries of all intact blocks of a table, in order, past any
// damage. Data is the whole file; that is what memory it takes, and one block.
// Neither footer nor index are needed: see blockFinder. Arguments of visit are
// valid during the call. The error is that of visit, or kv.ErrNewerFormat.
func Salvage(data []byte, opt ReaderOptions, visit func(key []byte, t entry.Trailer, value []byte) error) (*Salvaged, error) {
	f := newBlockFinder(data, opt)
	limit := len(data) - footerSize
	_, err := parseFooter(data[max(limit, 0):], opt.FileNumber, int64(len(data)))
	switch {
	case errors.Is(err, kv.ErrNewerFormat):
		return nil, err
	case err != nil:
		limit = len(data) // what is left of it is a gap
	}
	s := &salvager{reader: f.reader, visit: visit, lasts: map[int64]Bound{}}
	for at := 0; at < limit; {
		from, to := f.next(at, limit)
		if from > at {
			s.gap(int64(at), int64(from), "no block begins here that is intact")
		}
		if to > from {
			if err := s.block(handle{int64(from), int64(to - from)}, data[from:to]); err != nil {
				return nil, err
			}
		}
		at = to
	}
	if err != nil && (len(s.found.Gaps) == 0 || s.found.Gaps[len(s.found.Gaps)-1].To < int64(len(data))) {
		s.gap(int64(len(data)), -1, err.Error())
	}
	s.judge()
	return &s.found, nil
}

// salvager takes the intact blocks of a table, from the first to the last, and
// finds out what each of them is: blocks do not say.
type salvager struct {
	reader *Reader
	visit  func(key []byte, t entry.Trailer, value []byte) error
	found  Salvaged
	cur    cursor

	any   bool            // there was an entry
	last  Bound           // of those visited
	lasts map[int64]Bound // last entries of the data blocks that are in no index yet
	open  int             // gaps behind the last entry
	props *Properties     // nil while they are not found
	meta  map[string]bool // what the metaindex names; nil while it is not found
	sizes Properties      // of the entries
}

// gap notes a gap.
func (s *salvager) gap(from, to int64, what string) {
	g := Gap{From: from, To: to, What: what}
	if s.any {
		g.Keys.Start = bytes.Clone(s.last.Key) // there may be more entries of it
	}
	s.found.Gaps = append(s.found.Gaps, g)
	s.open++
}

// arrive notes that the entries behind the last gaps begin with key.
func (s *salvager) arrive(key []byte) {
	for n := len(s.found.Gaps); s.open > 0; s.open-- {
		s.found.Gaps[n-s.open].Keys.End = kv.After(key)
	}
}

// block takes an intact block.
func (s *salvager) block(h handle, stored []byte) error {
	content, err := s.reader.unpack(h, stored)
	if err != nil {
		s.gap(h.offset, h.end(), "a block cannot be decompressed")
		return nil
	}
	plain := len(content) == len(stored)-blockTrailerSize
	if _, _, err := parseTop(content, h.offset); err == nil || s.isIndex(content, h) {
		return nil
	}
	if s.isData(content) {
		return s.data(content, h)
	}
	if plain {
		s.special(content)
	}
	return nil
}

// isIndex reports whether a block is an index: of blocks one after another, with
// the last entries of those that were found.
func (s *salvager) isIndex(content []byte, h handle) bool {
	x, ok := parseIndex(content)
	if !ok || x.count == 0 {
		return false
	}
	end := int64(-1)
	for i := range x.count {
		e, err := x.at(i, h.offset)
		if err != nil || end >= 0 && e.handle.offset != end {
			return false
		}
		last, found := s.lasts[e.handle.offset]
		if found && (!bytes.Equal(last.Key, e.last) || last.Trailer != e.lastTrailer) {
			return false
		}
		end = e.handle.end()
	}
	clear(s.lasts)
	return true
}

// isData reports whether a block has nothing but entries, in order.
func (s *salvager) isData(content []byte) bool {
	b, ok := parseBlock(content)
	if !ok || b.count == 0 {
		return false
	}
	var before Bound
	s.cur.open(b)
	n := 0
	for ok := s.cur.first(); ok; ok = s.cur.forward() {
		if s.cur.trailer.Kind() > entry.Merge || n > 0 && entry.Compare(before.Key, before.Trailer, s.cur.key, s.cur.trailer) >= 0 {
			return false
		}
		before.Key, before.Trailer = append(before.Key[:0], s.cur.key...), s.cur.trailer
		n++
	}
	return s.cur.err == nil
}

// data visits the entries of a data block.
func (s *salvager) data(content []byte, h handle) error {
	b, _ := parseBlock(content)
	s.cur.open(b)
	for ok := s.cur.first(); ok; ok = s.cur.forward() {
		if s.any && entry.Compare(s.last.Key, s.last.Trailer, s.cur.key, s.cur.trailer) >= 0 {
			s.gap(h.offset, h.end(), "the entries are not after those before")
			return nil
		}
		s.arrive(s.cur.key)
		if err := s.visit(s.cur.key, s.cur.trailer, s.cur.value); err != nil {
			return err
		}
		s.any = true
		s.last.Key, s.last.Trailer = append(s.last.Key[:0], s.cur.key...), s.cur.trailer
		s.sizes.count(s.cur.trailer, len(s.cur.key), len(s.cur.value))
	}
	s.lasts[h.offset] = Bound{bytes.Clone(s.last.Key), s.last.Trailer}
	return nil
}

// special takes a block that is not sorted, and not a filter.
func (s *salvager) special(content []byte) {
	if t, err := parseTombstones(content); err == nil {
		s.found.Tombstones = t
		return
	}
	names := map[string]bool{}
	if readList(content, func(name, _ []byte) error { names[string(name)] = true; return nil }) != nil {
		return
	}
	if names[metaProperties] {
		s.meta = names
	} else if p, err := parseProperties(content); err == nil && names["entries"] {
		s.props = &p
	}
}

// judge says what the parts mean together.
func (s *salvager) judge() {
	f, p := &s.found, s.props
	f.Entries, f.MaxSeq = s.sizes.Entries, kv.Seq(s.sizes.MaxSeq)
	for _, t := range f.Tombstones {
		f.MaxSeq = max(f.MaxSeq, t.Seqs[0])
	}
	n := uint64(len(f.Tombstones))
	f.Whole = p != nil && p.Entries == f.Entries && p.KeyBytes == s.sizes.KeyBytes && p.ValueBytes == s.sizes.ValueBytes && p.Tombstones == n
	none := p != nil && p.Tombstones == 0 || s.meta != nil && !s.meta[metaTombstones]
	f.Uncovered = n == 0 && !none && len(f.Gaps) > 0
}
