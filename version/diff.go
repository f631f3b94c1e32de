package version

import (
	"iter"

	"github.com/varvedb/varve/codec"
)

// Difference is a change of a key between two states: added, removed or modified.
type Difference[K, V any] struct {
	Key      K
	Old, New V
	InOld    bool // false: the key was added
	InNew    bool // false: the key was removed
}

// Diff is a walk over the differences of two states that has not begun. It is
// used by one goroutine.
type Diff[K, V any] struct {
	m    *Map[K, V]
	walk func(visit func(t *Tree, d *delta) (bool, error)) error
	err  error
}

// Diff walks over the differences from one commit to another, in the order of
// keys; 0 is the empty map. It takes time in proportion to the differences, and
// for commits without a common ancestor to the nodes that they do not share.
func (m *Map[K, V]) Diff(from, to CommitID) *Diff[K, V] {
	return m.diff(func(s *session) (a, b Root, err error) {
		if a, err = s.rootOf(from); err == nil {
			b, err = s.rootOf(to)
		}
		return a, b, err
	})
}

// DiffFrom walks over the differences from the head of another branch to the
// head of this one.
func (b *Branch[K, V]) DiffFrom(other *Branch[K, V]) *Diff[K, V] {
	return b.m.diff(func(s *session) (x, y Root, err error) {
		from, err := s.branch(other.branch)
		if err != nil {
			return x, y, err
		}
		to, err := s.branch(b.branch)
		if err != nil {
			return x, y, err
		}
		return from.root, to.root, nil
	})
}

// Uncommitted walks over the differences from the head to the working state.
func (b *Branch[K, V]) Uncommitted() *Diff[K, V] {
	d := &Diff[K, V]{m: b.m}
	d.walk = func(visit func(*Tree, *delta) (bool, error)) error {
		return b.view(func(s *session, st state) error {
			return s.eachStaged(st.branch, func(e staged) (bool, error) {
				x := delta{key: e.key}
				if e.flags&stagedHad != 0 {
					old, _, err := s.find(st.root, e.key)
					if err != nil {
						return false, err
					}
					x.old = old
				}
				if e.flags&stagedDelete == 0 {
					x.new = entry{key: e.key, value: e.value}
				}
				return visit(s.Tree, &x)
			})
		})
	}
	return d
}

// rootOf returns the tree of a commit; 0 is the empty one.
func (s *session) rootOf(id CommitID) (Root, error) {
	c, err := s.commitOrNone(id)
	if err != nil {
		return Root{}, err
	}
	return c.Root, nil
}

// commitOrNone is commit, but 0 is one without content.
func (s *session) commitOrNone(id CommitID) (*commitRow, error) {
	if id == 0 {
		return &commitRow{}, nil
	}
	return s.commit(id)
}

func (m *Map[K, V]) diff(roots func(*session) (a, b Root, err error)) *Diff[K, V] {
	d := &Diff[K, V]{m: m}
	d.walk = func(visit func(*Tree, *delta) (bool, error)) error {
		return m.view(func(s *session) error {
			a, b, err := roots(s)
			if err != nil {
				return err
			}
			w, err := s.diff(a, b)
			for more := true; more && err == nil; {
				x, ok, stop := w.next()
				if stop != nil || !ok {
					return stop
				}
				more, err = visit(s.Tree, &x)
			}
			return err
		})
	}
	return d
}

// All walks over the differences as they are found; breaking off costs nothing
// more.
func (d *Diff[K, V]) All() iter.Seq[Difference[K, V]] {
	return func(yield func(Difference[K, V]) bool) {
		if d.err != nil {
			return
		}
		d.err = d.walk(func(t *Tree, x *delta) (bool, error) {
			typed, err := d.m.difference(t, x)
			return err == nil && yield(typed), err
		})
	}
}

// Err returns the first error of the walks, nil if there was none.
func (d *Diff[K, V]) Err() error { return d.err }

func (m *Map[K, V]) difference(t *Tree, x *delta) (d Difference[K, V], err error) {
	if d.Key, err = m.kc.Decode(x.key); err != nil {
		return d, err
	}
	if d.InOld = x.old.key != nil; d.InOld {
		if d.Old, err = decodeEntry(t, m.vc, &x.old); err != nil {
			return d, err
		}
	}
	if d.InNew = x.new.key != nil; d.InNew {
		d.New, err = decodeEntry(t, m.vc, &x.new)
	}
	return d, err
}

func decodeEntry[V any](t *Tree, vc codec.Value[V], e *entry) (v V, err error) {
	data, err := t.value(e)
	if err == nil {
		v, err = vc.Decode(data)
	}
	return v, err
}
