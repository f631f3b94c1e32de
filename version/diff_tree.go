package version

import "bytes"

// delta is a key whose entry differs between two trees. An entry that is not
// there has no key.
type delta struct {
	key      []byte
	old, new entry
}

// treeDiff walks over the differences of two trees in the order of keys. What
// both share is passed over by its node, so the cost is that of the differences
// and their paths, not of the trees.
type treeDiff struct {
	t    *Tree
	a, b side
	// lost, if set, is told of the nodes that are in a's tree and not in b's.
	lost  func(NodeID)
	rootB Root
}

// diff starts a walk over the differences from a to b.
func (t *Tree) diff(a, b Root) (*treeDiff, error) {
	d := &treeDiff{t: t, rootB: b}
	if a.Node == b.Node {
		return d, nil
	}
	return d, t.startSides(d, a, b)
}

func (t *Tree) startSides(d *treeDiff, a, b Root) error {
	if err := d.a.push(t, a.Node, a.Height); err != nil {
		return err
	}
	return d.b.push(t, b.Node, b.Height)
}

// unshared calls lost for each node that is in the tree at a and not in that at
// b.
func (t *Tree) unshared(a, b Root, lost func(NodeID)) error {
	if a.Node == b.Node || a.empty() {
		return nil
	}
	d := &treeDiff{t: t, rootB: b, lost: lost}
	if err := t.startSides(d, a, b); err != nil {
		return err
	}
	if err := d.note(a.Node, a.Height, d.a.key()); err != nil {
		return err
	}
	for {
		if _, ok, err := d.next(); err != nil || !ok {
			return err
		}
	}
}

// next returns the next difference; ok is false after the last.
func (d *treeDiff) next() (x delta, ok bool, err error) {
	for {
		for d.skip() {
		}
		switch order, end := d.compare(); {
		case end:
			return x, false, nil
		case order < 0 && d.a.height() == 0, order == 0 && d.a.height()+d.b.height() == 0, order > 0 && d.b.height() == 0:
			if x, ok = d.take(order); ok {
				return x, true, nil
			}
		default:
			if err := d.open(order); err != nil {
				return x, false, err
			}
		}
	}
}

// skip passes over entries or children that are the same in the nodes that both
// sides are in. It reports whether it has reached the end of a node.
func (d *treeDiff) skip() (ended bool) {
	if d.a.done() || d.b.done() {
		return false
	}
	a, b := d.a.top(), d.b.top()
	if a.n.height != b.n.height {
		return false
	}
	for ; a.i < a.n.len() && b.i < b.n.len(); a.i, b.i = a.i+1, b.i+1 {
		if !bytes.Equal(a.n.encoded(a.i), b.n.encoded(b.i)) {
			return false
		}
	}
	d.a.leave()
	d.b.leave()
	return true
}

// compare returns which side begins first: -1 is a, 1 is b, 0 both.
func (d *treeDiff) compare() (order int, end bool) {
	switch {
	case d.a.done() && d.b.done():
		return 0, true
	case d.a.done():
		return 1, false
	case d.b.done():
		return -1, false
	}
	return bytes.Compare(d.a.key(), d.b.key()), false
}

// take returns the entries that both sides are at, if they differ, and moves
// on.
func (d *treeDiff) take(order int) (x delta, differ bool) {
	if order <= 0 {
		x.old, x.key = d.a.entry(), d.a.key()
		d.a.advance()
	}
	if order >= 0 {
		x.new, x.key = d.b.entry(), d.b.key()
		d.b.advance()
	}
	if d.lost != nil && x.old.big != (NodeID{}) && x.old.big != x.new.big {
		d.lost(x.old.big)
	}
	return x, order != 0 || !sameValue(&x.old, &x.new)
}

// open passes over subtrees that hold the same, or goes below the one that
// begins first; of two that begin together, below the higher one.
func (d *treeDiff) open(order int) error {
	if order == 0 && d.a.height() > 0 && d.b.height() > 0 {
		a, b := d.a.kid(), d.b.kid()
		shared := a.id == b.id && d.a.height() == d.b.height()
		if shared || d.lost == nil && a.count == b.count && a.sum == b.sum {
			d.a.advance()
			d.b.advance()
			return nil
		}
	}
	downA := order < 0 || order == 0 && d.a.height() >= d.b.height()
	downB := order > 0 || order == 0 && d.b.height() >= d.a.height()
	if downA {
		k, height := d.a.kid(), d.a.height()-1
		if d.lost != nil && downB {
			d.lost(k.id) // b has another one in its place
		} else if err := d.note(k.id, uint8(height), k.min); err != nil {
			return err
		}
		if err := d.a.down(d.t); err != nil {
			return err
		}
	}
	if downB {
		return d.b.down(d.t)
	}
	return nil
}

// note tells of a node of a's tree that is not in b's. The walk may go below a
// node although both have it, where the trees are shifted against each other;
// so b is asked.
func (d *treeDiff) note(id NodeID, height uint8, min []byte) error {
	if d.lost == nil {
		return nil
	}
	shared, err := d.t.holds(d.rootB, id, height, min)
	if err == nil && !shared {
		d.lost(id)
	}
	return err
}

// holds reports whether a node whose smallest key is min is in a tree. If it is,
// it is on the path to that key.
func (t *Tree) holds(root Root, id NodeID, height uint8, min []byte) (bool, error) {
	if root.empty() || root.Height < height {
		return false, nil
	}
	at, h := root.Node, root.Height
	for h > height {
		n, err := t.node(at, h)
		if err != nil {
			return false, err
		}
		at, h = n.kid(n.child(min)).id, h-1
	}
	return at == id, nil
}

func sameValue(a, b *entry) bool {
	if a.big != (NodeID{}) && b.big != (NodeID{}) {
		return a.size == b.size && a.sum == b.sum
	}
	return a.big == b.big && bytes.Equal(a.value, b.value)
}

// side is one tree of a walk over two. Its path holds, for each node that was
// gone below, the entry or child that comes next there; nodes with none left
// are not in it.
type side struct{ path []step }

func (s *side) done() bool { return len(s.path) == 0 }
func (s *side) top() *step { return &s.path[len(s.path)-1] }

// height is 0 at an entry, and that of the child plus one at a child.
func (s *side) height() int { return int(s.top().n.height) }

func (s *side) key() []byte  { return s.top().n.key(s.top().i) }
func (s *side) kid() kid     { return s.top().n.kid(s.top().i) }
func (s *side) entry() entry { return s.top().n.entry(s.top().i) }

// advance moves past the entry or child.
func (s *side) advance() {
	s.top().i++
	s.leave()
}

// leave leaves the node if nothing is left in it.
func (s *side) leave() {
	if top := s.top(); top.i == top.n.len() {
		s.path = s.path[:len(s.path)-1]
	}
}

// down moves to the first entry or child below the child.
func (s *side) down(t *Tree) error {
	n, err := t.below(s.top().n, s.top().i)
	if err != nil {
		return err
	}
	s.advance()
	s.path = append(s.path, step{n: n})
	return nil
}

// push begins at a root.
func (s *side) push(t *Tree, id NodeID, height uint8) error {
	if id == (NodeID{}) {
		return nil
	}
	n, err := t.node(id, height)
	if err == nil {
		s.path = append(s.path, step{n: n})
	}
	return err
}
