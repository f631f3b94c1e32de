package version

// TreeCursor walks over the entries of a tree at one root, in both directions.
// A new one is unpositioned. A move reports whether it arrived at an entry;
// moved past either end, or after an error, the cursor is unpositioned and
// Next and Prev report false. It belongs to one goroutine and needs no Close.
type TreeCursor struct {
	t    *Tree
	root Root
	path []step // from the root to a leaf; empty if unpositioned
	at   entry
	err  error
}

// step is a node on the way to an entry, and which of its entries is taken.
type step struct {
	n *node
	i int
}

// Cursor returns a cursor over the entries at a root.
func (t *Tree) Cursor(root Root) *TreeCursor { return &TreeCursor{t: t, root: root} }

// Key returns the key of the entry; nil if there is none.
func (c *TreeCursor) Key() []byte {
	if !c.Valid() {
		return nil
	}
	return c.at.key
}

// Stamp returns the commit that last wrote the entry.
func (c *TreeCursor) Stamp() CommitID { return c.at.stamp }

// Value returns the value of the entry. Large values are read now.
func (c *TreeCursor) Value() ([]byte, error) { return c.t.value(&c.at) }

// Valid reports whether the cursor is at an entry.
func (c *TreeCursor) Valid() bool { return len(c.path) > 0 }

// Err returns the first error met.
func (c *TreeCursor) Err() error { return c.err }

// First moves to the smallest key.
func (c *TreeCursor) First() bool { return c.down(func(*node) int { return 0 }) }

// Last moves to the greatest key.
func (c *TreeCursor) Last() bool { return c.down(func(n *node) int { return n.len() - 1 }) }

// SeekGE moves to the first key that is not below key.
func (c *TreeCursor) SeekGE(key []byte) bool {
	exact := false
	ok := c.down(func(n *node) int {
		if !n.leaf() {
			return n.child(key)
		}
		i, _ := n.search(key)
		exact = i < n.len()
		return min(i, n.len()-1)
	})
	return ok && (exact || c.Next())
}

// SeekLT moves to the last key below key.
func (c *TreeCursor) SeekLT(key []byte) bool {
	if !c.SeekGE(key) {
		return c.err == nil && c.Last()
	}
	return c.Prev()
}

// SeekLE moves to the last key that is not above key.
func (c *TreeCursor) SeekLE(key []byte) bool {
	if c.SeekGE(key) && string(c.at.key) == string(key) {
		return true
	}
	if !c.Valid() {
		return c.err == nil && c.Last()
	}
	return c.Prev()
}

// Next moves to the next greater key.
func (c *TreeCursor) Next() bool { return c.move(1) }

// Prev moves to the next smaller key.
func (c *TreeCursor) Prev() bool { return c.move(-1) }

// down makes a path from the root, taking in each node the entry that choose
// says.
func (c *TreeCursor) down(choose func(*node) int) bool {
	c.path = c.path[:0]
	if c.err != nil || c.root.empty() {
		return false
	}
	n, err := c.t.node(c.root.Node, c.root.Height)
	return c.descend(n, err, choose)
}

// descend adds n, and what choose takes below it, to the path.
func (c *TreeCursor) descend(n *node, err error, choose func(*node) int) bool {
	for ; err == nil; n, err = c.t.below(n, c.path[len(c.path)-1].i) {
		c.path = append(c.path, step{n, choose(n)})
		if n.leaf() {
			c.at = n.entry(c.path[len(c.path)-1].i)
			return true
		}
	}
	return c.fail(err)
}

func (c *TreeCursor) move(by int) bool {
	for len(c.path) > 0 {
		s := &c.path[len(c.path)-1]
		if i := s.i + by; i >= 0 && i < s.n.len() {
			s.i = i
			if s.n.leaf() {
				c.at = s.n.entry(i)
				return true
			}
			n, err := c.t.below(s.n, i)
			return c.descend(n, err, func(n *node) int {
				if by > 0 {
					return 0
				}
				return n.len() - 1
			})
		}
		c.path = c.path[:len(c.path)-1]
	}
	return false
}

func (c *TreeCursor) fail(err error) bool {
	c.err = err
	c.path = c.path[:0]
	return false
}
