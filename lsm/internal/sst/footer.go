package sst

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/varvedb/varve/kv"
)

// footer is the end of a table, from which the rest is found.
type footer struct {
	meta, top handle
	file      uint64
	size      int64
	version   uint32
}

func (f *footer) append(dst []byte) []byte {
	start, le := len(dst), binary.LittleEndian
	dst = le.AppendUint64(dst, uint64(f.meta.offset))
	dst = le.AppendUint32(dst, uint32(f.meta.length))
	dst = le.AppendUint64(dst, uint64(f.top.offset))
	dst = le.AppendUint32(dst, uint32(f.top.length))
	dst = le.AppendUint64(dst, f.file)
	dst = le.AppendUint64(dst, uint64(f.size))
	dst = le.AppendUint32(dst, f.version)
	dst = le.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli()))
	return append(dst, magic...)
}

// parseFooter decodes the footer of a file of that number and size. A footer of
// a newer version is an error that is kv.ErrNewerFormat; others are damage.
func parseFooter(b []byte, file uint64, size int64) (footer, error) {
	le := binary.LittleEndian
	if len(b) != footerSize || string(b[48:]) != magic {
		return footer{}, damage("it does not end as a table")
	}
	if le.Uint32(b[44:]) != crc32.Checksum(b[:44], castagnoli()) {
		return footer{}, damage("the checksum of the footer is wrong")
	}
	if v := le.Uint32(b[40:]); v > formatVersion {
		return footer{}, fmt.Errorf("table of format %d, at most %d is known: %w", v, formatVersion, kv.ErrNewerFormat)
	}
	f := footer{
		meta: handle{int64(le.Uint64(b)), int64(le.Uint32(b[8:]))},
		top:  handle{int64(le.Uint64(b[12:])), int64(le.Uint32(b[20:]))},
		file: le.Uint64(b[24:]),
		size: int64(le.Uint64(b[32:])), version: le.Uint32(b[40:]),
	}
	limit := size - footerSize
	switch {
	case le.Uint32(b[40:]) == 0:
		return f, damage("the footer makes no sense")
	case f.file != file:
		return f, damage(fmt.Sprintf("it is table %d", f.file))
	case f.size != size:
		return f, damage(fmt.Sprintf("it has %d bytes, %d were written", size, f.size))
	case !f.meta.within(limit) || !f.top.within(limit):
		return f, damage("the footer points outside the file")
	}
	return f, nil
}
