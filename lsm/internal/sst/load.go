package sst

import (
	"encoding/binary"
	"fmt"
)

// block returns the content of a block, from the cache if it is there. It is put
// there if fill is set.
func (r *Reader) block(h handle, fill bool) ([]byte, error) {
	if r.cache != nil {
		if content, ok := r.cache.Get(r.id, uint64(h.offset)); ok {
			return content, nil
		}
	}
	return r.load(h, nil, fill)
}

// load reads a block, out of w if it is there.
func (r *Reader) load(h handle, w *window, fill bool) ([]byte, error) {
	content, err := r.content(h, w)
	if err == nil && fill && r.cache != nil {
		r.cache.Add(r.id, uint64(h.offset), content, false)
	}
	return content, err
}

// content reads, checks and decompresses a block, into memory of its own.
func (r *Reader) content(h handle, w *window) ([]byte, error) {
	if stored := w.bytes(h); stored != nil {
		return r.unpack(h, stored)
	}
	buf := r.codec.buffer(int(h.length))
	defer r.codec.release(buf)
	if err := r.readAt(*buf, h.offset); err != nil {
		return nil, err
	}
	return r.unpack(h, *buf)
}

// plain reads a block that is never compressed.
func (r *Reader) plain(h handle, w *window) ([]byte, error) {
	content, err := r.content(h, w)
	if err == nil && len(content) != int(h.length)-blockTrailerSize {
		err = r.corrupt(h.offset, damage("the block is compressed, but should not be"))
	}
	return content, err
}

// unpack checks a stored block and returns its content, which is a copy. Nothing
// is allocated before the checksum is known to be right and the length to be
// allowed.
func (r *Reader) unpack(h handle, stored []byte) ([]byte, error) {
	n, le := len(stored)-blockTrailerSize, binary.LittleEndian
	payload, trailer := stored[:n], stored[n:]
	if le.Uint32(trailer[5:]) != blockSum(stored[:n+5], r.opt.FileNumber, h.offset) {
		return nil, r.corrupt(h.offset, damage("the checksum of the block is wrong"))
	}
	kind, length := trailer[0], int64(le.Uint32(trailer[1:]))
	if kind&sealedBit != 0 {
		return nil, r.corrupt(h.offset, damage("the block is sealed, and encryption is not known to this version"))
	}
	if kind == byte(None) && length != int64(n) || !contentAllowed(length, n) {
		return nil, r.corrupt(h.offset, damage(fmt.Sprintf("the block claims %d bytes in %d", length, n)))
	}
	content := make([]byte, length)
	if err := r.codec.decompress(Compression(kind), content, payload); err != nil {
		return nil, r.corrupt(h.offset, err)
	}
	return content, nil
}

// index returns the index block of partition i.
func (r *Reader) index(i int, fill bool) (index, error) {
	h := r.parts[i].index
	content, err := r.block(h, fill)
	if err != nil {
		return index{}, err
	}
	x, ok := parseIndex(content)
	if !ok || x.count == 0 {
		return x, r.corrupt(h.offset, errBlock)
	}
	return x, nil
}

// dataLimit is where the data blocks of a partition end.
func (p *partition) dataLimit() int64 {
	if p.filter.length > 0 {
		return p.filter.offset
	}
	return p.index.offset
}

// dataHandle returns where block j of partition i is; x is its index.
func (r *Reader) dataHandle(i int, x index, j int) (handle, error) {
	p := &r.parts[i]
	h, err := x.handleAt(j, p.dataLimit())
	if err == nil && h.offset < p.start {
		err = errIndex
	}
	if err != nil {
		return h, r.corrupt(p.index.offset, err)
	}
	return h, nil
}
