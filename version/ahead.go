package version

import (
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// ahead reads the leaves that a change will come to, in a task of its own: they
// lie apart from each other, so that reading them takes longer than what is done
// with them. What it could not read the change reads itself, and meets the error
// if there is one.
type ahead struct {
	mu     vfs.Mutex // guards what follows
	moved  vfs.Cond  // something was put into leaves, or taken out, or is over
	leaves []*node   // in the order of the edits
	ended  bool      // nothing comes any more
	closed bool      // nothing is wanted any more

	some []*node // of the change: what it took and has not come to
}

const (
	// minAhead is how many edits a change has at least that reads ahead.
	minAhead = 32
	// handAhead is how many leaves are handed over at a time.
	handAhead = 8
	// maxAhead is how many leaves may be waiting.
	maxAhead = 64
)

// layered is a transaction: a reader with writes of its own on top of a state that
// may be read concurrently.
type layered interface {
	Under() kv.Reader
	Executor() vfs.Executor // nil if there is none
}

// readAhead begins to read the leaves that edits lie in. The result is nil if that
// is of no use.
func (t *Tree) readAhead(root Root, edits []Edit, keep bool) *ahead {
	l, ok := t.r.(layered)
	if !ok || root.Height == 0 || len(edits) < minAhead {
		return nil
	}
	exec := l.Executor()
	if exec == nil {
		return nil
	}
	a := &ahead{mu: exec.NewMutex()}
	a.moved = exec.NewCond(a.mu)
	p := &pages{r: l.Under(), space: t.space, cache: t.cache}
	exec.Go("read leaves ahead", func() { a.run(p, root, edits, keep) })
	return a
}

func (a *ahead) run(p *pages, root Root, edits []Edit, keep bool) {
	var some []*node
	a.walk(p, root.Node, root.Height, edits, func(id NodeID) bool {
		n, err := p.fetch(id, 0, keep)
		if err != nil {
			return false
		}
		if some = append(some, n); len(some) < handAhead {
			return true
		}
		wanted := a.hand(some)
		some = some[:0]
		return wanted
	})
	a.hand(some)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	a.moved.Broadcast()
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

// hand gives leaves to the change. It reports false if no more are wanted.
func (a *ahead) hand(leaves []*node) (wanted bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.leaves) >= maxAhead && !a.closed {
		a.moved.Wait()
	}
	a.leaves = append(a.leaves, leaves...)
	a.moved.Broadcast()
	return !a.closed
}

// take returns the next leaf if that is the one with the given id; nil if not.
func (a *ahead) take(id NodeID) *node {
	if a == nil {
		return nil
	}
	if len(a.some) == 0 {
		a.more()
	}
	if len(a.some) == 0 || a.some[0].id != id {
		return nil
	}
	n := a.some[0]
	a.some = a.some[1:]
	return n
}

// more waits for leaves and takes all that are there; none at the end.
func (a *ahead) more() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.leaves) == 0 && !a.ended {
		a.moved.Wait()
	}
	a.some, a.leaves = a.leaves, nil
	a.moved.Broadcast()
}

// close ends the reading and waits for that.
func (a *ahead) close() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.moved.Broadcast()
	for !a.ended {
		a.moved.Wait()
	}
}
