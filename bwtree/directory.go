package bwtree

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"path"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// directory is the pages of a store at some state: their lower bounds, rising, and
// where they are.
type directory struct {
	number uint64
	seq    kv.Seq
	lows   [][]byte
	refs   []logstore.Ref
}

const (
	dirMagic   = "VarveDir"
	dirVersion = 1
	dirHeader  = 36
	refSize    = 16
)

// encode returns the bytes of a directory file, little-endian: magic (8), version
// (4), number (8), seq (8), number of pages (8), and for each page the uvarint
// length of its lower bound, the bound, and the address (8), size (4) and checksum
// (4) of its record. TREE has the checksum of the file.
func (d *directory) encode() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte(dirMagic), dirVersion)
	b = le.AppendUint64(b, d.number)
	b = le.AppendUint64(b, uint64(d.seq))
	b = le.AppendUint64(b, uint64(len(d.lows)))
	for i, low := range d.lows {
		b = append(binary.AppendUvarint(b, uint64(len(low))), low...)
		b = le.AppendUint64(b, uint64(d.refs[i].Addr))
		b = le.AppendUint32(le.AppendUint32(b, d.refs[i].Size), d.refs[i].Sum)
	}
	return b
}

var errDirectory = errors.New("malformed directory of pages")

// decodeDirectory is the reverse of encode. The lower bounds lie in b.
func decodeDirectory(b []byte) (d directory, err error) {
	le := binary.LittleEndian
	if len(b) < dirHeader || string(b[:8]) != dirMagic || le.Uint32(b[8:]) != dirVersion {
		return d, errDirectory
	}
	d.number, d.seq = le.Uint64(b[12:]), kv.Seq(le.Uint64(b[20:]))
	n := le.Uint64(b[28:])
	for b = b[dirHeader:]; len(b) > 0; {
		size, k := binary.Uvarint(b)
		if k <= 0 || len(b)-k < refSize || size > uint64(len(b)-k-refSize) {
			return d, errDirectory
		}
		end := k + int(size)
		low := b[k:end:end]
		if i := len(d.lows); i == 0 && len(low) > 0 || i > 0 && bytes.Compare(d.lows[i-1], low) >= 0 {
			return d, errDirectory
		}
		d.lows = append(d.lows, low)
		d.refs = append(d.refs, logstore.Ref{Addr: logstore.Addr(le.Uint64(b[end:])), Size: le.Uint32(b[end+8:]), Sum: le.Uint32(b[end+12:])})
		b = b[end+refSize:]
	}
	if uint64(len(d.lows)) != n || n == 0 {
		return d, errDirectory
	}
	return d, nil
}

// segments returns the lowest and the highest segment with a page.
func (d *directory) segments() (first, last uint32) {
	for _, ref := range d.refs {
		n := ref.Addr.Segment()
		if first == 0 || n < first {
			first = n
		}
		last = max(last, n)
	}
	return first, last
}

// readDirectory reads the directory file that m names.
func readDirectory(fsys vfs.FS, dir string, m *meta) (d directory, err error) {
	name := path.Join(dir, m.dirName())
	b, err := vfs.ReadFile(fsys, name, max(m.size, 0))
	if isNotExist(err) {
		return d, &kv.CorruptionError{File: name, Offset: -1, What: "it is missing"}
	}
	if err != nil {
		return d, err
	}
	if int64(len(b)) != m.size || crc32.Checksum(b, castagnoli) != m.sum {
		return d, &kv.CorruptionError{File: name, Offset: -1, What: "it is not the one that TREE names"}
	}
	if d, err = decodeDirectory(b); err == nil && (d.number != m.dir || d.seq != m.seq) {
		err = errDirectory
	}
	if err != nil {
		return d, &kv.CorruptionError{File: name, Offset: -1, What: err.Error()}
	}
	return d, nil
}

// write writes the directory file, durably, and notes it in m. If the disk has no
// room for it nothing is left of it.
func (d *directory) write(fsys vfs.FS, dir string, m *meta) error {
	b := d.encode()
	m.dir, m.seq, m.size, m.sum = d.number, d.seq, int64(len(b)), crc32.Checksum(b, castagnoli)
	m.firstPage, m.lastPage = d.segments()
	name := path.Join(dir, m.dirName())
	if err := place.Remove(fsys, name); err != nil { // of an attempt that failed
		return err
	}
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, place.Remove(fsys, name))
	}
	return fsys.SyncDir(dir)
}
