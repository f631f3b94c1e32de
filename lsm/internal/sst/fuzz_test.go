package sst

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// FuzzBlock reads blocks with any content, every way there is.
func FuzzBlock(f *testing.F) {
	for interval := 1; interval < 5; interval++ {
		b := blockBuilder{interval: interval, hashed: interval%2 == 0}
		for _, e := range numbered(10) {
			b.add([]byte(e.key), e.t, []byte(e.value), Hash([]byte(e.key)))
		}
		f.Add(b.finish(), []byte("key000003"), uint64(entry.Newest))
	}
	f.Fuzz(func(t *testing.T, content, key []byte, trailer uint64) {
		b, ok := parseBlock(content)
		if !ok {
			return
		}
		at := entry.Trailer(trailer)
		_, _ = Property(content, int(trailer%5))
		var h hit
		_, _ = b.get(key, Hash(key), at, &h)
		_, _ = b.find(key, at, &h)
		for i := range b.intervals() {
			_, _, _, _ = b.valueAt(i)
			_, _ = (&index{b}).at(i, int64(len(content)))
		}
		var c cursor
		c.open(b)
		forward := 0
		for ok := c.first(); ok && forward <= b.count; ok = c.forward() {
			forward++
		}
		if c.err == nil && forward < b.count && c.next != len(b.entries) {
			t.Fatalf("%d of %d entries, and no error", forward, b.count)
		}
		sought := c.seekGE(key, at)
		if sought && entry.Compare(c.key, c.trailer, key, at) < 0 {
			t.Fatalf("%q %v is before %q %v", c.key, c.trailer, key, at)
		}
		c.open(b)
		c.seekLT(key, at)
		c.open(b)
		back := 0
		for ok := c.last(); ok && back <= len(content); ok = c.back() {
			back++
		}
	})
}

// FuzzTable reads tables with any content, mended so that what is behind the
// checksums is read. If Verify finds nothing, all ways to read must agree.
func FuzzTable(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		data, _, _ := smallTable(f, c)
		f.Add(data, true)
		f.Add(data, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, mended bool) {
		data = bytes.Clone(data)
		if mended {
			mend(data, 7)
		}
		r, err := openSource(data, 7, newCache())
		if err != nil {
			return
		}
		if err := r.Verify(context.Background(), nil); err != nil {
			mustBeCorruption(t, err)
			wander(r)
			return
		}
		var all []kvt
		it := r.NewIter(IterOptions{})
		for ok := it.First(); ok; ok = it.Next() {
			all = append(all, kvt{string(it.Key()), it.Trailer(), string(it.Value())})
		}
		if err := it.Close(); err != nil || uint64(len(all)) != r.props.Entries {
			t.Fatalf("verified, but %d of %d entries and %v", len(all), r.props.Entries, err)
		}
		it.Init(r, IterOptions{Lazy: true})
		checkWalks(t, it, all)
		checkSeeks(t, it, all)
		for _, e := range all {
			checkGet(t, r, all, e.key, e.t)
			checkGet(t, r, all, e.key+"x", e.t)
		}
	})
}

// wander reads a table that may be anything, for a while.
func wander(r *Reader) {
	for _, key := range []string{"", "a", "aa", "abc", "b", "zz"} {
		_, _, _, _ = r.Get([]byte(key), entry.Newest)
		_, _ = r.MayContainPrefix([]byte(key))
		r.ApproximateOffset([]byte(key))
		for _, lazy := range []bool{false, true} {
			it := r.NewIter(IterOptions{Lazy: lazy})
			n := 0
			for ok := it.SeekGE([]byte(key), entry.Newest); ok && n < 100; ok = it.Next() {
				n++
			}
			it.Init(r, IterOptions{Lazy: lazy})
			n = 0
			for ok := it.SeekLT([]byte(key), entry.Newest); ok && n < 100; ok = it.Prev() {
				n++
			}
		}
	}
}

// mend makes the checksums of a table right, as far as its blocks are found.
func mend(data []byte, number uint64) {
	n := len(data) - footerSize
	if n < 0 {
		return
	}
	le, foot := binary.LittleEndian, data[n:]
	copy(foot[48:], magic)
	le.PutUint32(foot[40:], formatVersion)
	le.PutUint64(foot[24:], number)
	le.PutUint64(foot[32:], uint64(len(data)))
	le.PutUint32(foot[44:], crc32.Checksum(foot[:44], castagnoli()))
	fo, err := parseFooter(foot, number, int64(len(data)))
	if err != nil {
		return
	}
	m := &mender{data: data, r: &Reader{src: &file{data: data}, opt: ReaderOptions{FileNumber: number, Size: int64(len(data))}, codec: new(Decompressor)}}
	_ = readList(m.content(fo.meta), func(_, value []byte) error {
		h, _ := decodeHandle(value)
		m.content(h)
		return nil
	})
	top, _ := parseIndex(m.content(fo.top))
	for i := range min(top.count, 100) {
		_, _, value, err := top.valueAt(i)
		if err != nil {
			return
		}
		d := decoder{rest: value}
		d.uvarint()
		ix, rest := decodeHandle(d.rest)
		m.content(ix)
		filter, _ := decodeHandle(rest)
		m.content(filter)
		x, _ := parseIndex(m.content(ix))
		for j := range min(x.count, 100) {
			if h, err := x.handleAt(j, int64(n)); err == nil {
				m.content(h)
			}
		}
	}
}

type mender struct {
	data []byte
	r    *Reader
}

// content mends a block and returns what is in it, or nil.
func (m *mender) content(h handle) []byte {
	if !h.within(int64(len(m.data) - footerSize)) {
		return nil
	}
	resum(m.data, h, m.r.opt.FileNumber)
	content, err := m.r.content(h, nil)
	if err != nil {
		return nil
	}
	return content
}

// FuzzFilter asks filters with any content.
func FuzzFilter(f *testing.F) {
	b := filterBuilder{bits: 10}
	for i := range 50 {
		b.add(uint64(i) * golden)
	}
	f.Add(b.finish(), uint64(3))
	f.Add(make([]byte, 65), uint64(3))
	f.Fuzz(func(t *testing.T, content []byte, hash uint64) {
		may, ok := mayContain(content, hash)
		if may && !ok {
			t.Fatal("no filter has it")
		}
	})
}

// FuzzTombstones decodes tombstone blocks with any content; what is decoded is
// encoded as the same again.
func FuzzTombstones(f *testing.F) {
	seed := appendFragment([]byte{2}, rangedel.Fragment{Start: []byte("a"), End: []byte("b"), Seqs: []kv.Seq{9, 3, 0}})
	f.Add(appendFragment(seed, rangedel.Fragment{Start: []byte("b"), Seqs: []kv.Seq{entry.MaxSeq}}))
	f.Fuzz(func(t *testing.T, content []byte) {
		frags, err := parseTombstones(content)
		if err != nil {
			return
		}
		again := binary.AppendUvarint(nil, uint64(len(frags)))
		for _, fr := range frags {
			again = appendFragment(again, fr)
		}
		same, err := parseTombstones(again)
		if err != nil || !reflect.DeepEqual(frags, same) || len(again) > len(content) {
			t.Fatalf("%v becomes %v: %v", frags, same, err)
		}
	})
}

// FuzzProperties decodes properties with any content; what is decoded is encoded
// as the same again.
func FuzzProperties(f *testing.F) {
	p := Properties{Entries: 5, MinSeq: 1 << 63, Attributes: map[string]string{"a": "b"}}
	f.Add(p.append(nil))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := parseProperties(content)
		if err != nil {
			return
		}
		same, err := parseProperties(p.append(nil))
		if err != nil || !reflect.DeepEqual(p, same) {
			t.Fatalf("%+v becomes %+v: %v", p, same, err)
		}
	})
}
