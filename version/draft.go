package version

// Sizes of nodes, in bytes of their encoding. Small leaves are what makes a
// commit of scattered edits cheap: each rewrites its own leaf. A node over the
// maximum is split evenly; one under a quarter of it is joined with a
// neighbour. Values over maxInline have nodes of their own.
const (
	maxLeaf   = 640
	maxInner  = 832
	maxInline = 256
)

func maxNode(height uint8) int {
	if height == 0 {
		return maxLeaf
	}
	return maxInner
}

func minNode(height uint8) int { return maxNode(height) / 4 }

// draft is a node that is to be written. It is written when its parent is made,
// so that no node is written twice.
type draft struct {
	height uint8
	parts  [][]byte // encoded entries of a leaf, or children of an inner node
	sum    Sum      // of a leaf
	bytes  int      // what size has returned; 0 before
}

// child is a node below one that is being made: kept as it is, or a draft.
type child struct {
	kid []byte // encoded, if draft is nil
	d   *draft // if it is to be written
}

func (d *draft) empty() bool { return len(d.parts) == 0 }

// size returns the bytes of the encoding, at most. Nothing may be added after,
// but by join.
func (d *draft) size() int {
	if d.bytes == 0 {
		d.bytes = nodeOverhead + 5
		for _, p := range d.parts {
			d.bytes += len(p)
		}
	}
	return d.bytes
}

// settle turns the nodes of one level into children: drafts that are too small
// are joined with a neighbour, those that are too large split, and all written.
// It uses the memory of list.
func (c *Change) settle(list []child, height uint8) ([][]byte, error) {
	joined, err := c.join(list, height)
	if err != nil {
		return nil, err
	}
	kids := c.spareParts.take(len(joined) + 2)
	for i := range joined {
		d := joined[i].d
		if d == nil {
			kids = append(kids, joined[i].kid)
			continue
		}
		for _, part := range c.split(d) {
			k := c.write(&part)
			kids = append(kids, c.encodeKid(&k))
		}
		c.spareParts.give(d.parts)
	}
	return kids, nil
}

// spare is slices that are not in use any more: a change makes and drops many.
type spare[T any] [][]T

// take returns an empty slice, with room for n if it is new. What an old one has
// behind its length is not cleared.
func (s *spare[T]) take(n int) []T {
	last := len(*s) - 1
	if last < 0 {
		return make([]T, 0, n)
	}
	got := (*s)[last]
	*s = (*s)[:last]
	return got
}

// give has take return the memory of a slice.
func (s *spare[T]) give(used []T) {
	if cap(used) > 0 {
		*s = append(*s, used[:0])
	}
}

// join puts drafts that are too small together with a neighbour.
func (c *Change) join(list []child, height uint8) ([]child, error) {
	out := list[:0]
	small := false // the last of out is a draft and too small
	for _, ch := range list {
		if ch.d != nil && ch.d.empty() {
			continue
		}
		tiny := ch.d != nil && ch.d.size() < minNode(height)
		if len(out) == 0 || !small && !tiny {
			out, small = append(out, ch), tiny
			continue
		}
		last := &out[len(out)-1]
		for _, part := range []*child{last, &ch} {
			if err := c.thaw(part, height); err != nil {
				return nil, err
			}
		}
		last.d.parts = append(last.d.parts, ch.d.parts...)
		last.d.sum, last.d.bytes = last.d.sum.Add(ch.d.sum), 0
		small = last.d.size() < minNode(height)
	}
	return out, nil
}

// thaw makes a kept node one that is to be written.
func (c *Change) thaw(ch *child, height uint8) error {
	if ch.d != nil {
		return nil
	}
	k, _, _ := takeKid(ch.kid)
	n, err := c.t.node(k.id, height)
	if err != nil {
		return err
	}
	c.Dead = append(c.Dead, n.id)
	ch.d = &draft{height: height, sum: k.sum}
	for i := range n.len() {
		ch.d.parts = append(ch.d.parts, n.encoded(i))
	}
	return nil
}

// split cuts a draft into parts of about the same size that are not too large.
func (c *Change) split(d *draft) []draft {
	total, least := d.size(), 1
	if d.height > 0 {
		least = 2 // children, however long their keys, so that trees end
	}
	n := min((total+maxNode(d.height)-1)/maxNode(d.height), len(d.parts)/least)
	if n <= 1 {
		return []draft{*d}
	}
	cut := make([]draft, 0, n)
	start, size, target := 0, 0, total/n+1
	for i, p := range d.parts {
		// A part goes where most of it lies.
		if size+len(p)/2 > target && len(cut) < n-1 && i-start >= least && len(d.parts)-i >= least {
			cut = append(cut, d.cut(start, i))
			start, size = i, 0
		}
		size += len(p)
	}
	cut = append(cut, d.cut(start, len(d.parts)))
	c.sumParts(cut, d.sum)
	return cut
}

func (d *draft) cut(from, to int) draft { return draft{height: d.height, parts: d.parts[from:to]} }

// sumParts computes the fingerprints of leaves that were one with the given
// fingerprint; that of the last is what the others leave.
func (c *Change) sumParts(leaves []draft, whole Sum) {
	if leaves[0].height > 0 {
		return
	}
	last := len(leaves) - 1
	for i := range leaves[:last] {
		leaves[i].sum = c.sumLeaf(&leaves[i])
		whole = whole.Sub(leaves[i].sum)
	}
	leaves[last].sum = whole
}

// sumLeaf computes the fingerprint of a leaf.
func (c *Change) sumLeaf(d *draft) (sum Sum) {
	for _, p := range d.parts {
		e, _, _ := takeEntry(p)
		sum = sum.Add(c.sumOf(&e))
	}
	return sum
}

// write stores a draft and returns it as a child. The node goes into the cache:
// whoever reads the new state next reads it.
func (c *Change) write(d *draft) kid {
	k := kid{id: c.nextID()}
	n := &node{id: k.id, height: d.height, at: make([]uint32, 0, len(d.parts))}
	data := make([]byte, 0, d.size())
	if d.height == 0 {
		data = append(data, nodeLeaf, 0)
		k.count, k.sum = uint64(len(d.parts)), d.sum
	} else {
		data = append(data, nodeInner, d.height)
	}
	data = appendUvarint(data, len(d.parts))
	for _, p := range d.parts {
		n.at = append(n.at, uint32(len(data)))
		data = append(data, p...)
		if d.height > 0 {
			below, _, _ := takeKid(p)
			k.count, k.sum = k.count+below.count, k.sum.Add(below.sum)
		}
	}
	n.data = data
	k.min = n.key(0)
	c.put(k.id, seal(k.id, data))
	c.t.cache.put(c.t.space, n)
	return k
}
