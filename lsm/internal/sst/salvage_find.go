package sst

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// blockFinder finds the intact blocks of a table without its index. The checksum
// of a block covers the number of the file and its offset, so that, if it is known
// where a block begins, its end can be found by trying. Few places need to be
// tried: a block ends with its compression and its length. Behind damage the
// beginning of the next block is taken from the index, if that can be read, or
// found by trying, too.
type blockFinder struct {
	data   []byte
	reader *Reader // unpacks blocks
	starts []int   // of blocks that the index names, rising
	work   int     // bytes that resync may still sum up
}

// resyncSpan is how long a compressed block may be, in bytes, that is found
// behind damage without an index, and resyncWork how many bytes are summed up to
// find such blocks, for each byte of the file: for a hostile one would take long.
const (
	resyncSpan = 64 << 10
	resyncWork = 1 << 10
)

func newBlockFinder(data []byte, opt ReaderOptions) *blockFinder {
	f := &blockFinder{data: data, work: resyncWork * min(len(data), 1<<20)}
	opt.Size, opt.Cache = int64(len(data)), nil
	r, err := Open(bytes.NewReader(data), opt)
	if err == nil {
		f.reader, f.starts = r, r.blockStarts()
		return f
	}
	f.reader = &Reader{opt: opt, codec: new(Decompressor)}
	return f
}

// blockStarts returns where blocks begin, as far as the index can be read.
func (r *Reader) blockStarts() (starts []int) {
	for i, p := range r.parts {
		starts = append(starts, int(p.start), int(p.filter.offset), int(p.index.offset), int(p.end()))
		x, err := r.index(i, false)
		for j := 0; err == nil && j < x.count; j++ {
			var h handle
			if h, err = r.dataHandle(i, x, j); err == nil {
				starts = append(starts, int(h.offset))
			}
		}
	}
	for _, h := range r.meta {
		starts = append(starts, int(h.offset))
	}
	starts = append(starts, int(r.footer.top.offset), int(r.footer.meta.offset))
	slices.Sort(starts)
	return slices.Compact(starts)
}

// next returns the first intact block from at on, up to limit: at itself, if one
// begins there. Without one both results are limit.
func (f *blockFinder) next(at, limit int) (from, to int) {
	for at < limit {
		until := limit // no block goes beyond where one is known to begin
		if i, _ := slices.BinarySearch(f.starts, at+1); i < len(f.starts) {
			until = min(until, f.starts[i])
		}
		if end, ok := f.end(at, until); ok {
			return at, end
		}
		if start, end := f.resync(at+1, until); start < until {
			return start, end
		}
		at = until
	}
	return limit, limit
}

// end returns where the block ends that begins at an offset.
func (f *blockFinder) end(start, limit int) (end int, ok bool) {
	crc, summed := uint32(0), start
	for tail := start; tail+blockTrailerSize <= limit; tail++ {
		if !plausible(tail-start, f.data[tail:]) {
			continue
		}
		crc, summed = crc32.Update(crc, castagnoli(), f.data[summed:tail]), tail
		if f.sums(crc32.Update(crc, castagnoli(), f.data[tail:tail+5]), start, tail) {
			return tail + blockTrailerSize, true
		}
	}
	return 0, false
}

// sums reports whether crc, of a block that begins at start and has its trailer at
// tail, is what the trailer says.
func (f *blockFinder) sums(crc uint32, start, tail int) bool {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], f.reader.opt.FileNumber)
	binary.LittleEndian.PutUint64(place[8:], uint64(start))
	return crc32.Update(crc, castagnoli(), place[:]) == binary.LittleEndian.Uint32(f.data[tail+5:])
}

// resync returns the first intact block that begins at an offset or after it.
func (f *blockFinder) resync(from, limit int) (start, end int) {
	for tail := from; tail+blockTrailerSize <= limit; tail++ {
		kind, length := Compression(f.data[tail]), int(binary.LittleEndian.Uint32(f.data[tail+1:]))
		first, last := tail-min(length-1, resyncSpan), tail-1
		if kind == None {
			first, last = tail-length, tail-length
		}
		for start := max(first, from); start <= last && length >= 0 && (f.work > 0 || kind == None); start++ {
			f.work -= tail - start
			if plausible(tail-start, f.data[tail:]) && f.sums(crc32.Checksum(f.data[start:tail+5], castagnoli()), start, tail) {
				return start, tail + blockTrailerSize
			}
		}
	}
	return limit, limit
}

// plausible reports whether a payload of n bytes may have the trailer.
func plausible(n int, trailer []byte) bool {
	kind, length := Compression(trailer[0]), int64(binary.LittleEndian.Uint32(trailer[1:]))
	if kind == None {
		return length == int64(n)
	}
	return kind <= Zstd && n > 0 && length > int64(n) && contentAllowed(length, n)
}
