package sst

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// resum makes the checksum of a stored block right.
func resum(data []byte, h handle, file uint64) {
	stored := data[h.offset:h.end()]
	n := len(stored) - 4
	binary.LittleEndian.PutUint32(stored[n:], blockSum(stored[:n], file, h.offset))
}

// firstBlock returns a table of one uncompressed data block, opened, and where
// the block is.
func firstBlock(t *testing.T) (data []byte, h handle) {
	t.Helper()
	data, _ = write(t, WriterOptions{FileNumber: 7}, numbered(40))
	r, err := openBytes(data, 7)
	check(t, err)
	x, err := r.index(0, false)
	check(t, err)
	h, err = r.dataHandle(0, x, 0)
	check(t, err)
	return data, h
}

// Damage behind a right checksum, as a failing memory could write it, is an
// error wherever it is met.
func TestACorruptEntryIsNotTheEndOfABlock(t *testing.T) {
	data, h := firstBlock(t)
	all := numbered(40)
	b, ok := parseBlock(data[h.offset : h.end()-blockTrailerSize])
	if !ok {
		t.Fatal("the block does not parse")
	}
	var c cursor
	c.open(b)
	for i, ok := 0, c.first(); ok; i, ok = i+1, c.forward() {
		for at := range 3 {
			bad := bytes.Clone(data)
			bad[int(h.offset)+c.off+at] |= 0x7f // shared, rest or value is too long
			resum(bad, h, 7)
			r, err := openBytes(bad, 7)
			check(t, err)
			mustBeCorruption(t, r.Verify(context.Background(), nil))
			it := r.NewIter(IterOptions{})
			n := 0
			for ok := it.First(); ok; ok = it.Next() {
				n++
			}
			mustBeCorruption(t, it.Err())
			if n == len(all) || at == 0 && n != i {
				t.Fatalf("entry %d, byte %d: %d entries were read", i, at, n)
			}
		}
	}
}

func TestBackwardWalksMeetCorruptEntriesToo(t *testing.T) {
	data, h := firstBlock(t)
	bad := bytes.Clone(data)
	bad[h.offset] |= 0x7f
	resum(bad, h, 7)
	r, err := openBytes(bad, 7)
	check(t, err)
	it := r.NewIter(IterOptions{})
	n := 0
	for ok := it.Last(); ok; ok = it.Prev() {
		n++
	}
	if n >= 40 {
		t.Fatal(n)
	}
	mustBeCorruption(t, it.Err())
	_, _, _, err = r.Get([]byte("key000001"), entry.Newest)
	mustBeCorruption(t, err)
}

// stored returns a reader, and a stored block with any trailer.
func stored(payload []byte, kind byte, length uint32) (*Reader, handle, []byte) {
	b := binary.LittleEndian.AppendUint32(append(bytes.Clone(payload), kind), length)
	b = binary.LittleEndian.AppendUint32(b, blockSum(b, 1, 0))
	r := &Reader{opt: ReaderOptions{Name: "t.sst", FileNumber: 1}, codec: new(Decompressor)}
	return r, handle{0, int64(len(b))}, b
}

// refused checks that a block is refused with little memory.
func refused(t *testing.T, what string, payload []byte, kind byte, length uint32) {
	t.Helper()
	r, h, b := stored(payload, kind, length)
	r.codec.decodeZstd(nil, nil) // decoders are made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := r.unpack(h, b)
	runtime.ReadMemStats(&after)
	mustBeCorruption(t, err)
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("%s: %d bytes were allocated", what, n)
	}
}

func TestAZstdBombIsRefused(t *testing.T) {
	zeros := make([]byte, 64<<20)
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	check(t, err)
	bomb := e.EncodeAll(zeros, nil)
	if len(bomb) > 10<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	refused(t, "true length", bomb, byte(Zstd), 64<<20)
	refused(t, "short length", bomb, byte(Zstd), 100<<10)
	var stream bytes.Buffer // has no length in its frame
	e.Reset(&stream)
	_, err = e.Write(zeros)
	check(t, errors.Join(err, e.Close()))
	refused(t, "no length", stream.Bytes(), byte(Zstd), 100<<10)
	refused(t, "several frames", append(e.EncodeAll(zeros[:100<<10], nil), bomb...), byte(Zstd), 100<<10)
}

func TestAbsurdLengthsAreRefused(t *testing.T) {
	text := []byte(strings.Repeat("some text ", 100))
	small := s2.Encode(nil, text)
	for kind := range byte(128) {
		refused(t, "longest", small, kind, 1<<32-1)
		refused(t, "longer", small, kind, 64<<20)
		refused(t, "short", small, kind, 10)
		refused(t, "none", small, kind, 0)
	}
	refused(t, "s2", s2.Encode(nil, make([]byte, 64<<20)), byte(S2), 1<<20)
	refused(t, "a block that is too long", make([]byte, 300<<10), byte(LZ4), MaxBlock+1)
}

func TestASealedBlockIsRefused(t *testing.T) {
	r, h, b := stored([]byte("secret"), byte(LZ4)|sealedBit, 6)
	_, err := r.unpack(h, b)
	mustBeCorruption(t, err)
	if !strings.Contains(err.Error(), "sealed") {
		t.Fatal(err)
	}
}

func TestANewerTableSaysSo(t *testing.T) {
	data, _ := write(t, WriterOptions{FileNumber: 7}, numbered(3))
	foot := data[len(data)-footerSize:]
	foot[40] = formatVersion + 1
	binary.LittleEndian.PutUint32(foot[44:], crc32.Checksum(foot[:44], castagnoli()))
	if _, err := openBytes(data, 7); !errors.Is(err, kv.ErrNewerFormat) {
		t.Fatal(err)
	}
}

// The entries of an interval are held in memory when a walk goes back; a block
// cannot make that much.
func TestAnIntervalHasABound(t *testing.T) {
	b := blockBuilder{interval: 1 << 30}
	key := bytes.Repeat([]byte("k"), 1000)
	for i := range 1000 {
		b.add(key, entry.Trailer(1000-i), nil, 0)
	}
	content, ok := parseBlock(b.finish())
	var c cursor
	c.open(content)
	if !ok || c.last() || c.err != errInterval {
		t.Fatal(ok, c.err)
	}
}
