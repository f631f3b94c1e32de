package sst

import (
	"bytes"
	"encoding/binary"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// index is an index block: each entry is a restart and stands for a data block.
type index struct{ block }

// parseIndex cuts the content of an index block into its parts.
func parseIndex(content []byte) (index, bool) {
	b, ok := parseBlock(content)
	if !ok || b.count != b.intervals() {
		return index{}, false
	}
	return index{b}, true
}

// indexEntry describes a data block. Its slices lie in the index block.
type indexEntry struct {
	handle      handle
	last        []byte
	lastTrailer entry.Trailer

	shared       int // so many bytes of the first key are those of last
	rest         []byte
	firstTrailer entry.Trailer

	properties []byte // what collectors say; see Property
}

// appendIndexValue appends the value of an index entry, but for the properties.
func appendIndexValue(dst []byte, h handle, first []byte, t entry.Trailer, last []byte) []byte {
	shared := commonPrefix(first, last)
	dst = h.append(dst)
	dst = binary.AppendUvarint(dst, uint64(shared))
	dst = binary.AppendUvarint(dst, uint64(len(first)-shared))
	dst = append(dst, first[shared:]...)
	return binary.LittleEndian.AppendUint64(dst, uint64(t))
}

// valueAt returns key, trailer and value of entry i.
func (x *block) valueAt(i int) (key []byte, t entry.Trailer, value []byte, err error) {
	off := x.restart(i)
	if uint(off) >= uint(len(x.entries)) {
		return nil, 0, nil, errRestart
	}
	shared, rest, n, at := header(x.entries, off)
	if at == 0 || shared != 0 {
		return nil, 0, nil, errRestart
	}
	end := at + rest
	return x.entries[at:end], trailerAt(x.entries, end), x.entries[end+trailerSize:][:n:n], nil
}

// handleAt returns the handle of data block i, which must end by limit.
func (x *index) handleAt(i int, limit int64) (handle, error) {
	_, _, value, err := x.valueAt(i)
	if err != nil {
		return handle{}, err
	}
	h, rest := decodeHandle(value)
	if rest == nil || !h.within(limit) {
		return handle{}, errIndex
	}
	return h, nil
}

// at returns entry i, whose data block must end by limit.
func (x *index) at(i int, limit int64) (e indexEntry, err error) {
	var value []byte
	if e.last, e.lastTrailer, value, err = x.valueAt(i); err != nil {
		return e, err
	}
	h, value := decodeHandle(value)
	if value == nil || !h.within(limit) {
		return e, errIndex
	}
	e.handle = h
	shared, n := binary.Uvarint(value)
	if n <= 0 || shared > uint64(len(e.last)) {
		return e, errIndex
	}
	value = value[n:]
	length, n := binary.Uvarint(value)
	if n <= 0 || length > MaxKey || uint64(len(value)-n) < length+trailerSize || shared+length > MaxKey {
		return e, errIndex
	}
	e.shared, e.rest = int(shared), value[n:n+int(length)]
	e.firstTrailer = trailerAt(value, n+int(length))
	e.properties = value[n+int(length)+trailerSize:]
	return e, nil
}

// first appends the first key to dst.
func (e *indexEntry) first(dst []byte) []byte {
	return append(append(dst, e.last[:e.shared]...), e.rest...)
}

// partition is a decoded value of the top index.
type partition struct {
	start  int64 // of the first data block
	index  handle
	filter handle
}

func (p *partition) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(p.start))
	return p.filter.append(p.index.append(dst))
}

// minPartition is how long a partition is at least: a data and an index block.
const minPartition = 2 * (blockTrailerSize + blockTailSize)

// end is the file offset after the partition.
func (p *partition) end() int64 { return p.index.end() }

// decodePartition reads the value of a top index entry. The partition follows
// one that ends at start, and must end by limit.
func decodePartition(value []byte, start, limit int64) (p partition, err error) {
	at, n := binary.Uvarint(value)
	if n <= 0 || at != uint64(start) {
		return p, errIndex
	}
	p.start = start
	index, value := decodeHandle(value[n:])
	if value == nil || !index.within(limit) || index.offset <= start {
		return p, errIndex
	}
	p.index = index
	filter, value := decodeHandle(value)
	if value == nil || len(value) != 0 {
		return p, errIndex
	}
	p.filter = filter
	if filter != (handle{}) && (!filter.within(index.offset) || filter.offset <= start || filter.end() != index.offset) {
		return p, errIndex
	}
	return p, nil
}

// parseTop decodes the top index: the partitions follow one another from the
// start of the file, and their last keys rise.
func parseTop(content []byte, limit int64) (top index, parts []partition, err error) {
	top, ok := parseIndex(content)
	if !ok {
		return top, nil, errBlock
	}
	if int64(top.count) > limit/minPartition {
		return top, nil, errIndex
	}
	parts = make([]partition, 0, top.count)
	var last []byte
	var lastTrailer entry.Trailer
	start := int64(0)
	for i := range top.count {
		key, t, value, err := top.valueAt(i)
		if err != nil {
			return top, nil, err
		}
		p, err := decodePartition(value, start, limit)
		if err != nil {
			return top, nil, err
		}
		if i > 0 && entry.Compare(last, lastTrailer, key, t) >= 0 || len(key) > MaxKey {
			return top, nil, errIndex
		}
		parts = append(parts, p)
		last, lastTrailer, start = key, t, p.end()
	}
	return top, parts, nil
}

// compareFirst compares the first key with key.
func (e *indexEntry) compareFirst(key []byte) int {
	n := min(e.shared, len(key))
	if c := bytes.Compare(e.last[:e.shared], key[:n]); c != 0 {
		return c
	}
	return bytes.Compare(e.rest, key[n:])
}
