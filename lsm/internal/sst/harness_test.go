package sst

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
	"github.com/varvedb/varve/vfs"
)

// kvt is an entry of a model.
type kvt struct {
	key   string
	t     entry.Trailer
	value string
}

func (e kvt) compare(key []byte, t entry.Trailer) int {
	return entry.Compare([]byte(e.key), e.t, key, t)
}

func put(key string, seq kv.Seq, value string) kvt {
	return kvt{key, entry.MakeTrailer(seq, entry.Put), value}
}

// file is a table in memory, and counts what is read of it.
type file struct {
	data  []byte
	reads atomic.Int64
	bytes atomic.Int64
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.reads.Add(1)
	f.bytes.Add(int64(len(p)))
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// mapCache is a Cache that forgets nothing.
type mapCache struct {
	mu     sync.RWMutex
	blocks map[[2]uint64][]byte
	pinned int
}

func newCache() *mapCache { return &mapCache{blocks: map[[2]uint64][]byte{}} }

func (c *mapCache) Get(file, offset uint64) ([]byte, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.blocks[[2]uint64{file, offset}]
	return v, ok
}

func (c *mapCache) Add(file, offset uint64, value []byte, pin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks[[2]uint64{file, offset}] = value
	if pin {
		c.pinned++
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func isCorruption(err error) bool {
	var c *vfs.CorruptionError
	return errors.As(err, &c) && c.File == "t.sst"
}

// write makes a table.
func write(t testing.TB, opt WriterOptions, entries []kvt, fragments ...rangedel.Fragment) ([]byte, Info) {
	t.Helper()
	var out bytes.Buffer
	info := writeTo(t, &out, NewWriter(&out, opt), entries, fragments...)
	return out.Bytes(), info
}

func writeTo(t testing.TB, out *bytes.Buffer, w *Writer, entries []kvt, fragments ...rangedel.Fragment) Info {
	t.Helper()
	for _, e := range entries {
		check(t, w.Add([]byte(e.key), e.t, []byte(e.value)))
	}
	for _, f := range fragments {
		check(t, w.AddTombstone(f))
	}
	info, err := w.Finish()
	check(t, err)
	if info.Size != int64(out.Len()) {
		t.Fatalf("size is %d, written were %d", info.Size, out.Len())
	}
	return info
}

// table makes a table, verifies it and opens it.
func table(t testing.TB, opt WriterOptions, cache Cache, entries []kvt, fragments ...rangedel.Fragment) (*Reader, Info) {
	t.Helper()
	data, info := write(t, opt, entries, fragments...)
	r, err := Open(&file{data: data}, ReaderOptions{Name: "t.sst", FileNumber: opt.FileNumber,
		Size: int64(len(data)), Checksum: info.Checksum, Cache: cache})
	check(t, err)
	check(t, r.Verify(context.Background(), nil))
	return r, info
}

// openBytes opens data as table number file.
func openBytes(data []byte, file uint64) (*Reader, error) { return openSource(data, file, nil) }

func openSource(data []byte, number uint64, cache Cache) (*Reader, error) {
	return Open(&file{data: data}, ReaderOptions{Name: "t.sst", FileNumber: number, Size: int64(len(data)), Cache: cache})
}

// numbered is n keys of one version each.
func numbered(n int) (all []kvt) {
	for i := range n {
		all = append(all, put(fmt.Sprintf("key%06d", i), kv.Seq(i+1), fmt.Sprintf("value %d", i)))
	}
	return all
}

// random is about n entries in order: keys with shared prefixes, some with many
// versions, some long, one empty.
func random(rnd *rand.Rand, n, maxValue int) (all []kvt) {
	prefixes := []string{"", "a", "user/", "user/profile/", "user/profile/long/common/part/"}
	for len(all) < n {
		key := prefixes[rnd.IntN(len(prefixes))]
		if rnd.IntN(50) > 0 {
			key += fmt.Sprintf("%0*x", 1+rnd.IntN(6), rnd.IntN(4*n))
		}
		if rnd.IntN(40) == 0 {
			key += string(bytes.Repeat([]byte{byte(rnd.IntN(256))}, rnd.IntN(2000)))
		}
		versions := 1
		if rnd.IntN(10) == 0 {
			versions = 1 + rnd.IntN(60)
		}
		for range versions {
			all = append(all, version(rnd, key, maxValue))
		}
	}
	slices.SortFunc(all, func(a, b kvt) int { return a.compare([]byte(b.key), b.t) })
	return slices.CompactFunc(all, func(a, b kvt) bool { return a.compare([]byte(b.key), b.t) == 0 })
}

func version(rnd *rand.Rand, key string, maxValue int) kvt {
	e := kvt{key: key, t: entry.MakeTrailer(kv.Seq(rnd.IntN(1000)), entry.Kind(rnd.IntN(3)))}
	switch rnd.IntN(20) {
	case 0:
	case 1:
		e.value = string(bytes.Repeat([]byte("long value "), rnd.IntN(maxValue)/11+1))
	case 2:
		b := make([]byte, rnd.IntN(maxValue))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		e.value = string(b)
	default:
		e.value = fmt.Sprintf("v%d", rnd.IntN(1e6))
	}
	return e
}

// expect checks that an iterator is at entry i of want, or nowhere if there is
// no such entry.
func expect(t testing.TB, it *Iter, moved bool, want []kvt, i int) {
	t.Helper()
	check(t, it.Err())
	in := i >= 0 && i < len(want)
	if moved != in || it.Valid() != in {
		t.Fatalf("entry %d of %d: moved is %v, valid is %v", i, len(want), moved, it.Valid())
	}
	if !in {
		return
	}
	e := want[i]
	if string(it.Key()) != e.key || it.Trailer() != e.t || string(it.Value()) != e.value {
		t.Fatalf("entry %d is %.60q %v %.60q, want %.60q %v %.60q",
			i, it.Key(), it.Trailer(), it.Value(), e.key, e.t, e.value)
	}
	check(t, it.Err())
}

// lowerBound is the first entry of all at or after (key, t).
func lowerBound(all []kvt, key string, t entry.Trailer) int {
	i, _ := slices.BinarySearchFunc(all, kvt{key: key, t: t}, func(a, b kvt) int { return a.compare([]byte(b.key), b.t) })
	return i
}
