package sst

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// Properties describe a table. Lengths are in bytes. In the file each number is
// a uvarint under the name that fields gives it, and each attribute a value
// under its name after "attribute.".
type Properties struct {
	Entries    uint64 // deletes and merges too
	Deletes    uint64
	Merges     uint64
	Tombstones uint64 // fragments
	KeyBytes   uint64 // of all user keys, not compressed
	ValueBytes uint64 // of all values, not compressed

	DataBlocks uint64
	Partitions uint64
	// As stored, with the trailers of the blocks.
	DataBytes, IndexBytes, FilterBytes, TombstoneBytes uint64

	// MinSeq and MaxSeq bound the sequence numbers of entries and tombstones; of
	// an empty table MinSeq is above MaxSeq.
	MinSeq, MaxSeq uint64

	Compression  Compression
	BloomBits    uint64 // per key; 0 is no filter
	PrefixLength uint64 // of the prefixes in the filter; 0 for none

	// Attributes are what the writer was told to keep with the table.
	Attributes map[string]string
}

// field is a number among the properties.
type field struct {
	name  string
	value *uint64
}

// fields names the numbers of p, in rising order.
func (p *Properties) fields() []field {
	return []field{
		{"blocks.data", &p.DataBlocks},
		{"blocks.partitions", &p.Partitions},
		{"bytes.data", &p.DataBytes},
		{"bytes.filter", &p.FilterBytes},
		{"bytes.index", &p.IndexBytes},
		{"bytes.tombstones", &p.TombstoneBytes},
		{"entries", &p.Entries},
		{"entries.deletes", &p.Deletes},
		{"entries.merges", &p.Merges},
		{"filter.bits", &p.BloomBits},
		{"prefix.length", &p.PrefixLength},
		{"raw.keys", &p.KeyBytes},
		{"raw.values", &p.ValueBytes},
		{"seq.max", &p.MaxSeq},
		{"seq.min", &p.MinSeq},
		{"tombstones", &p.Tombstones},
	}
}

const (
	attributePrefix = "attribute."
	compressionName = "compression"
)

func (p *Properties) append(dst []byte) []byte {
	items := []item{{compressionName, binary.AppendUvarint(nil, uint64(p.Compression))}}
	for _, f := range p.fields() {
		items = append(items, item{f.name, binary.AppendUvarint(nil, *f.value)})
	}
	for name, value := range p.Attributes {
		items = append(items, item{attributePrefix + name, []byte(value)})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.name, b.name) })
	return appendList(dst, items)
}

// parseProperties decodes a properties block. Names that are not known are
// passed over; numbers that are not there are zero.
func parseProperties(content []byte) (p Properties, err error) {
	known := map[string]*uint64{}
	for _, f := range p.fields() {
		known[f.name] = f.value
	}
	var compression uint64
	known[compressionName] = &compression
	err = readList(content, func(name, value []byte) error {
		if a, ok := strings.CutPrefix(string(name), attributePrefix); ok {
			if p.Attributes == nil {
				p.Attributes = map[string]string{}
			}
			p.Attributes[a] = string(value)
			return nil
		}
		if to := known[string(name)]; to != nil {
			v, ok := uvarintOf(value)
			if !ok {
				return damage(fmt.Sprintf("the property %s is malformed", name))
			}
			*to = v
		}
		return nil
	})
	if err == nil && (compression > 0x7f || p.PrefixLength > MaxKey) {
		err = damage("the properties make no sense")
	}
	p.Compression = Compression(compression)
	return p, err
}

// count counts an entry with a key and a value of those lengths.
func (p *Properties) count(t entry.Trailer, key, value int) {
	p.Entries++
	p.KeyBytes += uint64(key)
	p.ValueBytes += uint64(value)
	switch t.Kind() {
	case entry.Delete:
		p.Deletes++
	case entry.Merge:
		p.Merges++
	}
	p.MinSeq = min(p.MinSeq, uint64(t.Seq()))
	p.MaxSeq = max(p.MaxSeq, uint64(t.Seq()))
}

// countFragment counts the fragment of a range tombstone.
func (p *Properties) countFragment(f rangedel.Fragment) {
	p.Tombstones++
	p.MaxSeq = max(p.MaxSeq, uint64(f.Seqs[0]))
	p.MinSeq = min(p.MinSeq, uint64(f.Seqs[len(f.Seqs)-1]))
}

// clone returns a copy that shares nothing.
func (p *Properties) clone() Properties {
	q := *p
	q.Attributes = maps.Clone(p.Attributes)
	return q
}
