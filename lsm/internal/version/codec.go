package version

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/varvedb/varve/kv"
)

// An encoded Edit is fields in any order, each
//
//	uvarint tag, uvarint length, length bytes
//
// A reader that does not know a tag skips the field if the tag is at least
// firstOptional, and refuses the record otherwise. A description of a table ends
// with fields of the same kind, of which there are none yet. Strings are a
// uvarint length and bytes.
const (
	tagFull     = 1 // nothing
	tagRemoved  = 2 // uvarint level, number
	tagAdded    = 3 // see appendFile
	tagFirstLog = 4 // uvarint
	tagNextFile = 5 // uvarint
	tagLastSeq  = 6 // uvarint
	tagLogEnd   = 7 // uvarint segment, length
	tagClean    = 8 // a byte, 0 or 1

	firstOptional = 128
)

// Flags of a table.
const (
	flagLargestExclusive = 1 << iota
	flagUnbounded
	flagImported
	knownFlags = 1<<iota - 1
)

// Encode appends e to dst.
func (e *Edit) Encode(dst []byte) []byte {
	if e.Full {
		dst = appendField(dst, tagFull, nil)
	}
	var buf []byte
	for _, r := range e.Removed {
		buf = binary.AppendUvarint(buf[:0], uint64(r.Level))
		dst = appendField(dst, tagRemoved, binary.AppendUvarint(buf, r.Number))
	}
	for _, a := range e.Added {
		buf = appendFile(buf[:0], a)
		dst = appendField(dst, tagAdded, buf)
	}
	dst = appendNumber(dst, tagFirstLog, e.FirstLog)
	dst = appendNumber(dst, tagNextFile, e.NextFile)
	dst = appendNumber(dst, tagLastSeq, (*uint64)(e.LastSeq))
	if e.LogEnd != nil {
		buf = binary.AppendUvarint(buf[:0], e.LogEnd.Segment)
		dst = appendField(dst, tagLogEnd, binary.AppendUvarint(buf, uint64(e.LogEnd.Length)))
	}
	if e.Clean != nil {
		dst = appendField(dst, tagClean, []byte{bit(*e.Clean, 1)})
	}
	return dst
}

// appendField appends a field.
func appendField(dst []byte, tag uint64, payload []byte) []byte {
	return appendString(binary.AppendUvarint(dst, tag), payload)
}

// appendString appends a length and bytes.
func appendString(dst, s []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendNumber appends a field with a number, if there is one.
func appendNumber(dst []byte, tag uint64, n *uint64) []byte {
	if n == nil {
		return dst
	}
	return appendField(dst, tag, binary.AppendUvarint(nil, *n))
}

// appendFile appends a table and its level.
func appendFile(dst []byte, a LeveledFile) []byte {
	f := a.File
	dst = binary.AppendUvarint(dst, uint64(a.Level))
	dst = binary.AppendUvarint(dst, f.Number)
	dst = binary.AppendUvarint(dst, uint64(f.Size))
	dst = binary.LittleEndian.AppendUint32(dst, f.Checksum)
	dst = append(dst, bit(f.LargestExclusive, flagLargestExclusive)|bit(f.Unbounded, flagUnbounded)|bit(f.Imported, flagImported))
	dst = appendString(dst, f.Smallest)
	dst = appendString(dst, f.Largest)
	for _, n := range []uint64{uint64(f.MinSeq), uint64(f.MaxSeq), uint64(f.Entries), uint64(f.Deletes), uint64(f.Tombstones), uint64(f.Covers)} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// bit returns flag if set, else 0.
func bit(set bool, flag byte) byte {
	if set {
		return flag
	}
	return 0
}

// DecodeEdit returns the Edit that data holds. It keeps no part of data and takes
// memory in proportion to it. An error that is kv.ErrNewerFormat says that a
// newer version wrote what must not be skipped; any other, that data is damaged.
func DecodeEdit(data []byte) (*Edit, error) {
	e := &Edit{}
	seen := make(map[uint64]bool)
	d := decoder{data: data}
	for len(d.data) > 0 && d.err == nil {
		tag := d.uvarint()
		payload := decoder{data: d.bytes()}
		if d.err != nil {
			break
		}
		if seen[tag] && tag < firstOptional && tag != tagAdded && tag != tagRemoved {
			payload.fail("is there twice")
		}
		seen[tag] = true
		e.decodeField(tag, &payload)
		if payload.err != nil {
			return nil, fmt.Errorf("edit: field %d: %w", tag, payload.err)
		}
	}
	if d.err != nil {
		return nil, fmt.Errorf("edit: %w", d.err)
	}
	return e, nil
}

// decodeField takes a field into e.
func (e *Edit) decodeField(tag uint64, d *decoder) {
	switch tag {
	case tagFull:
		e.Full = true
	case tagRemoved:
		e.Removed = append(e.Removed, LeveledNumber{d.level(), d.uvarint()})
	case tagAdded:
		e.Added = append(e.Added, d.file())
	case tagFirstLog:
		e.FirstLog = new(d.uvarint())
	case tagNextFile:
		e.NextFile = new(d.uvarint())
	case tagLastSeq:
		e.LastSeq = new(kv.Seq(d.uvarint()))
	case tagLogEnd:
		e.LogEnd = &LogEnd{d.uvarint(), d.int63()}
	case tagClean:
		e.Clean = new(d.flags(1) == 1)
	default:
		d.unknown(tag)
		return
	}
	d.end()
}

// decoder takes fields off data. After the first failure all of its methods
// return zero values.
type decoder struct {
	data []byte
	err  error
}

// fail notes what is wrong, and nothing after it.
func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%s", what)
	}
	d.data = nil
}

// end fails if anything is left.
func (d *decoder) end() {
	if len(d.data) > 0 {
		d.fail("bytes after the end")
	}
}

// unknown deals with a tag that means nothing here.
func (d *decoder) unknown(tag uint64) {
	if tag < firstOptional && d.err == nil {
		d.err = fmt.Errorf("unknown tag %d: %w", tag, kv.ErrNewerFormat)
	}
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.data)
	if size <= 0 {
		d.fail("no number")
		return 0
	}
	d.data = d.data[size:]
	return n
}

func (d *decoder) int63() int64 {
	n := d.uvarint()
	if n > math.MaxInt64 {
		d.fail("number too large")
		return 0
	}
	return int64(n)
}

func (d *decoder) level() int {
	n := d.uvarint()
	if n >= NumLevels {
		d.fail("no such level")
		return 0
	}
	return int(n)
}

// take returns the next n bytes, which lie in data.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.data)) {
		d.fail("cut off")
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

// bytes returns a string, which lies in data.
func (d *decoder) bytes() []byte { return d.take(d.uvarint()) }

// flags returns a byte of which only known bits may be set: others have a
// meaning in a newer version.
func (d *decoder) flags(known byte) byte {
	b := d.take(1)
	if len(b) == 0 {
		return 0
	}
	if b[0]&^known != 0 {
		if d.err == nil {
			d.err = fmt.Errorf("unknown flags %#x: %w", b[0], kv.ErrNewerFormat)
		}
		d.data = nil
	}
	return b[0]
}

// checksum returns four bytes as a number.
func (d *decoder) checksum() uint32 {
	if b := d.take(4); len(b) == 4 {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// file returns a table and its level.
func (d *decoder) file() LeveledFile {
	a := LeveledFile{Level: d.level(), File: &File{}}
	f := a.File
	f.Number = d.uvarint()
	f.Size = d.int63()
	f.Checksum = d.checksum()
	flags := d.flags(knownFlags)
	f.LargestExclusive, f.Unbounded = flags&flagLargestExclusive != 0, flags&flagUnbounded != 0
	f.Imported = flags&flagImported != 0
	f.Smallest = append([]byte{}, d.bytes()...)
	f.Largest = append([]byte{}, d.bytes()...)
	f.MinSeq, f.MaxSeq = kv.Seq(d.uvarint()), kv.Seq(d.uvarint())
	f.Entries, f.Deletes, f.Tombstones, f.Covers = d.int63(), d.int63(), d.int63(), d.int63()
	for len(d.data) > 0 && d.err == nil { // fields of newer versions
		tag := d.uvarint()
		d.bytes()
		d.unknown(tag)
	}
	return a
}
