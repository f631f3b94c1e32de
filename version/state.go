package version

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// State is what a map holds at a commit. It does not change, and may be read by
// any number of goroutines. It does not keep the commit: once that has been
// removed, reads return ErrNoCommit. Inside a view or on a snapshot of the
// database the commit stays.
type State[K, V any] struct {
	reader[K, V]
	commit Commit
}

func newState[K, V any](m *Map[K, V], c *commitRow) *State[K, V] {
	st := &State[K, V]{commit: c.Commit}
	st.reader = reader[K, V]{m: m, root: c.Root, commit: c.ID}
	return st
}

// Commit describes the commit.
func (st *State[K, V]) Commit() Commit { return st.commit }

// Len returns the number of entries, in O(1).
func (st *State[K, V]) Len() int64 { return st.commit.Len() }

// reader reads a commit, or, if branch is set, the working state of a branch.
type reader[K, V any] struct {
	m      *Map[K, V]
	root   Root
	commit CommitID
	branch BranchID
}

// open returns what there is to read in a session.
func (r *reader[K, V]) open(s *session) (state, error) {
	if r.branch == 0 {
		return state{root: r.root}, nil
	}
	b, err := s.branch(r.branch)
	if err != nil {
		return state{}, err
	}
	return state{b.root, b}, nil
}

// view runs f on a state that does not change.
func (r *reader[K, V]) view(f func(*session, state) error) error {
	return r.m.view(func(s *session) error {
		st, err := r.open(s)
		if err == nil {
			err = f(s, st)
		}
		return r.gone(s, err)
	})
}

// gone tells a node that is missing because its commit was removed from damage.
func (r *reader[K, V]) gone(s *session, err error) error {
	var damage *kv.CorruptionError
	if r.commit == 0 || !errors.As(err, &damage) || damage.What != missingNode {
		return err
	}
	if _, now := s.commit(r.commit); errors.Is(now, ErrNoCommit) {
		return now
	}
	return fmt.Errorf("commit %d: %w", r.commit, err)
}

// Get returns the value of k.
func (r *reader[K, V]) Get(k K) (v V, ok bool, err error) {
	q := r.m.quick.Get().(*quick)
	defer r.m.quick.Put(q)
	data, ok, err := r.lookUp(q, k)
	if err == nil && ok {
		v, err = r.m.vc.Decode(data)
	}
	return v, ok && err == nil, err
}

// Has reports whether k is there.
func (r *reader[K, V]) Has(k K) (bool, error) {
	q := r.m.quick.Get().(*quick)
	defer r.m.quick.Put(q)
	_, ok, err := r.lookUp(q, k)
	return ok, err
}

// lookUp reads one key. Nothing that a single look-up reads changes between its
// steps unseen, so it needs no snapshot, unless it meets what it cannot tell.
func (r *reader[K, V]) lookUp(q *quick, k K) (value []byte, ok bool, err error) {
	if q.key, err = r.m.kc.Append(q.key[:0], k); err != nil {
		return nil, false, err
	}
	from, space, err := r.m.home.Newest()
	if err != nil {
		return nil, false, err
	}
	q.tree.r, q.tree.space, q.tree.cache = from, space, r.m.cache
	defer q.done()
	if r.branch == 0 {
		value, ok, err = q.tree.Get(r.root, q.key)
	} else {
		value, ok, err = q.working(r.branch)
	}
	if err == nil {
		return value, ok, nil
	}
	return r.lookUpSteady(q.key)
}

// lookUpSteady reads one key at a snapshot.
func (r *reader[K, V]) lookUpSteady(key []byte) (value []byte, ok bool, err error) {
	err = r.view(func(s *session, st state) error {
		value, ok, err = s.get(st, key)
		return err
	})
	return value, ok, err
}

// Rank returns how many keys are below k, in O(log n), and on a branch the
// number of uncommitted edits.
func (r *reader[K, V]) Rank(k K) (n int64, err error) {
	key, err := r.m.kc.Append(nil, k)
	if err != nil {
		return 0, err
	}
	err = r.view(func(s *session, st state) error {
		n, err = s.rank(st, key)
		return err
	})
	return n, err
}

// Select returns the entry with the given rank: the first has 0. ok is false if
// there are not so many. It costs what Rank does.
func (r *reader[K, V]) Select(rank int64) (k K, v V, ok bool, err error) {
	err = r.view(func(s *session, st state) error {
		if ok = rank >= 0; !ok {
			return nil
		}
		var key, value []byte
		if key, value, ok, err = s.nth(st, rank); err == nil && ok {
			k, v, err = r.m.decode(key, value)
		}
		return err
	})
	return k, v, ok && err == nil, err
}

func (m *Map[K, V]) decode(key, value []byte) (k K, v V, err error) {
	if k, err = m.kc.Decode(key); err == nil {
		v, err = m.vc.Decode(value)
	}
	return k, v, err
}

// All walks over all entries in order.
func (r *reader[K, V]) All() *Cursor[K, V] { return &Cursor[K, V]{r: r} }

// Backward walks over all entries in descending order.
func (r *reader[K, V]) Backward() *Cursor[K, V] { return r.All().Backward() }

// Range walks over the entries between two bounds; the zero Bound is none.
func (r *reader[K, V]) Range(from, to codec.Bound[K]) *Cursor[K, V] {
	c := r.All()
	c.lower, c.upper, c.err = codec.EncodeBounds(r.m.kc, from, to)
	return c
}

// Prefix walks over the entries whose keys begin with p. Keys must be strings or
// byte slices.
func (r *reader[K, V]) Prefix(p K) *Cursor[K, V] {
	c := r.All()
	c.lower, c.err = r.m.kc.AppendPrefix(nil, p)
	c.upper = kv.PrefixEnd(c.lower)
	return c
}
