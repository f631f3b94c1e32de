package version

import (
	"errors"
	"iter"
)

// Version is what a key was made by a commit.
type Version[V any] struct {
	Commit  CommitID // that wrote it; 0 for an edit that is not committed
	Value   V
	Removed bool
	// Info describes the commit. Retention may have removed it: then Known is
	// false, and nothing is known of what was before.
	Info  Commit
	Known bool
}

// History is a walk over the changes of one key that has not begun. It is used
// by one goroutine.
type History[V any] struct {
	walk func(yield func(Version[V]) bool) error
	err  error
}

// All walks over the changes, the newest first.
func (h *History[V]) All() iter.Seq[Version[V]] {
	return func(yield func(Version[V]) bool) {
		if h.err == nil {
			h.err = h.walk(yield)
		}
	}
}

// Err returns the first error of the walks, nil if there was none.
func (h *History[V]) Err() error { return h.err }

// History walks over the changes of k that led to the state, the newest first;
// on a branch an edit that is not committed comes first, with Commit 0. It hops
// from change to change in all of the history: commits between are not read,
// except where the key was not there.
func (r *reader[K, V]) History(k K) *History[V] {
	return &History[V]{walk: func(yield func(Version[V]) bool) error {
		key, err := r.m.kc.Append(nil, k)
		if err != nil {
			return err
		}
		return r.view(func(s *session, st state) error { return r.eachVersion(s, st, key, yield) })
	}}
}

// Blame returns what made k what it is: who wrote its value, or removed it. ok
// is false if it was never there. For a key that is there it takes one look-up.
func (r *reader[K, V]) Blame(k K) (v Version[V], ok bool, err error) {
	h := r.History(k)
	for v := range h.All() {
		return v, true, h.err
	}
	return v, false, h.err
}

func (r *reader[K, V]) eachVersion(s *session, st state, key []byte, yield func(Version[V]) bool) error {
	head := r.commit
	visit := func(o origin) (bool, error) {
		v, err := r.version(s, o)
		return err == nil && yield(v), err
	}
	if st.branch != nil {
		head = st.branch.head
		data, ok, err := s.r.Get(append(s.stagedPrefix(st.branch), key...), nil)
		if err != nil {
			return err
		}
		if ok && len(data) == 0 {
			return s.damagedStage(st.branch, key)
		}
		if ok {
			more, err := visit(origin{value: data[1:], removed: data[0]&stagedDelete != 0})
			if err != nil || !more {
				return err
			}
		}
	}
	return s.history(head, key, visit)
}

func (r *reader[K, V]) version(s *session, o origin) (v Version[V], err error) {
	v.Commit, v.Removed = o.commit, o.removed
	if !o.removed {
		if v.Value, err = r.m.vc.Decode(o.value); err != nil {
			return v, err
		}
	}
	if o.commit == 0 {
		return v, nil
	}
	c, err := s.commit(o.commit)
	if errors.Is(err, ErrNoCommit) {
		return v, nil
	}
	if err == nil {
		v.Info, v.Known = c.Commit, true
	}
	return v, err
}
