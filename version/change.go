package version

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// Edit sets a key to a value, or removes it.
type Edit struct {
	Key, Value []byte
	Delete     bool
	// Stamp is the commit that the entry will name as its writer; zero is the
	// one that the change is for.
	Stamp CommitID
}

// Writer takes the nodes of a change: a [kv.Txn] or a batch.
type Writer interface {
	Put(key, value []byte)
}

// Change writes new states of a tree. All nodes that it writes are born in one
// commit, whose number must not have been used before. What a change does is
// done when its writer commits.
type Change struct {
	t     *Tree
	w     Writer
	birth CommitID
	seq   uint32

	// Dead are the nodes that were in a tree and were replaced, in the order in
	// which they were met.
	Dead []NodeID
	// Removed are the keys that were there and are not any more.
	Removed [][]byte
	// Set counts the entries that were put or replaced.
	Set int64
	// Nodes and Bytes count what was written.
	Nodes, Bytes int64

	large bool
	ahead *ahead // of what is being applied; nil if it is small
	buf   []byte // of large values

	encoded    []byte // room for parts of nodes
	spareParts spare[[]byte]
	spareLists spare[child]
}

// largeChange is how many edits a change has at most that is not large.
const largeChange = 256

// Change begins a change whose nodes are born in the given commit.
func (t *Tree) Change(w Writer, birth CommitID) *Change {
	return &Change{t: t, w: w, birth: birth}
}

// Insert returns the tree at root with key set to value.
func (c *Change) Insert(root Root, key, value []byte) (Root, error) {
	return c.Apply(root, []Edit{{Key: key, Value: value}})
}

// Remove returns the tree at root without key. If it is not there, that is the
// same root.
func (c *Change) Remove(root Root, key []byte) (Root, error) {
	return c.Apply(root, []Edit{{Key: key, Delete: true}})
}

// Apply returns the tree at root with the edits applied in one pass, each node
// that they touch written once. Edits must be in strictly ascending order of
// their keys. Those that change nothing leave the entry and its stamp alone. The
// slices of the edits must not change until the writer has committed.
func (c *Change) Apply(root Root, edits []Edit) (Root, error) {
	for i := 1; i < len(edits); i++ {
		if bytes.Compare(edits[i-1].Key, edits[i].Key) >= 0 {
			return root, fmt.Errorf("edit %d: %w", i, errUnsorted)
		}
	}
	if len(edits) == 0 {
		return root, nil
	}
	c.large = len(edits) > largeChange
	// The leaves that a large change replaces would drive out those it writes.
	c.ahead = c.t.readAhead(root, edits, !c.large)
	defer func() { c.ahead.close(); c.ahead = nil }()
	var d *draft
	var err error
	if root.empty() {
		d, err = c.leaf(nil, Sum{}, edits)
	} else {
		d, err = c.edit(kid{id: root.Node, sum: root.Sum}, root.Height, edits)
	}
	if err != nil || d == nil {
		return root, err
	}
	return c.root(d)
}

// root writes a draft and what has to stand above it.
func (c *Change) root(d *draft) (Root, error) {
	for {
		switch {
		case d.empty():
			return Root{}, nil
		case d.height > 0 && len(d.parts) == 1:
			k, _, _ := takeKid(d.parts[0])
			return c.lowest(k, d.height-1)
		case d.size() <= maxNode(d.height):
			k := c.write(d)
			return Root{k.id, d.height, k.count, k.sum}, nil
		}
		kids, err := c.settle([]child{{d: d}}, d.height)
		if err != nil {
			return Root{}, err
		}
		d = &draft{height: d.height + 1, parts: kids}
	}
}

// lowest returns the root of a tree without inner nodes of one child above it.
func (c *Change) lowest(k kid, height uint8) (Root, error) {
	for height > 0 {
		n, err := c.t.node(k.id, height)
		if err != nil {
			return Root{}, err
		}
		if n.len() > 1 || k.id.Birth == c.birth {
			break // what this change wrote it does not take back
		}
		c.Dead = append(c.Dead, k.id)
		k, height = n.kid(0), height-1
	}
	return Root{k.id, height, k.count, k.sum}, nil
}

// edit applies edits below a node and returns what it becomes; nil if it stays
// as it is.
func (c *Change) edit(k kid, height uint8, edits []Edit) (*draft, error) {
	if height > 0 {
		n, err := c.t.node(k.id, height)
		if err != nil {
			return nil, err
		}
		return c.inner(n, edits)
	}
	n := c.ahead.take(k.id)
	if n == nil {
		var err error
		if n, err = c.t.fetch(k.id, 0, !c.large); err != nil {
			return nil, err
		}
	}
	return c.leaf(n, k.sum, edits)
}

// inner applies edits to the children of n.
func (c *Change) inner(n *node, edits []Edit) (*draft, error) {
	list := slices.Grow(c.spareLists.take(n.len()), n.len())[:n.len()]
	defer c.spareLists.give(list)
	for i := range list {
		list[i] = child{kid: n.encoded(i)}
	}
	changed := false
	for len(edits) > 0 {
		var mine []Edit
		i := n.child(edits[0].Key)
		mine, edits = n.share(i, edits)
		d, err := c.edit(n.kid(i), n.height-1, mine)
		if err != nil {
			return nil, err
		}
		list[i].d = d
		changed = changed || d != nil
	}
	if !changed {
		return nil, nil
	}
	c.Dead = append(c.Dead, n.id)
	kids, err := c.settle(list, n.height-1)
	return &draft{height: n.height, parts: kids}, err
}

// share cuts off the edits that lie below child i, as the first of them does.
func (n *node) share(i int, edits []Edit) (mine, rest []Edit) {
	if i+1 == n.len() {
		return edits, nil
	}
	key := n.key(i + 1)
	below := func(at int) bool { return bytes.Compare(edits[at].Key, key) < 0 }
	// Mostly there are few of them.
	last, end := 0, 1
	for end < len(edits) && below(end) {
		last, end = end, 2*end
	}
	end = last + 1 + sort.Search(min(end, len(edits))-last-1, func(j int) bool { return !below(last + 1 + j) })
	return edits[:end], edits[end:]
}

// leaf merges edits with the entries of n, which is nil for an empty tree, and
// has the given fingerprint.
func (c *Change) leaf(n *node, sum Sum, edits []Edit) (*draft, error) {
	next := &draft{sum: sum}
	i, size := 0, 0
	if n != nil {
		size = n.len()
	}
	next.parts = c.spareParts.take(size + len(edits))
	changed := n == nil
	for len(edits) > 0 {
		for ; i < size && bytes.Compare(n.key(i), edits[0].Key) < 0; i++ {
			next.parts = append(next.parts, n.encoded(i))
		}
		var old []byte
		if i < size && bytes.Equal(n.key(i), edits[0].Key) {
			old = n.encoded(i)
			i++
		}
		changed = c.settleEntry(next, old, &edits[0]) || changed
		edits = edits[1:]
	}
	if !changed {
		return nil, nil
	}
	for ; i < size; i++ {
		next.parts = append(next.parts, n.encoded(i))
	}
	if n != nil {
		c.Dead = append(c.Dead, n.id)
	}
	return next, nil
}

// settleEntry adds to d what an edit makes of the entry encoded in old, nil if
// there is none, and reports whether that changed anything.
func (c *Change) settleEntry(d *draft, old []byte, e *Edit) (changed bool) {
	if old == nil && e.Delete {
		return false
	}
	var was entry
	var oldSum, newSum Sum
	if old != nil {
		was, _, _ = takeEntry(old)
		oldSum = c.sumOf(&was)
	}
	if !e.Delete {
		newSum = c.t.sums.entry(e.Key, e.Value)
		if old != nil && oldSum == newSum && was.size == uint64(len(e.Value)) {
			d.parts = append(d.parts, old)
			return false
		}
		d.parts = append(d.parts, c.newEntry(e, newSum))
		d.sum = d.sum.Add(newSum)
		c.Set++
	} else {
		c.Removed = append(c.Removed, e.Key)
	}
	if old != nil {
		d.sum = d.sum.Sub(oldSum)
		if was.big != (NodeID{}) {
			c.Dead = append(c.Dead, was.big)
		}
	}
	return true
}

// sumOf returns the fingerprint of a stored entry.
func (c *Change) sumOf(e *entry) Sum {
	if e.big != (NodeID{}) {
		return e.sum
	}
	return c.t.sums.entry(e.key, e.value)
}

// newEntry encodes the entry of an edit, and writes its value if that is large.
func (c *Change) newEntry(e *Edit, sum Sum) []byte {
	n := entry{key: e.Key, stamp: cmp.Or(e.Stamp, c.birth), value: e.Value, size: uint64(len(e.Value))}
	if len(e.Value) > maxInline {
		n.big, n.sum = c.nextID(), sum
		c.buf = seal(n.big, append(append(c.buf[:0], nodeValue, 0), e.Value...))
		c.put(n.big, c.buf)
	}
	return c.encode(len(e.Key)+maxInline+maxFields, func(dst []byte) []byte { return appendEntry(dst, &n) })
}

// encodeKid encodes a child.
func (c *Change) encodeKid(k *kid) []byte {
	return c.encode(len(k.min)+maxFields, func(dst []byte) []byte { return appendKid(dst, k) })
}

// maxFields is more than entries and children take besides keys and values.
const maxFields = 96

// encode returns what appendTo appends, up to n bytes, in memory that stays as it
// is.
func (c *Change) encode(n int, appendTo func(dst []byte) []byte) []byte {
	if cap(c.encoded)-len(c.encoded) < n {
		c.encoded = make([]byte, 0, max(n, 16<<10))
	}
	from := len(c.encoded)
	c.encoded = appendTo(c.encoded)
	return slices.Clip(c.encoded[from:])
}

func (c *Change) nextID() NodeID {
	c.seq++
	return NodeID{c.birth, c.seq}
}

// put stores the sealed bytes of a node.
func (c *Change) put(id NodeID, data []byte) {
	c.t.key = appendNodeKey(c.t.key[:0], c.t.space, id)
	c.w.Put(c.t.key, data)
	c.Nodes++
	c.Bytes += int64(len(c.t.key) + len(data))
}
