package bwtree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// meta is the content of the file TREE, which says what belongs to the store.
type meta struct {
	dir       uint64      // number of the directory file, 0 if there is none
	size      int64       // of that
	sum       uint32      // CRC32C of all its bytes
	seq       kv.Seq      // of the state that it describes
	firstLog  uint64      // first segment of the log that is not in it
	clean     bool        // the log was closed, at end
	end       journal.End // else it ends there or later
	firstPage uint32      // first segment of pages that is needed; 0 if none is
	lastPage  uint32      // last one that is needed
}

const (
	metaName    = "TREE"
	metaMagic   = "VarveBwt"
	metaVersion = 1
	metaSize    = 88
)

// encode returns the bytes of TREE, little-endian: magic (8), version (4), flags
// (4, bit 0 clean), directory number (8), size (8), checksum (4), zero (4), seq (8),
// first segment of the log (8), its last segment (8), length of that (8), first and
// last segment of pages (4 each), zero (4), CRC32C of all before (4).
func (m *meta) encode() []byte {
	b := append(make([]byte, 0, metaSize), metaMagic...)
	le := binary.LittleEndian
	b = le.AppendUint32(b, metaVersion)
	flags := uint32(0)
	if m.clean {
		flags = 1
	}
	b = le.AppendUint32(b, flags)
	b = le.AppendUint64(b, m.dir)
	b = le.AppendUint64(b, uint64(m.size))
	b = le.AppendUint32(b, m.sum)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, uint64(m.seq))
	b = le.AppendUint64(b, m.firstLog)
	b = le.AppendUint64(b, m.end.Segment)
	b = le.AppendUint64(b, uint64(m.end.Length))
	b = le.AppendUint32(b, m.firstPage)
	b = le.AppendUint32(b, m.lastPage)
	b = le.AppendUint32(b, 0)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeMeta is the reverse of encode.
func decodeMeta(file string, b []byte) (m meta, err error) {
	le := binary.LittleEndian
	if len(b) < 12 || string(b[:8]) != metaMagic {
		return m, &kv.CorruptionError{File: file, Offset: 0, What: "it does not begin as a TREE file of this engine"}
	}
	if v := le.Uint32(b[8:]); v > metaVersion {
		return m, fmt.Errorf("%s has format version %d, this program knows up to %d: %w", file, v, metaVersion, kv.ErrNewerFormat)
	}
	if len(b) != metaSize {
		return m, &kv.CorruptionError{File: file, Offset: -1, What: fmt.Sprintf("it has %d bytes, %d are expected", len(b), metaSize)}
	}
	if crc32.Checksum(b[:metaSize-4], castagnoli) != le.Uint32(b[metaSize-4:]) {
		return m, &kv.CorruptionError{File: file, Offset: 0, What: "the checksum does not match"}
	}
	return meta{
		clean: le.Uint32(b[12:])&1 != 0, dir: le.Uint64(b[16:]), size: int64(le.Uint64(b[24:])),
		sum: le.Uint32(b[32:]), seq: kv.Seq(le.Uint64(b[40:])), firstLog: le.Uint64(b[48:]),
		end:       journal.End{Segment: le.Uint64(b[56:]), Length: int64(le.Uint64(b[64:]))},
		firstPage: le.Uint32(b[72:]), lastPage: le.Uint32(b[76:]),
	}, nil
}

// readMeta reads TREE; its absence is fs.ErrNotExist.
func readMeta(fsys vfs.FS, dir string) (meta, error) {
	name := path.Join(dir, metaName)
	b, err := vfs.ReadFile(fsys, name, 1<<16)
	if err != nil {
		return meta{}, err
	}
	return decodeMeta(name, b)
}

func (m *meta) write(fsys vfs.FS, dir string) error {
	return vfs.WriteFile(fsys, dir, path.Join(dir, metaName), m.encode())
}

// dirName returns the name of the directory file, empty if there is none.
func (m *meta) dirName() string {
	if m.dir == 0 {
		return ""
	}
	return fmt.Sprintf("DIR-%06d", m.dir)
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
