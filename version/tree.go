package version

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// Root is a state of a tree: a comparable value that can be stored anywhere.
// The zero Root is the empty tree. Two roots of one map with equal Count and
// Sum hold the same entries, whatever their nodes.
type Root struct {
	Node   NodeID
	Height uint8  // of the node; leaves have 0
	Count  uint64 // entries
	Sum    Sum    // fingerprint of the entries
}

func (r Root) empty() bool { return r.Node == NodeID{} }

// Same reports whether both roots hold the same entries.
func (r Root) Same(o Root) bool { return r.Count == o.Count && r.Sum == o.Sum }

func appendRoot(dst []byte, r Root) []byte {
	if r.empty() {
		return append(dst, 0)
	}
	dst = append(dst, r.Height+1)
	return appendSum(binary.AppendUvarint(appendID(dst, r.Node), r.Count), r.Sum)
}

func takeRoot(data []byte) (r Root, rest []byte, ok bool) {
	if len(data) == 0 || data[0] > maxHeight+1 {
		return r, nil, false
	}
	height, rest := data[0], data[1:]
	if height == 0 {
		return r, rest, true
	}
	r.Height = height - 1
	if r.Node, rest, ok = takeID(rest); !ok {
		return r, nil, false
	}
	if r.Count, rest, ok = takeUvarint(rest); !ok || r.Count == 0 {
		return r, nil, false
	}
	r.Sum, rest, ok = takeSum(rest)
	return r, rest, ok
}

// Tree is a copy-on-write B+ tree from byte keys to byte values in a keyspace.
// Its nodes never change: a change writes new nodes and gives a new [Root],
// and every old root stays readable as long as its nodes are kept. A Tree is
// the way to read at any root; [Tree.Change] writes.
//
// A Tree belongs to one goroutine. Slices that it returns are shared with the
// cache and must not be changed.
type Tree struct {
	pages
	sums summer
}

// NewTree returns the tree in a keyspace of r. For changes r must show what is
// written: a [kv.Txn] or a [kv.IndexedBatch] does. The secret is that of all
// fingerprints in the tree.
func NewTree(r kv.Reader, keyspace uint64, c *Cache, secret Secret) *Tree {
	return &Tree{pages{r: r, space: keyspace, cache: c}, summer{secret: secret}}
}

// Get returns the value of a key at a root.
func (t *Tree) Get(root Root, key []byte) (value []byte, ok bool, err error) {
	e, ok, err := t.find(root, key)
	if err != nil || !ok {
		return nil, false, err
	}
	value, err = t.value(&e)
	return value, err == nil, err
}

// Has reports whether a key is there at a root.
func (t *Tree) Has(root Root, key []byte) (bool, error) {
	_, ok, err := t.find(root, key)
	return ok, err
}

// Stamp returns the commit that last wrote the entry of a key.
func (t *Tree) Stamp(root Root, key []byte) (CommitID, bool, error) {
	e, ok, err := t.find(root, key)
	return e.stamp, ok, err
}

func (t *Tree) find(root Root, key []byte) (e entry, ok bool, err error) {
	if root.empty() {
		return e, false, nil
	}
	n, err := t.node(root.Node, root.Height)
	for err == nil && !n.leaf() {
		n, err = t.below(n, n.child(key))
	}
	if err != nil {
		return e, false, err
	}
	i, ok := n.search(key)
	if ok {
		e = n.entry(i)
	}
	return e, ok, nil
}

// below returns child i of an inner node. That it begins with the key that its
// parent knows is checked, so that a misplaced node is never a wrong answer.
func (t *Tree) below(n *node, i int) (*node, error) {
	k := n.kid(i)
	c, err := t.node(k.id, n.height-1)
	if err == nil && !bytes.Equal(c.key(0), k.min) {
		err = t.damaged(k.id, fmt.Sprintf("it begins with %q, its parent says %q", c.key(0), k.min))
	}
	return c, err
}

// Rank returns how many keys at a root are below key.
func (t *Tree) Rank(root Root, key []byte) (rank uint64, err error) {
	if root.empty() {
		return 0, nil
	}
	n, err := t.node(root.Node, root.Height)
	for err == nil && !n.leaf() {
		child := n.child(key)
		for i := range child {
			rank += n.kid(i).count
		}
		n, err = t.below(n, child)
	}
	if err != nil {
		return 0, err
	}
	i, _ := n.search(key)
	return rank + uint64(i), nil
}

// Select returns the entry with the given rank: the first has 0. ok is false if
// there are not so many.
func (t *Tree) Select(root Root, rank uint64) (key, value []byte, ok bool, err error) {
	if rank >= root.Count {
		return nil, nil, false, nil
	}
	n, err := t.node(root.Node, root.Height)
	for err == nil && !n.leaf() {
		i := 0
		for ; i < n.len()-1 && rank >= n.kid(i).count; i++ {
			rank -= n.kid(i).count
		}
		n, err = t.below(n, i)
	}
	if err == nil && rank >= uint64(n.len()) {
		err = t.damaged(n.id, fmt.Sprintf("it has %d entries, fewer than its parents say", n.len()))
	}
	if err != nil {
		return nil, nil, false, err
	}
	e := n.entry(int(rank))
	value, err = t.value(&e)
	return e.key, value, err == nil, err
}
