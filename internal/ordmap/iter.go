package ordmap

// Iter walks the entries of a map in order, in both directions. It is valid
// while the map is not changed; walk a clone to be independent of changes. The
// zero value is not usable; see Map.Iter.
type Iter[V any] struct {
	root  *node[V]
	path  []step[V] // from the root to a leaf; empty if unpositioned
	stack [8]step[V]
}

// step is a node and the index of the child, or entry, that the walk is at.
type step[V any] struct {
	n *node[V]
	i int
}

// Iter returns an unpositioned iterator over m.
func (m *Map[V]) Iter() *Iter[V] {
	return &Iter[V]{root: m.root}
}

// Valid reports whether the iterator is at an entry.
func (it *Iter[V]) Valid() bool { return len(it.path) > 0 }

// Key returns the key of the entry; it must not be changed.
func (it *Iter[V]) Key() []byte {
	s := it.path[len(it.path)-1]
	return s.n.keys[s.i]
}

// Value returns the value of the entry.
func (it *Iter[V]) Value() V {
	s := it.path[len(it.path)-1]
	return s.n.vals[s.i]
}

// First moves to the first entry and reports whether there is one.
func (it *Iter[V]) First() bool {
	it.reset()
	return it.root != nil && it.descend(it.root, false)
}

// Last moves to the last entry and reports whether there is one.
func (it *Iter[V]) Last() bool {
	it.reset()
	return it.root != nil && it.descend(it.root, true)
}

// SeekGE moves to the first entry whose key is not below key.
func (it *Iter[V]) SeekGE(key []byte) bool {
	if !it.seek(key) {
		return false
	}
	if leaf := &it.path[len(it.path)-1]; leaf.i == len(leaf.n.keys) {
		leaf.i--
		return it.Next()
	}
	return true
}

// SeekLT moves to the last entry whose key is below key.
func (it *Iter[V]) SeekLT(key []byte) bool {
	return it.seek(key) && it.Prev()
}

// Next moves to the following entry.
func (it *Iter[V]) Next() bool {
	for d := len(it.path) - 1; d >= 0; d-- {
		s := &it.path[d]
		if s.i+1 < s.n.weight() {
			s.i++
			it.path = it.path[:d+1]
			return s.n.kids == nil || it.descend(s.n.kids[s.i], false)
		}
	}
	it.reset()
	return false
}

// Prev moves to the preceding entry.
func (it *Iter[V]) Prev() bool {
	for d := len(it.path) - 1; d >= 0; d-- {
		s := &it.path[d]
		if s.i > 0 {
			s.i--
			it.path = it.path[:d+1]
			return s.n.kids == nil || it.descend(s.n.kids[s.i], true)
		}
	}
	it.reset()
	return false
}

func (it *Iter[V]) reset() { it.path = it.stack[:0] }

// descend walks from n to its first or last entry. A leaf is empty only if it
// is the root.
func (it *Iter[V]) descend(n *node[V], last bool) bool {
	for {
		i := 0
		if last {
			i = n.weight() - 1
		}
		if n.weight() == 0 {
			it.reset()
			return false
		}
		it.path = append(it.path, step[V]{n, i})
		if n.kids == nil {
			return true
		}
		n = n.kids[i]
	}
}

// seek puts the path at the place of key, which may be one past the end of a
// leaf. It reports false if the map is empty.
func (it *Iter[V]) seek(key []byte) bool {
	it.reset()
	n := it.root
	if n == nil || n.weight() == 0 {
		return false
	}
	for n.kids != nil {
		i := n.child(key)
		it.path = append(it.path, step[V]{n, i})
		n = n.kids[i]
	}
	i, _ := n.find(key)
	it.path = append(it.path, step[V]{n, i})
	return true
}
