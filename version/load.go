package version

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
)

// Load returns a new tree with the entries of seq, which must be in strictly
// ascending order of their keys. It holds a few nodes of each level in memory,
// whatever the number of entries, and packs nodes full.
func (c *Change) Load(seq iter.Seq2[[]byte, []byte]) (Root, error) {
	l := loader{c: c}
	var last []byte
	for key, value := range seq {
		if last != nil && bytes.Compare(last, key) >= 0 {
			return Root{}, errUnsorted
		}
		last = append(last[:0], key...)
		part := c.newEntry(&Edit{Key: key, Value: value}, c.t.sums.entry(key, value))
		c.Set++
		l.add(0, part)
	}
	return l.finish()
}

// loader packs sorted entries into nodes, level by level.
type loader struct {
	c      *Change
	levels []draft
	sizes  []int
}

func (l *loader) level(h int) *draft {
	if h == len(l.levels) {
		l.levels = append(l.levels, draft{height: uint8(h)})
		l.sizes = append(l.sizes, 0)
	}
	return &l.levels[h]
}

// add adds a part to a level, and writes a node once two are full: so there is
// always enough left to divide at the end.
func (l *loader) add(h int, part []byte) {
	d := l.level(h)
	d.parts = append(d.parts, part)
	l.sizes[h] += len(part)
	if l.sizes[h] < 2*maxNode(d.height) || len(d.parts) < 4 {
		return
	}
	n, size := 0, nodeOverhead+5
	for n < len(d.parts)-2 && (n < 2 || size+len(d.parts[n]) <= maxNode(d.height)) {
		size += len(d.parts[n])
		n++
	}
	full, rest := d.cut(0, n), d.cut(n, len(d.parts))
	if h == 0 {
		full.sum = l.c.sumLeaf(&full)
	}
	k := l.c.write(&full)
	// The rest moves to memory of its own, so that what was written can go.
	rest.parts = slices.Clone(rest.parts)
	l.levels[h] = rest
	l.sizes[h] -= size - nodeOverhead - 5
	l.add(h+1, l.c.encodeKid(&k))
}

// finish writes what is left, from the leaves up.
func (l *loader) finish() (Root, error) {
	for h := 0; h < len(l.levels); h++ {
		d := &l.levels[h]
		if h == 0 {
			d.sum = l.c.sumLeaf(d)
		}
		if h == len(l.levels)-1 {
			return l.c.root(d)
		}
		kids, err := l.c.settle([]child{{d: d}}, d.height)
		if err != nil {
			return Root{}, err
		}
		for _, k := range kids {
			l.add(h+1, k)
		}
	}
	return Root{}, nil
}

// load makes the first commit of a branch of sorted entries.
func (s *session) load(b *branchRow, seq iter.Seq2[[]byte, []byte], message string, opt *CommitOptions) (*commitRow, error) {
	if err := s.clean(b); err != nil {
		return nil, err
	}
	if !b.root.empty() {
		return nil, fmt.Errorf("branch %q is not empty: %w", b.name, ErrExists)
	}
	id, err := s.newCommitID()
	if err != nil {
		return nil, err
	}
	root, err := s.Change(s.t, id).Load(seq)
	if err != nil {
		return nil, err
	}
	c, err := s.record(id, root, after(b.head, nil), nil, message, opt)
	if err != nil {
		return nil, err
	}
	return c, s.advance(b, c)
}
