package version

import (
	"bytes"
	"fmt"
)

// Check reads all of the tree at a root and says what is wrong with it: order,
// heights, counts, fingerprints. visit, if not nil, is called for each node,
// large values included; if it returns false, what is below was checked before.
func (t *Tree) Check(root Root, visit func(NodeID) bool) error {
	if root.empty() {
		return nil
	}
	if visit == nil {
		visit = func(NodeID) bool { return true }
	}
	return t.checkNode(kid{id: root.Node, count: root.Count, sum: root.Sum}, root.Height, nil, visit)
}

// checkNode checks what is below a child, whose keys must be below upper; nil
// is no bound.
func (t *Tree) checkNode(k kid, height uint8, upper []byte, visit func(NodeID) bool) error {
	if !visit(k.id) {
		return nil
	}
	n, err := t.node(k.id, height)
	if err != nil {
		return err
	}
	if upper != nil && bytes.Compare(n.key(n.len()-1), upper) >= 0 {
		return t.damaged(k.id, "it reaches into its neighbour's keys")
	}
	count, sum := uint64(0), Sum{}
	for i := range n.len() {
		if n.leaf() {
			s, err := t.checkEntry(n.entry(i), visit)
			if err != nil {
				return err
			}
			count, sum = count+1, sum.Add(s)
			continue
		}
		if err := t.checkKid(n, i, upper, visit); err != nil {
			return err
		}
		count, sum = count+n.kid(i).count, sum.Add(n.kid(i).sum)
	}
	if count != k.count || sum != k.sum {
		return t.damaged(k.id, fmt.Sprintf("%d entries with fingerprint %x below it, %d with %x expected", count, sum, k.count, k.sum))
	}
	return nil
}

func (t *Tree) checkKid(n *node, i int, upper []byte, visit func(NodeID) bool) error {
	if _, err := t.below(n, i); err != nil {
		return err
	}
	if i+1 < n.len() {
		upper = n.key(i + 1)
	}
	return t.checkNode(n.kid(i), n.height-1, upper, visit)
}

func (t *Tree) checkEntry(e entry, visit func(NodeID) bool) (Sum, error) {
	if e.big != (NodeID{}) && !visit(e.big) {
		return e.sum, nil
	}
	v, err := t.value(&e)
	if err != nil {
		return Sum{}, err
	}
	sum := t.sums.entry(e.key, v)
	if e.big != (NodeID{}) && sum != e.sum {
		return sum, t.damaged(e.big, "it does not have the fingerprint that its entry says")
	}
	return sum, nil
}
