package sst

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Collector describes the puts of each block in a few bytes, which the index
// keeps, so that a walk can pass over blocks.
type Collector interface {
	// Add sees a put of the current block.
	Add(key, value []byte)
	// FinishBlock appends what is to be known of the puts of the block. The next
	// one begins.
	FinishBlock(dst []byte) []byte
	// FinishTable appends what is to be known of all puts so far.
	FinishTable(dst []byte) []byte
}

// NamedCollector is a Collector and the name of what it collects.
type NamedCollector struct {
	Name string
	Collector
}

// maxProperty is how long what a collector says may be, in bytes: if it is longer
// nothing is known of the block.
const maxProperty = 255

// blockProperty is the attribute under which a table has what a collector says of
// all of it, behind the place of the collector among all.
const blockProperty = "blocks."

// collect shows an entry to the collectors.
func (w *Writer) collect(put bool, key, value []byte) {
	if !put {
		return
	}
	for _, c := range w.opt.Collectors {
		c.Add(key, value)
	}
}

// appendProperties appends for each collector 1 + length and bytes of what it says,
// 0 if nothing is known. In a block with merges nothing is: what they make is not
// in the block.
func (w *Writer) appendProperties(dst []byte) []byte {
	merged := w.props.Merges > w.merges
	w.merges = w.props.Merges
	for _, c := range w.opt.Collectors {
		w.said = c.FinishBlock(w.said[:0])
		if len(w.said) > maxProperty || merged {
			dst = append(dst, 0)
			continue
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(w.said))+1), w.said...)
	}
	return dst
}

// describeTable puts what is known of the whole table into its attributes. They
// belong to the caller, so it makes new ones.
func (w *Writer) describeTable() {
	if len(w.opt.Collectors) == 0 {
		return
	}
	attributes := make(map[string]string, len(w.props.Attributes)+len(w.opt.Collectors))
	for name, value := range w.props.Attributes {
		attributes[name] = value
	}
	for i, c := range w.opt.Collectors {
		said := c.FinishTable(nil)
		if len(said) > maxProperty || w.props.Merges > 0 {
			said = nil
		} else {
			said = append([]byte{1}, said...)
		}
		attributes[blockProperty+c.Name] = string(append(binary.AppendUvarint(nil, uint64(i)), said...))
	}
	w.props.Attributes = attributes
}

// BlockProperty returns the place of a collector, by name, for Property, and what
// it says of the whole table, nil if that is not known. ok is false if the table
// was written without it.
func (r *Reader) BlockProperty(name string) (place int, whole []byte, ok bool) {
	said, ok := r.props.Attributes[blockProperty+name]
	n, k := binary.Uvarint([]byte(said))
	if !ok || k <= 0 || n > maxProperty {
		return 0, nil, false
	}
	if said = said[k:]; strings.HasPrefix(said, "\x01") {
		whole = []byte(said[1:])
	}
	return int(n), whole, true
}

// Property returns what the collector in a place says of a block, of whose index
// entry all are given. ok is false if nothing is known.
func Property(all []byte, place int) (said []byte, ok bool) {
	d := decoder{rest: all}
	for ; place >= 0; place-- {
		n := d.uvarint()
		if ok = n > 0; ok {
			said = d.take(n - 1)
		}
	}
	return said, ok && !d.bad
}

// passes reports whether the walk passes over block j of the current partition.
// Of a key whose entries go on in the next block nothing is passed over: older
// ones would seem to be the newest. At the end of a partition that is not known,
// unless it is the last.
func (it *Iter) passes(j int) bool {
	if it.opt.Pass == nil {
		return false
	}
	e, ok := it.indexEntry(j)
	if !ok {
		return false
	}
	it.key = e.first(it.key[:0])
	if len(e.properties) == 0 || !it.opt.Pass(e.properties, it.key, e.last) {
		return false
	}
	if j+1 == it.x.count {
		return it.part+1 == len(it.r.parts)
	}
	next, ok := it.indexEntry(j + 1)
	return ok && !bytes.Equal(next.first(nil), e.last)
}
