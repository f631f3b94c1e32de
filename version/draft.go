package version

// Sizes of nodes, in bytes of their encoding. Small leaves are what makes a
// commit of scattered edits cheap: each rewrites its own leaf. A node over the
// maximum is split evenly; one under a quarter of it is joined with a
// neighbour. Values over maxInline have nodes of their own.
const (
	maxLeaf   = 768
	maxInner  = 1024
	maxInline = 256
)

func maxNode(height uint8) int {
	if height == 0 {
		return maxLeaf
	}
	return maxInner
}

func minNode(height uint8) int { return maxNode(height) / 4 }

// item is an entry on its way into a leaf. Its fingerprint may be known.
type item struct {
	entry
	sum    Sum
	summed bool
}

// draft is a node that is to be written. It is written when its parent is made,
// so that no node is written twice.
type draft struct {
	height uint8
	items  []item // of a leaf
	kids   []kid  // of an inner node
	sum    Sum    // of a leaf
	bytes  int    // what size has returned; 0 before
}

// child is a node below one that is being made: kept as it is, or a draft.
type child struct {
	kid kid    // if draft is nil
	d   *draft // if it is to be written
}

func (d *draft) empty() bool { return d.len() == 0 }

func (d *draft) len() int { return len(d.items) + len(d.kids) }

// size returns the bytes of the encoding, at most. Nothing may be added after,
// but by join.
func (d *draft) size() int {
	if d.bytes > 0 {
		return d.bytes
	}
	n := nodeOverhead + 5
	for i := range d.items {
		n += d.items[i].bytes()
	}
	for i := range d.kids {
		n += d.kids[i].bytes()
	}
	d.bytes = n
	return n
}

// weight returns the bytes of part i.
func (d *draft) weight(i int) int {
	if d.height == 0 {
		return d.items[i].bytes()
	}
	return d.kids[i].bytes()
}

func (e *item) bytes() int {
	const lengths = 3 + 5 + 3 // of key, stamp, value
	if e.big != (NodeID{}) {
		return len(e.key) + lengths + sumSize + 8
	}
	return len(e.key) + lengths + len(e.value)
}

func (k *kid) bytes() int { return len(k.min) + 3 + 5 + 3 + 4 + sumSize }

// settle turns the nodes of one level into children: drafts that are too small
// are joined with a neighbour, those that are too large split, and all written.
// It uses the memory of list.
func (c *Change) settle(list []child, height uint8) ([]kid, error) {
	joined, err := c.join(list, height)
	if err != nil {
		return nil, err
	}
	kids := c.spareKids.take(len(joined) + 2)
	for i := range joined {
		d := joined[i].d
		if d == nil {
			kids = append(kids, joined[i].kid)
			continue
		}
		for _, part := range c.split(d) {
			kids = append(kids, c.write(&part))
		}
		c.spareItems.give(d.items)
		c.spareKids.give(d.kids)
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
		last.d.items = append(last.d.items, ch.d.items...)
		last.d.kids = append(last.d.kids, ch.d.kids...)
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
	n, err := c.t.node(ch.kid.id, height)
	if err != nil {
		return err
	}
	c.Dead = append(c.Dead, n.id)
	ch.d = &draft{height: height, sum: ch.kid.sum}
	for i := range n.len() {
		if n.leaf() {
			ch.d.items = append(ch.d.items, item{entry: n.entry(i)})
		} else {
			ch.d.kids = append(ch.d.kids, n.kid(i))
		}
	}
	return nil
}

// split cuts a draft into parts of about the same size that are not too large.
func (c *Change) split(d *draft) []draft {
	total, least := d.size(), 1
	if d.height > 0 {
		least = 2 // children, however long their keys, so that trees end
	}
	n := min((total+maxNode(d.height)-1)/maxNode(d.height), d.len()/least)
	if n <= 1 {
		return []draft{*d}
	}
	parts := make([]draft, 0, n)
	start, size, target := 0, 0, total/n+1
	for i := range d.len() {
		w := d.weight(i)
		// An entry goes where most of it lies.
		if size+w/2 > target && len(parts) < n-1 && i-start >= least && d.len()-i >= least {
			parts = append(parts, d.part(start, i))
			start, size = i, 0
		}
		size += w
	}
	parts = append(parts, d.part(start, d.len()))
	c.sumParts(parts, d.sum)
	return parts
}

func (d *draft) part(from, to int) draft {
	p := draft{height: d.height}
	if d.height == 0 {
		p.items = d.items[from:to]
	} else {
		p.kids = d.kids[from:to]
	}
	return p
}

// sumParts computes the fingerprints of leaves that were one with the given
// fingerprint; that of the last is what the others leave.
func (c *Change) sumParts(parts []draft, whole Sum) {
	if parts[0].height > 0 {
		return
	}
	last := len(parts) - 1
	for i := range parts[:last] {
		p := &parts[i]
		for j := range p.items {
			p.sum = p.sum.Add(c.itemSum(&p.items[j]))
		}
		whole = whole.Sub(p.sum)
	}
	parts[last].sum = whole
}

func (c *Change) itemSum(e *item) Sum {
	switch {
	case e.summed:
		return e.sum
	case e.big != (NodeID{}):
		return e.entry.sum
	}
	return c.t.sums.entry(e.key, e.value)
}

// write stores a draft and returns it as a child. The node goes into the cache:
// whoever reads the new state next reads it.
func (c *Change) write(d *draft) kid {
	k := kid{id: c.nextID()}
	n := &node{id: k.id, height: d.height, at: make([]uint32, 0, d.len())}
	data := make([]byte, 0, d.size())
	if d.height == 0 {
		k.min, k.count, k.sum = d.items[0].key, uint64(len(d.items)), d.sum
		data = append(data, nodeLeaf, 0)
	} else {
		k.min = d.kids[0].min
		data = append(data, nodeInner, d.height)
	}
	data = appendUvarint(data, d.len())
	for i := range d.items {
		n.at = append(n.at, uint32(len(data)))
		data = appendEntry(data, &d.items[i].entry)
	}
	for i := range d.kids {
		n.at = append(n.at, uint32(len(data)))
		k.count += d.kids[i].count
		k.sum = k.sum.Add(d.kids[i].sum)
		data = appendKid(data, &d.kids[i])
	}
	n.data = data
	c.put(k.id, seal(k.id, data))
	c.t.cache.put(c.t.space, n)
	return k
}
