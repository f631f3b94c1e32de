// Package index is the part of the tree above the leaves: an ordered map from the
// lower bounds of leaves to what leads to them, as a B+ tree whose nodes never
// change. A change returns another index, which shares all but one path; who holds
// the newest in an atomic pointer has a tree that is read without locks and changed
// by one compare-and-swap.
package index

import (
	"bytes"
	"slices"
)

// Index is an ordered map from keys to P. It does not change, and may be read
// concurrently. Keys are kept, and must not be changed by the caller.
type Index[P any] struct {
	root   *node[P]
	fanout int
	size   int
}

// node is a leaf (kids is nil, vals beside keys) or an inner node, where kids[i]
// has the keys from keys[i] on; keys[0] of an inner node counts as lowest.
type node[P any] struct {
	keys [][]byte
	vals []P
	kids []*node[P]
}

// New returns an index with one key. Fanout is how many children a node has at
// most, at least 2.
func New[P any](fanout int, key []byte, v P) *Index[P] {
	return &Index[P]{root: &node[P]{keys: [][]byte{key}, vals: []P{v}}, fanout: max(fanout, 2), size: 1}
}

// Build returns an index of at least one key, rising, with their values.
func Build[P any](fanout int, keys [][]byte, vals []P) *Index[P] {
	fanout = max(fanout, 2)
	var level []*node[P]
	for i := 0; i < len(keys); i += fanout {
		end := min(i+fanout, len(keys))
		level = append(level, &node[P]{keys: keys[i:end:end], vals: vals[i:end:end]})
	}
	for len(level) > 1 {
		var above []*node[P]
		for group := range slices.Chunk(level, fanout) {
			n := &node[P]{kids: slices.Clone(group)}
			for _, kid := range group {
				n.keys = append(n.keys, kid.keys[0])
			}
			above = append(above, n)
		}
		level = above
	}
	return &Index[P]{root: level[0], fanout: fanout, size: len(keys)}
}

// Len returns the number of keys.
func (x *Index[P]) Len() int { return x.size }

// at returns the last key that is not above key, by its place; -1 if all are.
func (n *node[P]) at(key []byte) int {
	lo, hi := 0, len(n.keys)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if bytes.Compare(n.keys[mid], key) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// Floor returns the last key that is not above key, and its value. The lowest key
// of an index must not be above key. It does not allocate.
func (x *Index[P]) Floor(key []byte) ([]byte, P) {
	n := x.root
	for n.kids != nil {
		n = n.kids[max(n.at(key), 0)]
	}
	i := max(n.at(key), 0)
	return n.keys[i], n.vals[i]
}

// Has reports whether key is in the index.
func (x *Index[P]) Has(key []byte) bool {
	found, _ := x.Floor(key)
	return bytes.Equal(found, key)
}

// Before returns the last key below key, and its value.
func (x *Index[P]) Before(key []byte) (low []byte, v P, ok bool) {
	var turn *node[P] // where the path could have gone further left
	n := x.root
	for n.kids != nil {
		i := max(n.before(key), 0)
		if i > 0 {
			turn = n.kids[i-1]
		}
		n = n.kids[i]
	}
	if i := n.before(key); i >= 0 {
		return n.keys[i], n.vals[i], true
	}
	if turn == nil {
		return nil, v, false
	}
	for turn.kids != nil {
		turn = turn.kids[len(turn.kids)-1]
	}
	last := len(turn.keys) - 1
	return turn.keys[last], turn.vals[last], true
}

// before returns the last key below key, by its place; -1 if there is none.
func (n *node[P]) before(key []byte) int {
	i := n.at(key)
	if i >= 0 && bytes.Equal(n.keys[i], key) {
		i--
	}
	return i
}

// All calls f for each key in order until it returns false.
func (x *Index[P]) All(f func(key []byte, v P) bool) { x.root.all(f) }

func (n *node[P]) all(f func(key []byte, v P) bool) bool {
	for i := range n.keys {
		if n.kids != nil && !n.kids[i].all(f) || n.kids == nil && !f(n.keys[i], n.vals[i]) {
			return false
		}
	}
	return true
}

// Insert returns an index with key, which is not in x.
func (x *Index[P]) Insert(key []byte, v P) *Index[P] {
	left, right := x.root.insert(key, v, x.fanout)
	next := &Index[P]{root: left, fanout: x.fanout, size: x.size + 1}
	if right != nil {
		next.root = &node[P]{keys: [][]byte{left.keys[0], right.keys[0]}, kids: []*node[P]{left, right}}
	}
	return next
}

func (n *node[P]) insert(key []byte, v P, fanout int) (left, right *node[P]) {
	i := n.at(key)
	c := &node[P]{}
	if n.kids == nil {
		c.keys, c.vals = insertAt(n.keys, i+1, key), insertAt(n.vals, i+1, v)
		return c.split(fanout)
	}
	i = max(i, 0)
	low, high := n.kids[i].insert(key, v, fanout)
	c.kids = slices.Clone(n.kids)
	c.kids[i] = low
	c.keys = slices.Clone(n.keys)
	c.keys[i] = low.keys[0]
	if high != nil {
		c.keys, c.kids = slices.Insert(c.keys, i+1, high.keys[0]), slices.Insert(c.kids, i+1, high)
	}
	return c.split(fanout)
}

// split cuts a new node in two if it is too large.
func (n *node[P]) split(fanout int) (left, right *node[P]) {
	if len(n.keys) <= fanout {
		return n, nil
	}
	at := len(n.keys) / 2
	left, right = &node[P]{keys: slices.Clone(n.keys[:at])}, &node[P]{keys: slices.Clone(n.keys[at:])}
	if n.kids == nil {
		left.vals, right.vals = slices.Clone(n.vals[:at]), slices.Clone(n.vals[at:])
	} else {
		left.kids, right.kids = slices.Clone(n.kids[:at]), slices.Clone(n.kids[at:])
	}
	return left, right
}

// Delete returns an index without key, which is in x and not the only one.
func (x *Index[P]) Delete(key []byte) *Index[P] {
	next := &Index[P]{root: x.root.remove(key, x.fanout), fanout: x.fanout, size: x.size - 1}
	for len(next.root.kids) == 1 {
		next.root = next.root.kids[0]
	}
	return next
}

// remove returns the node without key, nil if nothing is left.
func (n *node[P]) remove(key []byte, fanout int) *node[P] {
	i := max(n.at(key), 0)
	if len(n.keys) == 1 && n.kids == nil {
		return nil
	}
	c := &node[P]{keys: slices.Clone(n.keys)}
	if n.kids == nil {
		c.keys, c.vals = removeAt(c.keys, i), removeAt(slices.Clone(n.vals), i)
		return c
	}
	c.kids = slices.Clone(n.kids)
	kid := n.kids[i].remove(key, fanout)
	if kid == nil {
		c.keys, c.kids = removeAt(c.keys, i), removeAt(c.kids, i)
		if len(c.keys) == 0 {
			return nil
		}
		return c
	}
	c.kids[i], c.keys[i] = kid, kid.keys[0]
	c.join(i, fanout)
	return c
}

// join merges kid i with a neighbour where that leaves room.
func (n *node[P]) join(i, fanout int) {
	if i > 0 {
		i--
	}
	if i+1 >= len(n.kids) || 4*(len(n.kids[i].keys)+len(n.kids[i+1].keys)) > 3*fanout {
		return
	}
	left, right := n.kids[i], n.kids[i+1]
	n.kids[i] = &node[P]{keys: slices.Concat(left.keys, right.keys)}
	if left.kids == nil {
		n.kids[i].vals = slices.Concat(left.vals, right.vals)
	} else {
		n.kids[i].kids = slices.Concat(left.kids, right.kids)
	}
	n.keys, n.kids = removeAt(n.keys, i+1), removeAt(n.kids, i+1)
}

func insertAt[T any](s []T, i int, v T) []T {
	c := make([]T, 0, len(s)+1)
	return append(append(append(c, s[:i]...), v), s[i:]...)
}

func removeAt[T any](s []T, i int) []T { return slices.Delete(s, i, i+1) }

// Last returns the last key and its value.
func (x *Index[P]) Last() ([]byte, P) {
	n := x.root
	for n.kids != nil {
		n = n.kids[len(n.kids)-1]
	}
	return n.keys[len(n.keys)-1], n.vals[len(n.vals)-1]
}

// After returns the first key above key, and whether there is one.
func (x *Index[P]) After(key []byte) ([]byte, bool) {
	var turn []byte // the lowest key of what is right of the path
	n := x.root
	for {
		i := n.at(key)
		if n.kids != nil {
			i = max(i, 0)
		}
		if i+1 < len(n.keys) {
			turn = n.keys[i+1]
		}
		if n.kids == nil {
			return turn, turn != nil
		}
		n = n.kids[i]
	}
}
