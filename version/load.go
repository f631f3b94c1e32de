package version

import (
	"bytes"
	"fmt"
	"iter"
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
		own := append(append(make([]byte, 0, len(key)+len(value)), key...), value...)
		e := Edit{Key: own[:len(key):len(key)], Value: own[len(key):]}
		sum := c.t.sums.entry(e.Key, e.Value)
		l.level(0).items = append(l.level(0).items, item{c.newEntry(&e, sum), sum, true})
		c.Set++
		if err := l.grown(0); err != nil {
			return Root{}, err
		}
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

// grown counts the part that was last added to a level, and writes a node once
// two are full: so there is always enough left to divide at the end.
func (l *loader) grown(h int) error {
	d := l.level(h)
	l.sizes[h] += d.weight(d.len() - 1)
	if l.sizes[h] < 2*maxNode(d.height) || d.len() < 4 {
		return nil
	}
	n, size := 0, nodeOverhead+5
	for n < d.len()-2 && (n < 2 || size+d.weight(n) <= maxNode(d.height)) {
		size += d.weight(n)
		n++
	}
	full, rest := d.part(0, n), d.part(n, d.len())
	for i := range full.items {
		full.sum = full.sum.Add(full.items[i].sum)
	}
	k := l.c.write(&full)
	// The rest moves to memory of its own, so that what was written can go.
	l.levels[h] = draft{height: d.height,
		items: append([]item(nil), rest.items...), kids: append([]kid(nil), rest.kids...)}
	l.sizes[h] -= size - nodeOverhead - 5
	return l.add(h+1, k)
}

func (l *loader) add(h int, k kid) error {
	d := l.level(h)
	d.kids = append(d.kids, k)
	return l.grown(h)
}

// finish writes what is left, from the leaves up.
func (l *loader) finish() (Root, error) {
	for h := 0; h < len(l.levels); h++ {
		d := &l.levels[h]
		for i := range d.items {
			d.sum = d.sum.Add(d.items[i].sum)
		}
		if h == len(l.levels)-1 {
			return l.c.root(d)
		}
		kids, err := l.c.settle([]child{{d: d}}, d.height)
		if err != nil {
			return Root{}, err
		}
		for _, k := range kids {
			if err := l.add(h+1, k); err != nil {
				return Root{}, err
			}
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
