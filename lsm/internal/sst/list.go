package sst

import (
	"bytes"
	"encoding/binary"
)

// decoder reads what was appended to a block, front to back. Once something is
// malformed it is bad and gives zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || d.bad {
		d.bad = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count reads a number of items that have at least so many bytes each.
func (d *decoder) count(least int) int {
	n := d.uvarint()
	if n > uint64(len(d.rest)/least) {
		d.bad = true
		return 0
	}
	return int(n)
}

// take returns the next n bytes, never nil.
func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return []byte{}
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

// bytes returns bytes with their length before them.
func (d *decoder) bytes() []byte { return d.take(d.uvarint()) }

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// item is a name and a value of a list block.
type item struct {
	name  string
	value []byte
}

// appendList appends a list block; the names must rise.
func appendList(dst []byte, items []item) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for _, it := range items {
		dst = appendBytes(appendBytes(dst, []byte(it.name)), it.value)
	}
	return dst
}

// readList calls f for each item of a list block.
func readList(content []byte, f func(name, value []byte) error) error {
	d := decoder{rest: content}
	var last []byte
	for i := range d.count(2) {
		name, value := d.bytes(), d.bytes()
		if d.bad || i > 0 && bytes.Compare(last, name) >= 0 {
			d.bad = true
			break
		}
		if err := f(name, value); err != nil {
			return err
		}
		last = name
	}
	if d.bad || len(d.rest) > 0 {
		return damage("a list is malformed")
	}
	return nil
}

// uvarintOf reads a value that is exactly one uvarint.
func uvarintOf(value []byte) (uint64, bool) {
	v, n := binary.Uvarint(value)
	return v, n > 0 && n == len(value)
}
