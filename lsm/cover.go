package lsm

import (
	"bytes"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// tombstones are those of one source.
type tombstones interface {
	around(key []byte, at kv.Seq) (rangedel.Cover, error)
}

type memTombstones struct{ *mem }

func (m memTombstones) around(key []byte, at kv.Seq) (rangedel.Cover, error) {
	return m.ranges.Around(key, at), nil
}

type listTombstones rangedel.List

func (l listTombstones) around(key []byte, at kv.Seq) (rangedel.Cover, error) {
	return rangedel.List(l).Around(key, at), nil
}

// covers tells an iterator which entries range tombstones delete. It remembers
// what holds around the last key.
type covers struct {
	sources []tombstones
	cover   rangedel.Cover
	known   bool
}

// at returns the newest tombstone over key that a reader of state seq sees: older
// entries are deleted.
func (c *covers) at(key []byte, seq kv.Seq) (kv.Seq, error) {
	if len(c.sources) == 0 {
		return 0, nil
	}
	if c.known && (c.cover.Start == nil || bytes.Compare(key, c.cover.Start) >= 0) &&
		(c.cover.End == nil || bytes.Compare(key, c.cover.End) < 0) {
		return c.cover.Seq, nil
	}
	c.cover, c.known = rangedel.Cover{}, false
	for _, s := range c.sources {
		one, err := s.around(key, seq)
		if err != nil {
			return 0, err
		}
		c.narrow(one)
	}
	c.known = true
	return c.cover.Seq, nil
}

// narrow restricts the cover to where another one holds too.
func (c *covers) narrow(o rangedel.Cover) {
	if o.Start != nil && (c.cover.Start == nil || bytes.Compare(o.Start, c.cover.Start) > 0) {
		c.cover.Start = o.Start
	}
	if o.End != nil && (c.cover.End == nil || bytes.Compare(o.End, c.cover.End) < 0) {
		c.cover.End = o.End
	}
	c.cover.Seq = max(c.cover.Seq, o.Seq)
}
