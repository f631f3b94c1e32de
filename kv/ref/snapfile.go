package ref

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// A snapshot file holds the entries of a state in order. All numbers are
// little-endian.
//
//	header  magic "VarveSnp" (8), version (4), zero (4), number (8), seq (8),
//	        entries (8), CRC32C of all before (4), zero (4)
//	block   payload length (4), CRC32C (4) of number, file offset of the block
//	        and payload, payload: whole entries
//	end     a block with an empty payload
//	entry   uvarint length and key; 0, uvarint length and value; or 1, 0 or 1
//	        for a value below, which follows as above, uvarint count of
//	        operands, each uvarint operator, uvarint length, bytes
const (
	snapMagic      = "VarveSnp"
	snapVersion    = 1
	snapHeaderSize = 48
	snapBlockSize  = 64 << 10
	blockHeader    = 8
)

// snapWriter writes blocks and adds up what META must know.
type snapWriter struct {
	file   vfs.File
	number uint64
	offset int64
	sum    uint32
	buf    []byte // block being filled, with room for its header
}

// writeSnapshotFile writes st into a new file and makes the file durable, but
// not its name.
func writeSnapshotFile(fsys vfs.FS, name string, number uint64, st *state) (size int64, sum uint32, err error) {
	f, err := fsys.Create(name)
	if err != nil {
		return 0, 0, err
	}
	w := &snapWriter{file: f, number: number}
	err = w.writeAll(st)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, 0, errors.Join(fmt.Errorf("write %s: %w", name, err), place.Remove(fsys, name))
	}
	return w.offset, w.sum, nil
}

func (w *snapWriter) writeAll(st *state) error {
	if err := w.write(snapHeader(w.number, st)); err != nil {
		return err
	}
	w.buf = make([]byte, blockHeader, snapBlockSize+4096)
	it := st.data.Iter()
	for ok := it.First(); ok; ok = it.Next() {
		w.buf = appendEntry(w.buf, it.Key(), it.Value())
		if len(w.buf) >= snapBlockSize {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	if len(w.buf) > blockHeader {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return w.flush() // the end
}

func snapHeader(number uint64, st *state) []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, snapHeaderSize), snapMagic...)
	b = le.AppendUint32(b, snapVersion)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, number)
	b = le.AppendUint64(b, uint64(st.seq))
	b = le.AppendUint64(b, uint64(st.data.Len()))
	b = le.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return le.AppendUint32(b, 0)
}

// flush writes the block in buf.
func (w *snapWriter) flush() error {
	payload := w.buf[blockHeader:]
	binary.LittleEndian.PutUint32(w.buf, uint32(len(payload)))
	binary.LittleEndian.PutUint32(w.buf[4:], blockSum(w.number, w.offset, payload))
	err := w.write(w.buf)
	w.buf = w.buf[:blockHeader]
	return err
}

func (w *snapWriter) write(b []byte) error {
	if _, err := w.file.WriteAt(b, w.offset); err != nil {
		return err
	}
	w.offset += int64(len(b))
	w.sum = crc32.Update(w.sum, castagnoli, b)
	return nil
}

// blockSum binds a block to its place, so that one that was moved is noticed.
func blockSum(number uint64, offset int64, payload []byte) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], number)
	binary.LittleEndian.PutUint64(place[8:], uint64(offset))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, payload)
}

func appendEntry(dst, key []byte, e entry) []byte {
	dst = appendBytes(dst, key)
	if e.unmerged == nil {
		return appendBytes(append(dst, 0), e.value)
	}
	dst = append(dst, 1, byte(boolBit(e.unmerged.present)))
	if e.unmerged.present {
		dst = appendBytes(dst, e.value)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.unmerged.operands)))
	for _, op := range e.unmerged.operands {
		dst = appendBytes(binary.AppendUvarint(dst, uint64(op.merger)), op.value)
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// readSnapshotFile calls visit for each entry of the file that m names, in
// order, having checked everything it reads. The slices are valid during the
// call.
func readSnapshotFile(fsys vfs.FS, dir string, m *meta, visit func(key []byte, e entry) error) error {
	name := join(dir, m.snapshotName())
	f, err := fsys.Open(name)
	if isNotExist(err) {
		return &kv.CorruptionError{File: name, Offset: -1, What: "the file is missing"}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r := &snapReader{file: f, name: name, meta: m}
	return r.readAll(visit)
}

type snapReader struct {
	file   vfs.File
	name   string
	meta   *meta
	offset int64
	sum    uint32
	buf    []byte
	count  uint64
	last   []byte
}

func (r *snapReader) damaged(what string, args ...any) error {
	return &kv.CorruptionError{File: r.name, Offset: r.offset, What: fmt.Sprintf(what, args...)}
}

func (r *snapReader) readAll(visit func([]byte, entry) error) error {
	if size, err := r.file.Size(); err != nil || size != r.meta.size {
		return errors.Join(err, r.damaged("it has %d bytes, META says %d", size, r.meta.size))
	}
	want, err := r.header()
	if err != nil {
		return err
	}
	for more := true; more; {
		if more, err = r.block(visit); err != nil {
			return err
		}
	}
	switch {
	case r.offset != r.meta.size:
		return r.damaged("bytes follow the last block")
	case r.sum != r.meta.sum:
		return &kv.CorruptionError{File: r.name, Offset: -1, What: "it is not the snapshot that META names"}
	case r.count != want:
		return r.damaged("%d entries, the header says %d", r.count, want)
	}
	return nil
}

// header checks the header and returns the number of entries.
func (r *snapReader) header() (count uint64, err error) {
	b, err := r.read(snapHeaderSize)
	if err != nil {
		return 0, err
	}
	r.offset = 0
	le := binary.LittleEndian
	if string(b[:8]) != snapMagic || crc32.Checksum(b[:40], castagnoli) != le.Uint32(b[40:]) || le.Uint32(b[44:]) != 0 {
		return 0, r.damaged("bad header")
	}
	if v := le.Uint32(b[8:]); v > snapVersion {
		return 0, fmt.Errorf("%s has format version %d: %w", r.name, v, kv.ErrNewerFormat)
	}
	if le.Uint64(b[16:]) != r.meta.snapshot || kv.Seq(le.Uint64(b[24:])) != r.meta.seq {
		return 0, r.damaged("it is snapshot %d of state %d, META names %d of %d",
			le.Uint64(b[16:]), le.Uint64(b[24:]), r.meta.snapshot, r.meta.seq)
	}
	r.offset = snapHeaderSize
	return le.Uint64(b[32:]), nil
}

// block reads one block and reports whether another follows.
func (r *snapReader) block(visit func([]byte, entry) error) (more bool, err error) {
	start := r.offset
	head, err := r.read(blockHeader)
	if err != nil {
		return false, err
	}
	size, sum := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:])
	if int64(size) > r.meta.size-r.offset {
		return false, r.damaged("a block of %d bytes goes beyond the end of the file", size)
	}
	payload, err := r.read(int(size))
	if err != nil {
		return false, err
	}
	if blockSum(r.meta.snapshot, start, payload) != sum {
		r.offset = start
		return false, r.damaged("the checksum of a block does not match")
	}
	return size > 0, r.entries(payload, visit)
}

// read returns the next n bytes, which are valid until the next call.
func (r *snapReader) read(n int) ([]byte, error) {
	if n > cap(r.buf) {
		r.buf = make([]byte, n)
	}
	b := r.buf[:n]
	if _, err := r.file.ReadAt(b, r.offset); err != nil && n > 0 {
		return nil, errors.Join(r.damaged("it cannot be read"), err)
	}
	r.sum = crc32.Update(r.sum, castagnoli, b)
	r.offset += int64(n)
	return b, nil
}

func (r *snapReader) entries(payload []byte, visit func([]byte, entry) error) error {
	for len(payload) > 0 {
		key, e, rest, ok := takeEntry(payload)
		if !ok || r.count > 0 && bytes.Compare(r.last, key) >= 0 {
			return r.damaged("malformed entries, or not in order")
		}
		if err := visit(key, e); err != nil {
			return err
		}
		r.last = append(r.last[:0], key...)
		r.count++
		payload = rest
	}
	return nil
}

func takeEntry(b []byte) (key []byte, e entry, rest []byte, ok bool) {
	if key, b, ok = takeBytes(b); !ok || len(b) == 0 {
		return nil, e, nil, false
	}
	kind := b[0]
	b = b[1:]
	if kind == 0 {
		e.value, b, ok = takeBytes(b)
		return key, e, b, ok
	}
	if kind != 1 || len(b) == 0 || b[0] > 1 {
		return nil, e, nil, false
	}
	e.unmerged = &unmerged{present: b[0] == 1}
	b = b[1:]
	if e.unmerged.present {
		if e.value, b, ok = takeBytes(b); !ok {
			return nil, e, nil, false
		}
	}
	e.unmerged.operands, b, ok = takeOperands(b)
	return key, e, b, ok
}

func takeOperands(b []byte) (ops []operand, rest []byte, ok bool) {
	count, k := binary.Uvarint(b)
	if k <= 0 || count > uint64(len(b)) {
		return nil, nil, false
	}
	for b = b[k:]; count > 0; count-- {
		id, k := binary.Uvarint(b)
		if k <= 0 || id > uint64(^kv.MergerID(0)) {
			return nil, nil, false
		}
		var val []byte
		if val, b, ok = takeBytes(b[k:]); !ok {
			return nil, nil, false
		}
		ops = append(ops, operand{kv.MergerID(id), clone(val)})
	}
	return ops, b, true
}

func takeBytes(b []byte) (val, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	return b[k : k+int(n)], b[k+int(n):], true
}
