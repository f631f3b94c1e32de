package sst

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// checkFragment says what is wrong with a fragment that follows prev, which is
// nil for the first.
func checkFragment(prev *rangedel.Fragment, f rangedel.Fragment) error {
	switch {
	case len(f.Start) > MaxKey || len(f.End) > MaxKey:
		return errors.New("a bound is too long")
	case f.End != nil && bytes.Compare(f.Start, f.End) >= 0:
		return errors.New("its end is not above its start")
	case prev != nil && (prev.End == nil || bytes.Compare(prev.End, f.Start) > 0):
		return errors.New("it overlaps the one before")
	case len(f.Seqs) == 0:
		return errors.New("it has no sequence number")
	case f.Seqs[0] > entry.MaxSeq:
		return errors.New("a sequence number is too high")
	}
	for i, s := range f.Seqs[1:] {
		if s >= f.Seqs[i] {
			return errors.New("its sequence numbers do not descend")
		}
	}
	return nil
}

func appendFragment(dst []byte, f rangedel.Fragment) []byte {
	dst = appendBytes(dst, f.Start)
	if f.End == nil {
		dst = append(dst, 0)
	} else {
		dst = append(binary.AppendUvarint(dst, uint64(len(f.End))+1), f.End...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(f.Seqs)))
	dst = binary.AppendUvarint(dst, uint64(f.Seqs[0]))
	for i, s := range f.Seqs[1:] {
		dst = binary.AppendUvarint(dst, uint64(f.Seqs[i]-s))
	}
	return dst
}

// parseTombstones decodes a tombstone block. Bounds lie in content.
func parseTombstones(content []byte) ([]rangedel.Fragment, error) {
	d := decoder{rest: content}
	const least = 4 // bytes of a fragment
	count := d.count(least)
	all := make([]rangedel.Fragment, 0, count)
	var prev *rangedel.Fragment
	for range count {
		f := d.fragment()
		if d.bad {
			break
		}
		if err := checkFragment(prev, f); err != nil {
			return nil, damage("a range tombstone is malformed: " + err.Error())
		}
		all = append(all, f)
		prev = &all[len(all)-1]
	}
	if d.bad || len(d.rest) > 0 || count == 0 {
		return nil, damage("the tombstones are malformed")
	}
	return all, nil
}

func (d *decoder) fragment() (f rangedel.Fragment) {
	f.Start = d.bytes()
	if n := d.uvarint(); n > 0 {
		f.End = d.take(n - 1)
	}
	n := d.count(1)
	if n == 0 {
		d.bad = true
		return f
	}
	f.Seqs = make([]kv.Seq, n)
	seq := d.uvarint()
	for i := range f.Seqs {
		if i > 0 {
			less := d.uvarint()
			if less > seq {
				d.bad = true
			}
			seq -= less
		}
		f.Seqs[i] = kv.Seq(seq)
	}
	return f
}
