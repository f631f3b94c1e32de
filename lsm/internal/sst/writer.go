package sst

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// Writer writes a table. The first error ends it: every later call returns the
// same. It keeps nothing that it was given, but the sink and the attributes.
type Writer struct {
	sink io.Writer
	opt  WriterOptions
	err  error

	out    []byte // stored blocks that are not yet given to the sink
	offset int64  // in the file, after out
	sum    uint32 // of the file before out

	data, index, top blockBuilder
	filter           filterBuilder
	compressor       compressor
	partition        int64 // where the first data block of the partition starts

	first      Bound // entry of the data block
	last       Bound // entry of the table, if there is one
	prefix     []byte
	tombstones []byte // encoded fragments
	lastRange  *rangedel.Fragment
	scratch    []byte
	merges     uint64 // before the data block
	said       []byte // by a collector

	info     Info
	props    Properties
	finished bool
}

// Info is what is known of a table that was written.
type Info struct {
	Size     int64  // of the file, in bytes
	Checksum uint32 // CRC-32C of the whole file

	// Smallest and Largest are the first and the last entry; without entries
	// they are zero.
	Smallest, Largest Bound
	// RangeStart is where the first tombstone fragment starts and RangeEnd where
	// the last ends, nil if nowhere. They mean something if Tombstones is not 0.
	RangeStart, RangeEnd []byte

	Properties
}

// Bound is the key and trailer of an entry.
type Bound struct {
	Key     []byte
	Trailer entry.Trailer
}

// flushSize is how much is given to the sink at a time, in bytes; at least.
const flushSize = 128 << 10

// maxFiltered is how many items a filter has, about, before its partition ends:
// it shall not be much longer than other blocks.
const maxFiltered = 32 << 10

var errFinished = errors.New("sst: the table is finished")

// NewWriter returns a writer that gives a table to sink, front to back. Options
// that are not valid are the error of the first call.
func NewWriter(sink io.Writer, opt WriterOptions) *Writer {
	w := new(Writer)
	w.Reset(sink, opt)
	return w
}

// Reset makes w as NewWriter does, but keeps its buffers and compressors.
func (w *Writer) Reset(sink io.Writer, opt WriterOptions) {
	opt, err := opt.withDefaults()
	*w = Writer{
		sink: sink, opt: opt, err: err,
		out: w.out[:0], data: w.data, index: w.index, top: w.top,
		filter: w.filter, compressor: w.compressor,
		first: Bound{Key: w.first.Key[:0]}, last: Bound{Key: w.last.Key[:0]},
		prefix: w.prefix[:0], tombstones: w.tombstones[:0], scratch: w.scratch[:0],
	}
	for _, b := range []*blockBuilder{&w.data, &w.index, &w.top} {
		b.reset()
		b.interval = 1
	}
	w.data.interval, w.data.hashed = opt.RestartInterval, opt.HashIndex
	w.filter.bits, w.filter.hashes = opt.BloomBits, w.filter.hashes[:0]
	w.compressor.misses = 0
	w.props = Properties{MinSeq: math.MaxUint64, Compression: opt.Compression,
		BloomBits: uint64(opt.BloomBits), PrefixLength: uint64(opt.PrefixLength), Attributes: opt.Attributes}
}

// Add adds an entry, which must be after the last one in the order of
// entry.Compare.
func (w *Writer) Add(key []byte, t entry.Trailer, value []byte) error {
	same, err := w.check(key, t, value)
	if err != nil {
		w.err = err
		return err
	}
	if w.data.count > 0 && w.data.sizeWith(len(key), len(value)) > w.opt.BlockSize {
		if err := w.cutBlock(); err != nil {
			return err
		}
		same = same && len(w.filter.hashes) > 0 // unless the partition ended
	}
	if w.data.count == 0 {
		w.first.Key, w.first.Trailer = append(w.first.Key[:0], key...), t
	}
	var hash uint64
	if w.opt.HashIndex || w.opt.BloomBits > 0 && !same {
		hash = Hash(key)
	}
	if !same {
		w.filterKey(key, hash)
	}
	w.data.add(key, t, value, hash)
	w.last.Key, w.last.Trailer = append(w.last.Key[:0], key...), t
	w.props.count(t, len(key), len(value))
	w.collect(t.Kind() == entry.Put, key, value)
	return nil
}

// check says what is wrong with an entry. same reports whether its key is that
// of the entry before.
func (w *Writer) check(key []byte, t entry.Trailer, value []byte) (same bool, err error) {
	switch {
	case w.err != nil:
		return false, w.err
	case w.finished:
		return false, errFinished
	case len(key) > MaxKey:
		return false, fmt.Errorf("sst: key of %d bytes, at most %d: %w", len(key), MaxKey, kv.ErrTooLarge)
	case len(value) > MaxValue:
		return false, fmt.Errorf("sst: value of %d bytes, at most %d: %w", len(value), MaxValue, kv.ErrTooLarge)
	case t.Kind() > entry.Merge:
		return false, fmt.Errorf("sst: entry of unknown kind %d", t.Kind())
	case w.props.Entries == 0:
		w.info.Smallest = Bound{append([]byte{}, key...), t}
		return false, nil
	}
	c := entry.Compare(w.last.Key, w.last.Trailer, key, t)
	if c >= 0 {
		return false, fmt.Errorf("sst: entry %q %v is not after %q %v", key, t, w.last.Key, w.last.Trailer)
	}
	return len(key) == len(w.last.Key) && commonPrefix(key, w.last.Key) == len(key), nil
}

// filterKey adds a key that is not in the filter, and its prefix.
func (w *Writer) filterKey(key []byte, hash uint64) {
	if w.opt.BloomBits == 0 {
		return
	}
	n := w.opt.PrefixLength
	if n > 0 && len(key) >= n && (len(w.filter.hashes) == 0 || string(w.prefix) != string(key[:n])) {
		w.prefix = append(w.prefix[:0], key[:n]...)
		w.filter.add(prefixHash(key[:n]))
	}
	w.filter.add(hash)
}

// AddTombstone adds a fragment, which must be after the last one and not overlap
// it. Fragments and entries may be added in any interleaving.
func (w *Writer) AddTombstone(f rangedel.Fragment) error {
	switch {
	case w.err != nil:
		return w.err
	case w.finished:
		return errFinished
	}
	if err := checkFragment(w.lastRange, f); err != nil {
		w.err = fmt.Errorf("sst: range tombstone from %q: %w", f.Start, err)
		return w.err
	}
	w.tombstones = appendFragment(w.tombstones, f)
	if len(w.tombstones) > MaxBlock-16 {
		w.err = fmt.Errorf("sst: %d bytes of range tombstones: %w", len(w.tombstones), kv.ErrTooLarge)
		return w.err
	}
	if w.lastRange == nil {
		w.lastRange = new(rangedel.Fragment)
		w.info.RangeStart = append([]byte{}, f.Start...)
	}
	w.lastRange.Start, w.lastRange.End = nil, nil
	if f.End != nil {
		w.lastRange.End = append([]byte{}, f.End...)
	}
	w.props.countFragment(f)
	return nil
}

// EstimatedSize is how long the file would be, about, if it ended here.
func (w *Writer) EstimatedSize() int64 {
	pending := w.data.size() + w.index.size() + w.top.size() + w.filter.size() + len(w.tombstones)
	return w.offset + int64(pending) + footerSize
}

// flush gives what is stored to the sink.
func (w *Writer) flush() error {
	w.sum = crc32.Update(w.sum, castagnoli(), w.out)
	if _, err := w.sink.Write(w.out); err != nil {
		w.err = fmt.Errorf("write table %d: %w", w.opt.FileNumber, err)
		return w.err
	}
	w.out = w.out[:0]
	if cap(w.out) > 8*flushSize {
		w.out = nil
	}
	return nil
}
