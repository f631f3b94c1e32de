package sst

import (
	"encoding/binary"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// store adds a block to the file. content is not kept.
func (w *Writer) store(content []byte, with Compression) (handle, error) {
	if len(content) > MaxBlock {
		w.err = fmt.Errorf("sst: block of %d bytes: %w", len(content), kv.ErrTooLarge)
		return handle{}, w.err
	}
	payload, used, err := w.compressor.compress(with, content)
	if err != nil {
		w.err = err
		return handle{}, err
	}
	h := handle{w.offset, int64(len(payload) + blockTrailerSize)}
	start := len(w.out)
	w.out = append(w.out, payload...)
	w.out = append(w.out, byte(used))
	w.out = binary.LittleEndian.AppendUint32(w.out, uint32(len(content)))
	w.out = binary.LittleEndian.AppendUint32(w.out, blockSum(w.out[start:], w.opt.FileNumber, h.offset))
	w.offset += h.length
	w.compressor.trim()
	if len(w.out) >= flushSize {
		return h, w.flush()
	}
	return h, nil
}

// cutBlock ends the data block, and the partition if its index is long enough.
func (w *Writer) cutBlock() error {
	h, err := w.store(w.data.finish(), w.opt.Compression)
	if err != nil {
		return err
	}
	w.data.reset()
	w.data.trim()
	w.props.DataBlocks++
	w.props.DataBytes += uint64(h.length)
	w.scratch = appendIndexValue(w.scratch[:0], h, w.first.Key, w.first.Trailer, w.last.Key)
	w.scratch = w.appendProperties(w.scratch)
	w.index.add(w.last.Key, w.last.Trailer, w.scratch, 0)
	if w.index.size() >= w.opt.IndexBlockSize || len(w.filter.hashes) >= maxFiltered {
		return w.cutPartition()
	}
	return nil
}

// cutPartition stores the filter and the index of the data blocks since the last
// partition.
func (w *Writer) cutPartition() (err error) {
	p := partition{start: w.partition}
	if len(w.filter.hashes) > 0 {
		if p.filter, err = w.store(w.filter.finish(), None); err != nil {
			return err
		}
		w.props.FilterBytes += uint64(p.filter.length)
	}
	if p.index, err = w.store(w.index.finish(), w.opt.Compression); err != nil {
		return err
	}
	w.index.reset()
	w.props.IndexBytes += uint64(p.index.length)
	w.props.Partitions++
	w.partition = w.offset
	w.scratch = p.append(w.scratch[:0])
	w.top.add(w.last.Key, w.last.Trailer, w.scratch, 0)
	return nil
}

// Finish writes what is left and tells what the table is. The sink is neither
// synced nor closed.
func (w *Writer) Finish() (Info, error) {
	switch {
	case w.err != nil:
		return Info{}, w.err
	case w.finished:
		return Info{}, errFinished
	}
	if err := w.finish(); err != nil {
		return Info{}, err
	}
	w.finished = true
	w.describe()
	return w.info, nil
}

// finish writes everything after the last full data block.
func (w *Writer) finish() error {
	if w.data.count > 0 {
		if err := w.cutBlock(); err != nil {
			return err
		}
	}
	if w.index.count > 0 {
		if err := w.cutPartition(); err != nil {
			return err
		}
	}
	var meta []item
	tombstones, err := w.storeTombstones()
	if err != nil {
		return err
	}
	top, err := w.store(w.top.finish(), w.opt.Compression)
	if err != nil {
		return err
	}
	w.props.IndexBytes += uint64(top.length)
	w.describeTable()
	props, err := w.store(w.props.append(nil), None)
	if err != nil {
		return err
	}
	meta = append(meta, item{metaProperties, props.append(nil)})
	if tombstones.length > 0 {
		meta = append(meta, item{metaTombstones, tombstones.append(nil)})
	}
	h, err := w.store(appendList(nil, meta), None)
	if err != nil {
		return err
	}
	f := footer{meta: h, top: top, file: w.opt.FileNumber, size: w.offset + footerSize, version: 1}
	if len(w.opt.Collectors) > 0 {
		f.version = formatVersion
	}
	w.out = f.append(w.out)
	w.offset = f.size
	return w.flush()
}

func (w *Writer) storeTombstones() (handle, error) {
	if w.props.Tombstones == 0 {
		return handle{}, nil
	}
	content := append(binary.AppendUvarint(nil, w.props.Tombstones), w.tombstones...)
	h, err := w.store(content, None)
	w.props.TombstoneBytes = uint64(h.length)
	return h, err
}

// describe completes info.
func (w *Writer) describe() {
	w.info.Size, w.info.Checksum = w.offset, w.sum
	w.info.Properties = w.props.clone()
	if w.props.Entries > 0 {
		w.info.Largest = Bound{append([]byte{}, w.last.Key...), w.last.Trailer}
	}
	if w.lastRange != nil {
		w.info.RangeEnd = w.lastRange.End
	}
}
