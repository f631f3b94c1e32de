package sst

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

func TestAnEmptyTableHasNothing(t *testing.T) {
	r, info := table(t, WriterOptions{}, nil, nil)
	if info.Entries != 0 || info.Tombstones != 0 || info.MinSeq <= info.MaxSeq || info.Smallest.Key != nil {
		t.Fatalf("%+v", info)
	}
	it := r.NewIter(IterOptions{})
	if it.First() || it.Last() || it.SeekGE(nil, entry.Newest) || it.SeekLT([]byte("x"), 0) || it.Next() || it.Prev() {
		t.Fatal("an entry is found")
	}
	check(t, it.Close())
	_, _, ok, err := r.Get(nil, entry.Newest)
	may, mayErr := r.MayContain(nil)
	if ok || may || err != nil || mayErr != nil || r.ApproximateOffset(nil) != 0 {
		t.Fatal("a key is found", err, mayErr)
	}
}

func TestAClosedIteratorIsNowhere(t *testing.T) {
	r, _ := table(t, WriterOptions{}, nil, numbered(100))
	it := r.NewIter(IterOptions{})
	it.First()
	check(t, it.Close())
	check(t, it.Close())
	if it.Valid() || it.Next() || it.First() || it.SeekGE(nil, entry.Newest) || new(Iter).First() {
		t.Fatal("it moves")
	}
	it.Init(r, IterOptions{})
	expect(t, it, it.First(), numbered(100), 0)
}

func TestInfoDescribesTheTable(t *testing.T) {
	all := []kvt{
		{"a", entry.MakeTrailer(9, entry.Merge), "+1"},
		{"a", entry.MakeTrailer(7, entry.Put), "one"},
		{"b", entry.MakeTrailer(5, entry.Delete), ""},
	}
	frags := []rangedel.Fragment{
		{Start: []byte("b"), End: []byte("c"), Seqs: []kv.Seq{12, 3}},
		{Start: []byte("x"), Seqs: []kv.Seq{4}},
	}
	opt := WriterOptions{FileNumber: 77, Attributes: map[string]string{"level": "3"}, PrefixLength: 1}
	data, info := write(t, opt, all, frags...)
	if info.Checksum != crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) {
		t.Error("the checksum is wrong")
	}
	if info.Entries != 3 || info.Deletes != 1 || info.Merges != 1 || info.Tombstones != 2 ||
		info.MinSeq != 3 || info.MaxSeq != 12 || info.KeyBytes != 3 || info.ValueBytes != 5 || info.DataBlocks != 1 {
		t.Errorf("%+v", info)
	}
	if string(info.Smallest.Key) != "a" || info.Smallest.Trailer != all[0].t || string(info.Largest.Key) != "b" ||
		info.Largest.Trailer != all[2].t || string(info.RangeStart) != "b" || info.RangeEnd != nil {
		t.Errorf("%+v", info)
	}
	r, _ := table(t, opt, nil, all, frags...)
	if !reflect.DeepEqual(r.Properties(), info.Properties) {
		t.Errorf("%+v is not %+v", r.Properties(), info.Properties)
	}
	if !reflect.DeepEqual(r.Tombstones(), frags) || r.ResidentBytes() <= 0 {
		t.Errorf("%v", r.Tombstones())
	}
}

func TestATableMayHaveTombstonesOnly(t *testing.T) {
	r, info := table(t, WriterOptions{}, nil, nil, rangedel.Fragment{Start: []byte{}, End: []byte{0}, Seqs: []kv.Seq{1}})
	if len(r.Tombstones()) != 1 || info.Tombstones != 1 || string(info.RangeEnd) != "\x00" || info.MinSeq != 1 {
		t.Fatalf("%+v", info)
	}
}

func TestTheWriterRefusesWhatIsOutOfOrder(t *testing.T) {
	seq := func(s kv.Seq) entry.Trailer { return entry.MakeTrailer(s, entry.Put) }
	for name, add := range map[string]func(*Writer) error{
		"lower key":    func(w *Writer) error { return w.Add([]byte("a"), seq(9), nil) },
		"equal":        func(w *Writer) error { return w.Add([]byte("b"), seq(5), nil) },
		"newer":        func(w *Writer) error { return w.Add([]byte("b"), seq(6), nil) },
		"unknown kind": func(w *Writer) error { return w.Add([]byte("c"), 3, nil) },
		"long key":     func(w *Writer) error { return w.Add(bytes.Repeat([]byte("c"), MaxKey+1), seq(1), nil) },
		"overlap": func(w *Writer) error {
			return w.AddTombstone(rangedel.Fragment{Start: []byte("d"), Seqs: []kv.Seq{1}})
		},
		"empty range": func(w *Writer) error {
			return w.AddTombstone(rangedel.Fragment{Start: []byte("x"), End: []byte("x"), Seqs: []kv.Seq{1}})
		},
		"no sequence": func(w *Writer) error { return w.AddTombstone(rangedel.Fragment{Start: []byte("x")}) },
		"rising": func(w *Writer) error {
			return w.AddTombstone(rangedel.Fragment{Start: []byte("x"), Seqs: []kv.Seq{1, 1}})
		},
	} {
		w := NewWriter(new(bytes.Buffer), WriterOptions{})
		check(t, w.Add([]byte("b"), seq(5), nil))
		check(t, w.AddTombstone(rangedel.Fragment{Start: []byte("a"), End: []byte("e"), Seqs: []kv.Seq{1}}))
		if err := add(w); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := w.Finish(); err == nil || w.Add([]byte("z"), seq(1), nil) == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
}

func TestAFinishedWriterTakesNoMore(t *testing.T) {
	w := NewWriter(new(bytes.Buffer), WriterOptions{})
	_, err := w.Finish()
	check(t, err)
	_, err = w.Finish()
	if err == nil || w.Add(nil, 1, nil) == nil || w.AddTombstone(rangedel.Fragment{Seqs: []kv.Seq{1}}) == nil {
		t.Fatal("it does")
	}
}

func TestOptionsAreValidated(t *testing.T) {
	for _, opt := range []WriterOptions{
		{BlockSize: 63}, {BlockSize: 1 << 30}, {IndexBlockSize: -1}, {RestartInterval: 256}, {RestartInterval: -1},
		{Compression: 4}, {BloomBits: 65}, {PrefixLength: -1}, {Attributes: map[string]string{"a": strings.Repeat("x", 1<<17)}},
	} {
		w := NewWriter(new(bytes.Buffer), opt)
		if opt.Validate() == nil || w.Add(nil, 1, nil) == nil {
			t.Errorf("%.100v is taken", opt)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestAFailureOfTheSinkIsReturned(t *testing.T) {
	w := NewWriter(failing{kv.ErrNoSpace}, WriterOptions{})
	check(t, w.Add([]byte("a"), 1, nil))
	if _, err := w.Finish(); !errors.Is(err, kv.ErrNoSpace) {
		t.Fatal(err)
	}
	if _, err := w.Finish(); !errors.Is(err, kv.ErrNoSpace) {
		t.Fatal(err)
	}
}

func TestAWriterThatWasResetWritesTheSame(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		opt := WriterOptions{Compression: c, HashIndex: true, PrefixLength: 3}
		fresh, _ := write(t, opt, numbered(3000))
		var out bytes.Buffer
		w := NewWriter(&out, WriterOptions{FileNumber: 9, BlockSize: 100})
		writeTo(t, &out, w, numbered(777), rangedel.Fragment{Seqs: []kv.Seq{1}})
		out.Reset()
		w.Reset(&out, opt)
		writeTo(t, &out, w, numbered(3000))
		if !bytes.Equal(out.Bytes(), fresh) {
			t.Errorf("%v: the tables differ", c)
		}
	}
}

func TestTheEstimatedSizeIsClose(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, WriterOptions{})
	for _, e := range numbered(20000) {
		check(t, w.Add([]byte(e.key), e.t, []byte(e.value)))
	}
	estimate := w.EstimatedSize()
	info, err := w.Finish()
	check(t, err)
	if d := info.Size - estimate; d < -5000 || d > 5000 {
		t.Fatalf("estimated %d, was %d", estimate, info.Size)
	}
}

// A key's versions may be in many blocks, and these in several partitions.
func TestVersionsOfAKeyMayStraddleBlocks(t *testing.T) {
	var all []kvt
	for _, key := range []string{"a", "b", "c"} {
		for seq := kv.Seq(500); seq > 0; seq-- {
			all = append(all, put(key, 2*seq, fmt.Sprint(key, seq)))
		}
	}
	r, info := table(t, WriterOptions{BlockSize: 128, IndexBlockSize: 128, HashIndex: true}, newCache(), all)
	if info.Partitions < 10 {
		t.Fatalf("%d partitions", info.Partitions)
	}
	for _, key := range []string{"", "a", "aa", "b", "c", "d"} {
		for seq := range kv.Seq(1003) {
			checkGet(t, r, all, key, entry.VisibleAt(seq))
		}
	}
}

func TestAValueLongerThanABlockIsABlock(t *testing.T) {
	all := []kvt{put("a", 1, "x"), put("b", 1, strings.Repeat("long ", 1<<20)), put("c", 1, "y")}
	for c := None; c <= Zstd; c++ {
		r, info := table(t, WriterOptions{Compression: c}, nil, all)
		if info.DataBlocks != 3 {
			t.Fatalf("%d blocks", info.DataBlocks)
		}
		checkWalks(t, r.NewIter(IterOptions{Sequential: true}), all)
	}
}

func TestACachedLookupReadsNothing(t *testing.T) {
	all := numbered(10000)
	data, _ := write(t, WriterOptions{}, all)
	f := &file{data: data}
	r, err := Open(f, ReaderOptions{Name: "t.sst", Size: int64(len(data)), Cache: newCache()})
	check(t, err)
	if f.reads.Load() != 1 {
		t.Errorf("opening took %d reads", f.reads.Load())
	}
	for _, e := range all {
		_, _, ok, err := r.Get([]byte(e.key), entry.Newest)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	reads := f.reads.Load()
	checkGet(t, r, all, all[77].key, entry.Newest)
	if f.reads.Load() != reads {
		t.Fatal("it read")
	}
}

func TestPinningLoadsIndexAndFilters(t *testing.T) {
	data, info := write(t, WriterOptions{}, numbered(20000))
	c := newCache()
	_, err := Open(&file{data: data}, ReaderOptions{Name: "t.sst", Size: int64(len(data)), Cache: c, Pin: true})
	check(t, err)
	if want := int(2*info.Partitions + 1); c.pinned != want {
		t.Fatalf("%d are pinned, not %d", c.pinned, want)
	}
}

func TestNoFillLeavesTheCacheAlone(t *testing.T) {
	c := newCache()
	r, _ := table(t, WriterOptions{}, c, numbered(5000))
	checkWalks(t, r.NewIter(IterOptions{NoFill: true}), numbered(5000))
	if len(c.blocks) != 0 {
		t.Fatalf("%d blocks were added", len(c.blocks))
	}
	checkWalks(t, r.NewIter(IterOptions{}), numbered(5000))
	if len(c.blocks) == 0 {
		t.Fatal("no blocks were added")
	}
}

func TestWalksReadAhead(t *testing.T) {
	all := numbered(50000)
	data, info := write(t, WriterOptions{}, all)
	for _, opt := range []IterOptions{{}, {Sequential: true}, {NoFill: true}} {
		f := &file{data: data}
		r, err := Open(f, ReaderOptions{Name: "t.sst", Size: int64(len(data))})
		check(t, err)
		it := r.NewIter(opt)
		i := 0
		for ok := it.First(); ok; ok = it.Next() {
			i++
		}
		check(t, it.Close())
		if i != len(all) || f.reads.Load() > int64(info.DataBlocks)/10 || f.bytes.Load() > 2*info.Size {
			t.Errorf("%d entries, %d reads of %d bytes for %d blocks", i, f.reads.Load(), f.bytes.Load(), info.DataBlocks)
		}
	}
}

// blockStarts returns the first and last keys of all data blocks.
func blockStarts(t *testing.T, r *Reader) (first, last []string) {
	for i := range r.parts {
		x, err := r.index(i, false)
		check(t, err)
		for j := range x.count {
			e, err := x.at(j, r.limit)
			check(t, err)
			first, last = append(first, string(e.first(nil))), append(last, string(e.last))
		}
	}
	return first, last
}

func TestALazySeekReadsNoDataBlockBeforeItsTurn(t *testing.T) {
	all := numbered(3000)
	data, _ := write(t, WriterOptions{}, all)
	f := &file{data: data}
	c := newCache()
	r, err := Open(f, ReaderOptions{Name: "t.sst", Size: int64(len(data)), Cache: c})
	check(t, err)
	first, last := blockStarts(t, r)
	it := r.NewIter(IterOptions{Lazy: true})
	it.First()
	reads := f.reads.Load()
	for i, key := range last[:len(last)-1] {
		if !it.SeekGE([]byte(key+"\x00"), entry.Newest) || string(it.Key()) != first[i+1] {
			t.Fatalf("arrived at %q: %v", it.Key(), it.Err())
		}
	}
	if n := f.reads.Load() - reads; n != int64(len(r.parts)-1) {
		t.Fatalf("%d reads for %d partitions", n, len(r.parts))
	}
	if len(it.Value()) == 0 || f.reads.Load() != reads+int64(len(r.parts)) {
		t.Fatal("the value was not read")
	}
}

func TestBlocksBeyondTheBoundsAreNotRead(t *testing.T) {
	all := numbered(3000)
	r, _ := table(t, WriterOptions{}, nil, all)
	first, last := blockStarts(t, r)
	it := r.NewIter(IterOptions{Lower: []byte(first[3]), Upper: []byte(first[5])})
	n := 0
	for ok := it.SeekGE([]byte(first[3]), entry.Newest); ok; ok = it.Next() {
		n++
	}
	check(t, it.Err())
	back := 0
	for ok := it.SeekLT([]byte(first[5]), entry.Newest); ok; ok = it.Prev() {
		back++
	}
	check(t, it.Err())
	want := lowerBound(all, first[5], entry.Newest) - lowerBound(all, first[3], entry.Newest)
	if n != want || back != want || it.SeekGE([]byte(last[4]+"\x00"), entry.Newest) {
		t.Fatalf("%d entries and %d back, want %d", n, back, want)
	}
}

func TestOffsetsRiseWithKeys(t *testing.T) {
	all := numbered(20000)
	r, info := table(t, WriterOptions{}, newCache(), all)
	last := int64(0)
	for _, e := range all {
		off := r.ApproximateOffset([]byte(e.key))
		if off < last || off > info.Size {
			t.Fatalf("%q is at %d after %d", e.key, off, last)
		}
		last = off
	}
	if half := r.ApproximateOffset([]byte(all[10000].key)); half < info.Size*4/10 || half > info.Size*6/10 {
		t.Errorf("half of %d is %d", info.Size, half)
	}
	if end := r.ApproximateOffset([]byte("z")); end < last {
		t.Errorf("the end is at %d", end)
	}
}

func TestReadersAreConcurrent(t *testing.T) {
	all := numbered(4000)
	r, _ := table(t, WriterOptions{Compression: Zstd, HashIndex: true}, newCache(), all)
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			it := r.NewIter(IterOptions{})
			for i := g; i < len(all); i += 7 {
				_, v, ok, err := r.Get([]byte(all[i].key), entry.Newest)
				if !ok || err != nil || string(v) != all[i].value || !it.SeekGE([]byte(all[i].key), entry.Newest) {
					t.Error(all[i].key, ok, err)
				}
			}
		})
	}
	group.Wait()
}

func TestDumpPrintsTheTable(t *testing.T) {
	all := numbered(200)
	r, _ := table(t, WriterOptions{FileNumber: 4, Attributes: map[string]string{"job": "flush"}}, nil, all,
		rangedel.Fragment{Start: []byte("k"), End: []byte("l"), Seqs: []kv.Seq{4, 2}})
	var out strings.Builder
	check(t, Dump(&out, r, DumpOptions{Values: true}))
	for _, want := range []string{"table 4, format 1", "entries 200\n", `attribute.job "flush"`,
		`tombstone "k" to "l" at [4 2]`, "partition 0: index at", "  block at 0, ", `    "key000017" 18.put = "value 17"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%.2000s", want, out.String())
		}
	}
}

func TestUnknownPropertiesArePassedOver(t *testing.T) {
	content := appendList(nil, []item{{"aaa", []byte("?")}, {"entries", []byte{5}}, {"zzz", nil}})
	p, err := parseProperties(content)
	if err != nil || p.Entries != 5 {
		t.Fatal(p, err)
	}
	if _, err := parseProperties(appendList(nil, []item{{"entries", []byte{5, 5}}})); err == nil {
		t.Fatal("a malformed number is taken")
	}
}
