package sst

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// smallTable is a table that has some of everything in a few hundred bytes.
func smallTable(t testing.TB, c Compression) (data []byte, all []kvt, frags []rangedel.Fragment) {
	all = []kvt{put("a", 4, "one"), put("a", 3, "two"), {"aa", entry.MakeTrailer(5, entry.Delete), ""},
		put("abc", 9, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		{"abd", entry.MakeTrailer(6, entry.Merge), "+1"}, put("b", 1, ""), put("bcd", 2, "x")}
	frags = []rangedel.Fragment{{Start: []byte("a"), End: []byte("c"), Seqs: []kv.Seq{8, 2}}, {Start: []byte("d"), Seqs: []kv.Seq{3}}}
	data, _ = write(t, WriterOptions{FileNumber: 7, BlockSize: 96, IndexBlockSize: 100, RestartInterval: 2,
		HashIndex: true, PrefixLength: 2, Compression: c}, all, frags...)
	return data, all, frags
}

// damaged uses all paths by which a damaged table can be read. Each must give an
// error that says so, or the right answer. It returns whether Verify noticed.
func damaged(t *testing.T, data []byte, all []kvt, frags []rangedel.Fragment) bool {
	t.Helper()
	r, err := openBytes(data, 7)
	if err != nil {
		mustBeCorruption(t, err)
		return true
	}
	if !reflect.DeepEqual(r.Tombstones(), frags) {
		t.Fatal("the tombstones are wrong, and nobody noticed")
	}
	for _, e := range append(all, put("", 0, ""), put("ab", 0, ""), put("x", 0, "")) {
		damagedGet(t, r, all, e)
		damagedSeek(t, r, all, e)
	}
	damagedWalk(t, r, all)
	err = r.Verify(context.Background(), nil)
	if err != nil {
		mustBeCorruption(t, err)
	}
	return err != nil
}

func mustBeCorruption(t *testing.T, err error) {
	t.Helper()
	if !isCorruption(err) {
		t.Fatalf("the error does not tell of damage: %v", err)
	}
}

func damagedGet(t *testing.T, r *Reader, all []kvt, e kvt) {
	t.Helper()
	got, value, ok, err := r.Get([]byte(e.key), e.t)
	if err != nil {
		mustBeCorruption(t, err)
		return
	}
	i := lowerBound(all, e.key, e.t)
	want := i < len(all) && all[i].key == e.key
	if ok != want || ok && (got != all[i].t || string(value) != all[i].value) {
		t.Fatalf("get %q is wrong, and nobody noticed", e.key)
	}
	if may, err := r.MayContainPrefix([]byte(e.key)); err == nil && want && !may {
		t.Fatalf("prefix %q is missing, and nobody noticed", e.key)
	}
}

func damagedSeek(t *testing.T, r *Reader, all []kvt, e kvt) {
	t.Helper()
	i := lowerBound(all, e.key, e.t)
	for _, opt := range []IterOptions{{}, {Lazy: true, Sequential: true}} {
		for _, at := range []int{i, i - 1} {
			it := r.NewIter(opt)
			seek := it.SeekGE
			if at < i {
				seek = it.SeekLT
			}
			sameOrCorrupt(t, it, seek([]byte(e.key), e.t), all, at)
		}
	}
}

// sameOrCorrupt is expect for an iterator that may have failed.
func sameOrCorrupt(t *testing.T, it *Iter, moved bool, want []kvt, i int) {
	t.Helper()
	if moved {
		it.Value() // may fail if it is lazy
	}
	if it.Err() != nil {
		mustBeCorruption(t, it.Err())
		if it.Valid() || it.Next() || it.Prev() {
			t.Fatal("a failed iterator is somewhere")
		}
		return
	}
	expect(t, it, moved, want, i)
}

func damagedWalk(t *testing.T, r *Reader, all []kvt) {
	t.Helper()
	it := r.NewIter(IterOptions{})
	i := 0
	for ok := it.First(); ; ok = it.Next() {
		sameOrCorrupt(t, it, ok, all, i)
		if i++; !it.Valid() {
			break
		}
	}
	it = r.NewIter(IterOptions{})
	i = len(all) - 1
	for ok := it.Last(); ; ok = it.Prev() {
		sameOrCorrupt(t, it, ok, all, i)
		if i--; !it.Valid() {
			break
		}
	}
}

func TestEachDamagedByteIsNoticed(t *testing.T) {
	bits := []byte{1, 0x80, 0xff}
	if testing.Short() {
		bits = bits[:1]
	}
	for c := None; c <= Zstd; c++ {
		data, all, frags := smallTable(t, c)
		if damaged(t, data, all, frags) {
			t.Fatal("it is damaged from the start")
		}
		for i := range data {
			for _, bit := range bits {
				bad := bytes.Clone(data)
				bad[i] ^= bit
				if !damaged(t, bad, all, frags) {
					t.Fatalf("%v: nobody noticed the byte at %d of %d", c, i, len(data))
				}
			}
		}
	}
}

func TestATruncatedTableIsNoticed(t *testing.T) {
	data, all, frags := smallTable(t, S2)
	for n := range data {
		if !damaged(t, data[:n], all, frags) {
			t.Fatalf("nobody noticed the end at %d", n)
		}
		_, err := Open(&file{data: data[:n]}, ReaderOptions{Name: "t.sst", FileNumber: 7, Size: int64(len(data))})
		mustBeCorruption(t, err)
	}
	for n := 1; n < 100; n++ {
		if !damaged(t, append(bytes.Clone(data), make([]byte, n)...), all, frags) {
			t.Fatalf("nobody noticed %d bytes at the end", n)
		}
		if !damaged(t, append(bytes.Clone(data), data[len(data)-n:]...), all, frags) {
			t.Fatalf("nobody noticed that the last %d bytes are there twice", n)
		}
	}
}

// uniform is entries that take the same room, so that blocks can be exchanged.
func uniform() (all []kvt) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		all = append(all, put(string(c), kv.Seq(c), string(c)))
	}
	return all
}

func TestExchangedBlocksAreNoticed(t *testing.T) {
	all := uniform()
	opt := WriterOptions{FileNumber: 7, BlockSize: 64, BloomBits: -1}
	data, _ := write(t, opt, all)
	r, err := openBytes(data, 7)
	check(t, err)
	x, err := r.index(0, false)
	check(t, err)
	for i := range x.count {
		for j := range i {
			a, err := r.dataHandle(0, x, i)
			check(t, err)
			b, err := r.dataHandle(0, x, j)
			check(t, err)
			if a.length != b.length {
				continue
			}
			bad := bytes.Clone(data)
			copy(bad[a.offset:a.end()], data[b.offset:b.end()])
			copy(bad[b.offset:b.end()], data[a.offset:a.end()])
			if !damaged(t, bad, all, nil) {
				t.Fatalf("nobody noticed that blocks %d and %d are exchanged", i, j)
			}
		}
	}
}

func TestABlockOfAnotherTableIsNoticed(t *testing.T) {
	all, others := uniform(), uniform()
	for i := range others {
		others[i].value = "!"
	}
	data, _ := write(t, WriterOptions{FileNumber: 7, BlockSize: 64}, all)
	other, _ := write(t, WriterOptions{FileNumber: 8, BlockSize: 64}, others)
	_, err := openBytes(other, 7)
	mustBeCorruption(t, err)
	for n := 100; n < len(data)-footerSize; n += 100 {
		bad := append(bytes.Clone(other[:n]), data[n:]...)
		if !damaged(t, bad, all, nil) {
			t.Fatalf("nobody noticed the %d bytes of another table", n)
		}
	}
}

func TestVerifyChecksTheWholeFile(t *testing.T) {
	data, _ := write(t, WriterOptions{FileNumber: 7}, uniform())
	other := uniform()
	other[3].value = "!"
	data2, info := write(t, WriterOptions{FileNumber: 7}, other)
	if len(data) != len(data2) {
		t.Fatal("the tables are not of a length")
	}
	r, err := Open(&file{data: data}, ReaderOptions{Name: "t.sst", FileNumber: 7, Size: info.Size, Checksum: info.Checksum})
	check(t, err)
	mustBeCorruption(t, r.Verify(context.Background(), nil))
}

func TestVerifyTellsHowFarItIsAndStops(t *testing.T) {
	r, info := table(t, WriterOptions{}, nil, numbered(5000))
	last, calls := int64(0), 0
	ctx, cancel := context.WithCancel(context.Background())
	check(t, r.Verify(ctx, func(n int64) {
		if n <= last {
			t.Errorf("%d after %d", n, last)
		}
		last = n
		calls++
	}))
	if last != info.Size || calls < 10 {
		t.Errorf("it told of %d bytes of %d in %d steps", last, info.Size, calls)
	}
	cancel()
	if err := r.Verify(ctx, nil); err != context.Canceled {
		t.Error(err)
	}
}
