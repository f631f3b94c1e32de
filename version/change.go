package version

import (
	"bytes"
	"fmt"
	"slices"
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

	spareItems spare[item]
	spareKids  spare[kid]
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
		case d.height > 0 && len(d.kids) == 1:
			return c.lowest(d.kids[0], d.height-1)
		case d.size() <= maxNode(d.height):
			k := c.write(d)
			return Root{k.id, d.height, k.count, k.sum}, nil
		}
		kids, err := c.settle([]child{{d: d}}, d.height)
		if err != nil {
			return Root{}, err
		}
		d = &draft{height: d.height + 1, kids: kids}
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
	clear(list)
	changed := false
	for i := range list {
		list[i].kid = n.kid(i)
		var mine []Edit
		if mine, edits = n.share(i, edits); len(mine) == 0 {
			continue
		}
		var err error
		if list[i].d, err = c.edit(list[i].kid, n.height-1, mine); err != nil {
			return nil, err
		}
		changed = changed || list[i].d != nil
	}
	if !changed {
		return nil, nil
	}
	c.Dead = append(c.Dead, n.id)
	kids, err := c.settle(list, n.height-1)
	return &draft{height: n.height, kids: kids}, err
}

// share cuts off the edits that lie below child i; those below the children before
// are cut off already.
func (n *node) share(i int, edits []Edit) (mine, rest []Edit) {
	if len(edits) == 0 || i+1 == n.len() {
		return edits, nil
	}
	end, _ := slices.BinarySearchFunc(edits, n.key(i+1), func(e Edit, key []byte) int { return bytes.Compare(e.Key, key) })
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
	next.items = c.spareItems.take(size + len(edits))
	changed := n == nil
	for len(edits) > 0 {
		for ; i < size && bytes.Compare(n.key(i), edits[0].Key) < 0; i++ {
			next.items = append(next.items, item{entry: n.entry(i)})
		}
		var old *entry
		if i < size && bytes.Equal(n.key(i), edits[0].Key) {
			e := n.entry(i)
			old = &e
			i++
		}
		did, err := c.settleEntry(next, old, &edits[0])
		if err != nil {
			return nil, err
		}
		changed = changed || did
		edits = edits[1:]
	}
	if !changed {
		return nil, nil
	}
	for ; i < size; i++ {
		next.items = append(next.items, item{entry: n.entry(i)})
	}
	if n != nil {
		c.Dead = append(c.Dead, n.id)
	}
	return next, nil
}

// settleEntry adds to d what an edit makes of the entry old, nil if there is
// none, and reports whether that changed anything.
func (c *Change) settleEntry(d *draft, old *entry, e *Edit) (changed bool, err error) {
	if old == nil && e.Delete {
		return false, nil
	}
	var oldSum, newSum Sum
	if old != nil {
		if oldSum, err = c.sumOf(old); err != nil {
			return false, err
		}
	}
	if !e.Delete {
		newSum = c.t.sums.entry(e.Key, e.Value)
		if old != nil && oldSum == newSum && old.size == uint64(len(e.Value)) {
			d.items = append(d.items, item{entry: *old, sum: oldSum, summed: true})
			return false, nil
		}
		d.items = append(d.items, item{entry: c.newEntry(e, newSum), sum: newSum, summed: true})
		d.sum = d.sum.Add(newSum)
		c.Set++
	} else {
		c.Removed = append(c.Removed, e.Key)
	}
	if old != nil {
		d.sum = d.sum.Sub(oldSum)
		if old.big != (NodeID{}) {
			c.Dead = append(c.Dead, old.big)
		}
	}
	return true, nil
}

// sumOf returns the fingerprint of a stored entry.
func (c *Change) sumOf(e *entry) (Sum, error) {
	if e.big != (NodeID{}) {
		return e.sum, nil
	}
	return c.t.sums.entry(e.key, e.value), nil
}

// newEntry makes the entry of an edit, and writes its value if that is large.
func (c *Change) newEntry(e *Edit, sum Sum) entry {
	stamp := e.Stamp
	if stamp == 0 {
		stamp = c.birth
	}
	n := entry{key: e.Key, stamp: stamp, value: e.Value, size: uint64(len(e.Value))}
	if len(e.Value) > maxInline {
		n.big, n.sum = c.nextID(), sum
		c.buf = seal(n.big, append(append(c.buf[:0], nodeValue, 0), e.Value...))
		c.put(n.big, c.buf)
	}
	return n
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
