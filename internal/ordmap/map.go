// Package ordmap is an ordered map from byte strings to values, held in memory
// as a copy-on-write B+ tree: a clone costs O(1) and shares everything that
// neither side changes after.
package ordmap

import (
	"bytes"
	"sort"
)

// fanout is the most entries a leaf, or children an inner node, holds.
const fanout = 32

// Map is an ordered map from byte strings to V. The zero value is empty and
// ready to use. A Map is not safe for concurrent use while it is changed; a
// clone that nobody changes may be read by many.
//
// Keys are kept as given: the caller must not change them after.
type Map[V any] struct {
	root *node[V]
	own  *owner // nodes with this owner are reachable from this map alone
	size int
}

// owner is a token; its identity is all it has. It is not empty because
// pointers to empty values may be equal.
type owner struct{ _ byte }

// node is a leaf (kids is nil, vals beside keys) or an inner node (kids[i] holds
// the keys k with keys[i-1] <= k < keys[i]).
type node[V any] struct {
	own  *owner
	keys [][]byte
	vals []V
	kids []*node[V]
}

// Len returns the number of entries.
func (m *Map[V]) Len() int { return m.size }

// Clone returns a map with the same entries. Changing one does not change the
// other; what they share is copied when it is changed.
func (m *Map[V]) Clone() Map[V] {
	m.own = nil
	return Map[V]{root: m.root, size: m.size}
}

// Get returns the value of key.
func (m *Map[V]) Get(key []byte) (v V, ok bool) {
	n := m.root
	if n == nil {
		return v, false
	}
	for n.kids != nil {
		n = n.kids[n.child(key)]
	}
	if i, found := n.find(key); found {
		return n.vals[i], true
	}
	return v, false
}

// Set stores v under key and reports the value it replaced.
func (m *Map[V]) Set(key []byte, v V) (old V, replaced bool) {
	if m.own == nil {
		m.own = new(owner)
	}
	if m.root == nil {
		m.root = &node[V]{own: m.own}
	}
	m.root = m.root.mutable(m.own)
	old, replaced = m.root.set(m.own, key, v)
	if !replaced {
		m.size++
	}
	if m.root.full() {
		right, sep := m.root.split(m.own)
		m.root = &node[V]{own: m.own, keys: [][]byte{sep}, kids: []*node[V]{m.root, right}}
	}
	return old, replaced
}

// Delete removes key and reports the value that it had.
func (m *Map[V]) Delete(key []byte) (old V, deleted bool) {
	if old, deleted = m.Get(key); !deleted {
		return old, false
	}
	if m.own == nil {
		m.own = new(owner)
	}
	m.root = m.root.mutable(m.own)
	m.root.remove(m.own, key)
	m.size--
	for len(m.root.kids) == 1 {
		m.root = m.root.kids[0]
	}
	return old, true
}

// child returns the index of the child that holds key.
func (n *node[V]) child(key []byte) int {
	return sort.Search(len(n.keys), func(i int) bool { return bytes.Compare(n.keys[i], key) > 0 })
}

// find returns the index of the first key of a leaf that is not below key.
func (n *node[V]) find(key []byte) (i int, found bool) {
	i = sort.Search(len(n.keys), func(i int) bool { return bytes.Compare(n.keys[i], key) >= 0 })
	return i, i < len(n.keys) && bytes.Equal(n.keys[i], key)
}

func (n *node[V]) full() bool {
	if n.kids != nil {
		return len(n.kids) > fanout
	}
	return len(n.keys) > fanout
}

// weight is the number of entries or children.
func (n *node[V]) weight() int {
	if n.kids != nil {
		return len(n.kids)
	}
	return len(n.keys)
}

// mutable returns n if own owns it, else a copy that it does.
func (n *node[V]) mutable(own *owner) *node[V] {
	if n.own == own {
		return n
	}
	c := &node[V]{own: own, keys: grown(n.keys)}
	if n.kids != nil {
		c.kids = grown(n.kids)
	} else {
		c.vals = grown(n.vals)
	}
	return c
}

func grown[T any](s []T) []T {
	return append(make([]T, 0, len(s)+2), s...)
}

func (n *node[V]) set(own *owner, key []byte, v V) (old V, replaced bool) {
	if n.kids == nil {
		return n.setLeaf(key, v)
	}
	i := n.child(key)
	kid := n.kids[i].mutable(own)
	n.kids[i] = kid
	old, replaced = kid.set(own, key, v)
	if kid.full() {
		right, sep := kid.split(own)
		n.keys = insertAt(n.keys, i, sep)
		n.kids = insertAt(n.kids, i+1, right)
	}
	return old, replaced
}

func (n *node[V]) setLeaf(key []byte, v V) (old V, replaced bool) {
	i, found := n.find(key)
	if found {
		old, n.vals[i] = n.vals[i], v
		return old, true
	}
	n.keys = insertAt(n.keys, i, key)
	n.vals = insertAt(n.vals, i, v)
	return old, false
}

// split moves the upper half of n into a new node and returns it with the key
// that separates the two.
func (n *node[V]) split(own *owner) (right *node[V], sep []byte) {
	right = &node[V]{own: own}
	if n.kids == nil {
		at := len(n.keys) / 2
		right.keys, n.keys = cut(n.keys, at)
		right.vals, n.vals = cut(n.vals, at)
		return right, right.keys[0]
	}
	at := len(n.kids) / 2
	sep = n.keys[at-1]
	right.keys, n.keys = cut(n.keys, at)
	n.keys = truncate(n.keys, at-1)
	right.kids, n.kids = cut(n.kids, at)
	return right, sep
}

func (n *node[V]) remove(own *owner, key []byte) {
	if n.kids == nil {
		if i, found := n.find(key); found {
			n.keys = removeAt(n.keys, i)
			n.vals = removeAt(n.vals, i)
		}
		return
	}
	i := n.child(key)
	kid := n.kids[i].mutable(own)
	n.kids[i] = kid
	kid.remove(own, key)
	if kid.weight() < fanout/3 {
		n.join(own, i)
	}
}

// join merges child i with a neighbour where both fit in one node.
func (n *node[V]) join(own *owner, i int) {
	if i > 0 && n.kids[i-1].weight()+n.kids[i].weight() <= fanout {
		i--
	} else if i+1 >= len(n.kids) || n.kids[i].weight()+n.kids[i+1].weight() > fanout {
		return
	}
	left, right := n.kids[i].mutable(own), n.kids[i+1]
	if left.kids != nil {
		left.keys = append(left.keys, n.keys[i])
		left.kids = append(left.kids, right.kids...)
	} else {
		left.vals = append(left.vals, right.vals...)
	}
	left.keys = append(left.keys, right.keys...)
	n.kids[i] = left
	n.kids = removeAt(n.kids, i+1)
	n.keys = removeAt(n.keys, i)
}

func insertAt[T any](s []T, i int, v T) []T {
	s = append(s, v)
	copy(s[i+1:], s[i:])
	s[i] = v
	return s
}

func removeAt[T any](s []T, i int) []T {
	copy(s[i:], s[i+1:])
	return truncate(s, len(s)-1)
}

// cut splits s into a copy of its upper part and its lower part.
func cut[T any](s []T, at int) (upper, lower []T) {
	return append(make([]T, 0, fanout+1), s[at:]...), truncate(s, at)
}

// truncate shortens s and forgets what it cuts off, for the collector.
func truncate[T any](s []T, n int) []T {
	clear(s[n:])
	return s[:n]
}
