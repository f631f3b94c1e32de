package ref

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

// meta is the content of the file META, which says what belongs to the store.
type meta struct {
	snapshot uint64      // number of the snapshot file, 0 if there is none
	size     int64       // of the snapshot file
	sum      uint32      // CRC32C of all its bytes
	seq      kv.Seq      // of the state in the snapshot
	firstLog uint64      // first segment that is not in the snapshot
	clean    bool        // the log was closed, at end
	end      journal.End // else it ends there or later
}

const (
	metaName    = "META"
	metaMagic   = "VarveRef"
	metaVersion = 1
	metaSize    = 80
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the bytes of META, little-endian: magic (8), version (4), flags
// (4, bit 0 clean), snapshot number (8), size (8), checksum (4), zero (4), seq
// (8), first segment (8), last segment (8), its length (8), zero (4), CRC32C of
// all before (4).
func (m *meta) encode() []byte {
	b := append(make([]byte, 0, metaSize), metaMagic...)
	le := binary.LittleEndian
	b = le.AppendUint32(b, metaVersion)
	b = le.AppendUint32(b, boolBit(m.clean))
	b = le.AppendUint64(b, m.snapshot)
	b = le.AppendUint64(b, uint64(m.size))
	b = le.AppendUint32(b, m.sum)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, uint64(m.seq))
	b = le.AppendUint64(b, m.firstLog)
	b = le.AppendUint64(b, m.end.Segment)
	b = le.AppendUint64(b, uint64(m.end.Length))
	b = le.AppendUint32(b, 0)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func boolBit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// decodeMeta is the reverse of encode.
func decodeMeta(file string, b []byte) (m meta, err error) {
	le := binary.LittleEndian
	if len(b) < 12 || string(b[:8]) != metaMagic {
		return m, &kv.CorruptionError{File: file, Offset: 0, What: "it does not begin as a META file of this engine"}
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
		clean:    le.Uint32(b[12:])&1 != 0,
		snapshot: le.Uint64(b[16:]),
		size:     int64(le.Uint64(b[24:])),
		sum:      le.Uint32(b[32:]),
		seq:      kv.Seq(le.Uint64(b[40:])),
		firstLog: le.Uint64(b[48:]),
		end:      journal.End{Segment: le.Uint64(b[56:]), Length: int64(le.Uint64(b[64:]))},
	}, nil
}

// readMeta reads META; its absence is fs.ErrNotExist.
func readMeta(fsys vfs.FS, dir string) (meta, error) {
	name := join(dir, metaName)
	b, err := vfs.ReadFile(fsys, name, 1<<16)
	if err != nil {
		return meta{}, err
	}
	return decodeMeta(name, b)
}

func (m *meta) write(fsys vfs.FS, dir string) error {
	return vfs.WriteFile(fsys, dir, join(dir, metaName), m.encode())
}

// snapshotName returns the name of the snapshot file, empty if there is none.
func (m *meta) snapshotName() string {
	if m.snapshot == 0 {
		return ""
	}
	return fmt.Sprintf("SNAP-%06d", m.snapshot)
}

func join(dir, name string) string { return path.Join(dir, name) }

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
