package version

import "github.com/varvedb/varve/kv"

// ahead reads the leaves that a change will come to, in a goroutine of its own:
// they lie apart from each other, so that reading them takes longer than what is
// done with them. What it could not read the change reads itself, and meets the
// error if there is one.
type ahead struct {
	leaves chan []*node // in the order of the edits, some at a time; closed at the end
	some   []*node      // of these, what was not taken yet
	stop   chan struct{}
}

const (
	// minAhead is how many edits a change has at least that reads ahead.
	minAhead = 32
	// aheadLeaves is how many leaves are handed over at a time.
	aheadLeaves = 8
)

// layered is a reader with writes of its own on top of another, which may be used
// concurrently: a transaction or a batch.
type layered interface{ Under() kv.Reader }

// readAhead begins to read the leaves that edits lie in. The result is nil if that
// is of no use.
func (t *Tree) readAhead(root Root, edits []Edit, keep bool) *ahead {
	l, ok := t.r.(layered)
	if !ok || root.Height == 0 || len(edits) < minAhead {
		return nil
	}
	a := &ahead{leaves: make(chan []*node, 4), stop: make(chan struct{})}
	p := &pages{r: l.Under(), space: t.space, cache: t.cache}
	go func() {
		defer close(a.leaves)
		var some []*node
		a.walk(p, root.Node, root.Height, edits, func(id NodeID) bool {
			n, err := p.fetch(id, 0, keep)
			if err != nil {
				return false
			}
			if some = append(some, n); len(some) < aheadLeaves {
				return true
			}
			full := some
			some = make([]*node, 0, aheadLeaves)
			return a.hand(full)
		})
		a.hand(some)
	}()
	return a
}

// walk visits the leaves below an inner node that edits lie in, until visit returns
// false or a node cannot be read.
func (a *ahead) walk(p *pages, id NodeID, height uint8, edits []Edit, visit func(NodeID) bool) bool {
	if height == 0 {
		return visit(id)
	}
	n, err := p.node(id, height)
	if err != nil {
		return false
	}
	for len(edits) > 0 {
		var mine []Edit
		i := n.child(edits[0].Key)
		if mine, edits = n.share(i, edits); !a.walk(p, n.kid(i).id, height-1, mine, visit) {
			return false
		}
	}
	return true
}

// hand gives leaves to the change. It reports false if nobody waits for more.
func (a *ahead) hand(leaves []*node) bool {
	select {
	case a.leaves <- leaves:
		return true
	case <-a.stop:
		return false
	}
}

// take returns the next leaf if that is the one with the given id; nil if not.
func (a *ahead) take(id NodeID) *node {
	if a == nil {
		return nil
	}
	if len(a.some) == 0 {
		a.some = <-a.leaves
	}
	if len(a.some) == 0 || a.some[0].id != id {
		return nil
	}
	n := a.some[0]
	a.some = a.some[1:]
	return n
}

// close ends the reading and waits for that.
func (a *ahead) close() {
	if a == nil {
		return
	}
	close(a.stop)
	for range a.leaves {
	}
}
