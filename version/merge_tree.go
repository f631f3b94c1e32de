package version

import "bytes"

// clash is a key that two states have changed from their base in different
// ways. An entry that is not there has no key.
type clash struct {
	key                  []byte
	base, source, target entry
}

// verdict says what becomes of a clash.
type verdict uint8

const (
	takeSource verdict = iota
	takeTarget
	takeValue  // a new value
	takeNone   // the key goes
	unresolved // nothing is done
)

// threeWay brings the changes from base to source to a target that also has
// changes. The cost is that of the changes, not of the trees.
type threeWay struct {
	t              *Tree
	bases          []Root // several, if the histories cross; none is the empty tree
	source, target Root
	// settle decides a clash, and gives the value if it takes a new one.
	settle func(*clash) (v verdict, value []byte, err error)
	// keepStamps lets entries that are taken from source keep the commit that
	// wrote them.
	keepStamps bool

	edits   []Edit // of the target, in order
	clashes int
	removed [][]byte // keys that settle decided to remove
}

// run walks over the changes of both sides in step.
//
// With several bases the first one counts, but for keys that the bases do not
// agree on: these have no base, and if the two sides differ in such a key it is
// a clash. So a decision that both histories have made before is not made again
// in favour of one of them in silence.
func (m *threeWay) run() error {
	base := Root{}
	if len(m.bases) > 0 {
		base = m.bases[0]
	}
	others := []Root{m.source, m.target}
	if len(m.bases) > 1 {
		others = append(others, m.bases[1:]...)
	}
	w := &deltas{}
	for _, root := range others {
		if err := w.add(m.t, base, root); err != nil {
			return err
		}
	}
	for {
		key := w.next()
		if key == nil {
			return nil
		}
		if err := m.visit(w, key); err != nil {
			return err
		}
		if err := w.pass(key); err != nil {
			return err
		}
	}
}

// visit decides about one key.
func (m *threeWay) visit(w *deltas, key []byte) error {
	ambiguous := w.anyAt(2, key)
	c := clash{key: key, base: w.base(key)}
	c.source, c.target = w.at(0, key, c.base), w.at(1, key, c.base)
	inSource, inTarget := w.has(0, key), w.has(1, key)
	switch {
	case sameEntry(&c.source, &c.target):
		return nil
	case ambiguous, inSource && inTarget:
		return m.decide(&c)
	case inSource:
		return m.take(&c.source, key)
	}
	return nil
}

func (m *threeWay) decide(c *clash) error {
	m.clashes++
	v, value, err := m.settle(c)
	if err != nil {
		return err
	}
	switch v {
	case takeSource:
		return m.take(&c.source, c.key)
	case takeNone:
		if c.target.key != nil {
			m.removed = append(m.removed, c.key)
			m.edits = append(m.edits, Edit{Key: c.key, Delete: true})
		}
	case takeValue:
		if same, err := m.t.hasValue(&c.target, value); same || err != nil {
			return err
		}
		m.edits = append(m.edits, Edit{Key: c.key, Value: value})
	}
	return nil
}

// take makes the key what it is in e.
func (m *threeWay) take(e *entry, key []byte) error {
	if e.key == nil {
		m.edits = append(m.edits, Edit{Key: key, Delete: true})
		return nil
	}
	v, err := m.t.value(e)
	edit := Edit{Key: key, Value: v}
	if m.keepStamps {
		edit.Stamp = e.stamp
	}
	m.edits = append(m.edits, edit)
	return err
}

func sameEntry(a, b *entry) bool {
	if a.key == nil || b.key == nil {
		return (a.key == nil) == (b.key == nil)
	}
	return sameValue(a, b)
}

// deltas are walks over the differences of one base to several trees, in step.
type deltas struct {
	walks []*treeDiff
	heads []delta
	there []bool
}

func (w *deltas) add(t *Tree, base, to Root) error {
	d, err := t.diff(base, to)
	if err != nil {
		return err
	}
	w.walks, w.heads, w.there = append(w.walks, d), append(w.heads, delta{}), append(w.there, false)
	return w.step(len(w.walks) - 1)
}

func (w *deltas) step(i int) (err error) {
	w.heads[i], w.there[i], err = w.walks[i].next()
	return err
}

// next returns the lowest key at which there is a difference; nil at the end.
func (w *deltas) next() (key []byte) {
	for i := range w.heads {
		if w.there[i] && (key == nil || bytes.Compare(w.heads[i].key, key) < 0) {
			key = w.heads[i].key
		}
	}
	return key
}

// pass moves the walks that are at key on.
func (w *deltas) pass(key []byte) error {
	for i := range w.heads {
		if w.has(i, key) {
			if err := w.step(i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *deltas) has(i int, key []byte) bool {
	return w.there[i] && bytes.Equal(w.heads[i].key, key)
}

func (w *deltas) anyAt(from int, key []byte) bool {
	for i := from; i < len(w.heads); i++ {
		if w.has(i, key) {
			return true
		}
	}
	return false
}

// base returns the entry of a key in the base, where a walk is at the key.
func (w *deltas) base(key []byte) (e entry) {
	for i := range w.heads {
		if w.has(i, key) {
			return w.heads[i].old
		}
	}
	return e
}

// at returns the entry of a key in tree i.
func (w *deltas) at(i int, key []byte, base entry) entry {
	if w.has(i, key) {
		return w.heads[i].new
	}
	return base
}
