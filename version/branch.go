package version

import (
	"errors"
	"iter"
	"time"
)

// Branch is a line of history with a working state: its head, the newest
// commit, and the edits that are not committed yet, which it reads as done. A
// handle holds the number of the branch only; it may be used concurrently and
// stays valid when the branch is renamed. Once the branch is deleted its methods
// return ErrNoBranch.
//
// Get, Has, All, Range and the other reading methods read the working state.
type Branch[K, V any] struct {
	reader[K, V]
}

func (m *Map[K, V]) branchOf(id BranchID) *Branch[K, V] {
	return &Branch[K, V]{reader[K, V]{m: m, branch: id}}
}

// ID returns the number of the branch.
func (b *Branch[K, V]) ID() BranchID { return b.branch }

// In returns the branch in another home of its map.
func (b *Branch[K, V]) In(home Home) *Branch[K, V] { return b.m.In(home).branchOf(b.branch) }

// Info describes the branch.
func (b *Branch[K, V]) Info() (info BranchInfo, err error) {
	err = b.view(func(s *session, st state) error {
		main, err := s.mainBranch()
		info = st.branch.info(main)
		return err
	})
	return info, err
}

// Name returns the name of the branch.
func (b *Branch[K, V]) Name() (string, error) {
	info, err := b.Info()
	return info.Name, err
}

// Head returns the newest commit; 0 if there is none yet.
func (b *Branch[K, V]) Head() (CommitID, error) {
	info, err := b.Info()
	return info.Head, err
}

// Len returns the number of entries of the working state. It counts the
// uncommitted edits, and nothing else.
func (b *Branch[K, V]) Len() (n int64, err error) {
	err = b.view(func(s *session, st state) error {
		n, err = s.length(st)
		return err
	})
	return n, err
}

// State returns the state of the head, without uncommitted edits; it is empty if
// there is no commit yet.
func (b *Branch[K, V]) State() (at *State[K, V], err error) {
	err = b.view(func(s *session, st state) error {
		if st.branch.head == 0 {
			at = newState(b.m, &commitRow{})
			return nil
		}
		c, err := s.commit(st.branch.head)
		if err == nil {
			at = newState(b.m, c)
		}
		return err
	})
	return at, err
}

// AsOf returns the state of the newest commit of the first-parent history that
// is not younger than t, or ErrNoCommit. It reads the commits since then.
func (b *Branch[K, V]) AsOf(t time.Time) (*State[K, V], error) {
	head, err := b.Head()
	if err != nil {
		return nil, err
	}
	log := b.m.Log(true, head).Until(t).Limit(1)
	for c := range log.All() {
		return newState(b.m, &commitRow{Commit: c}), nil
	}
	if log.Err() != nil {
		return nil, log.Err()
	}
	return nil, ErrNoCommit
}

// change runs f on the branch in a transaction.
func (b *Branch[K, V]) change(f func(*session, *branchRow) error) error {
	return b.m.update(func(s *session) error {
		row, err := s.branch(b.branch)
		if err == nil {
			err = f(s, row)
		}
		return err
	})
}

// Put sets the value of k in the working state.
func (b *Branch[K, V]) Put(k K, v V) error {
	var e Edits[K, V]
	e.Put(k, v)
	return b.Apply(&e)
}

// Delete removes k from the working state. It is no error if it is not there.
func (b *Branch[K, V]) Delete(k K) error {
	var e Edits[K, V]
	e.Delete(k)
	return b.Apply(&e)
}

// Edits are changes that are made together. The zero value is empty; later
// edits of a key count. It belongs to one goroutine.
type Edits[K, V any] struct {
	list []typedEdit[K, V]
}

type typedEdit[K, V any] struct {
	k   K
	v   V
	del bool
}

// Put sets the value of k.
func (e *Edits[K, V]) Put(k K, v V) { e.list = append(e.list, typedEdit[K, V]{k: k, v: v}) }

// Delete removes k.
func (e *Edits[K, V]) Delete(k K) { e.list = append(e.list, typedEdit[K, V]{k: k, del: true}) }

// PutAll sets the values of all entries of seq.
func (e *Edits[K, V]) PutAll(seq iter.Seq2[K, V]) {
	for k, v := range seq {
		e.Put(k, v)
	}
}

// Len returns the number of edits.
func (e *Edits[K, V]) Len() int { return len(e.list) }

// Reset empties the edits and keeps their memory.
func (e *Edits[K, V]) Reset() { e.list = e.list[:0] }

// encode returns the edits encoded, in the order in which they were made.
func (e *Edits[K, V]) encode(m *Map[K, V]) ([]Edit, error) {
	list := make([]Edit, 0, len(e.list))
	var buf []byte
	for i := range e.list {
		x := &e.list[i]
		if cap(buf)-len(buf) < 64 {
			buf = make([]byte, 0, 8<<10) // what was appended before stays where it is
		}
		start := len(buf)
		key, err := m.kc.Append(buf, x.k)
		if err != nil {
			return nil, err
		}
		if err := checkKey(key[start:]); err != nil {
			return nil, err
		}
		end := len(key)
		all := key
		if !x.del {
			if all, err = m.vc.Append(key, x.v); err != nil {
				return nil, err
			}
		}
		list = append(list, Edit{Key: all[start:end:end], Value: all[end:len(all):len(all)], Delete: x.del})
		buf = all
	}
	return list, nil
}

// Apply makes edits in the working state, all or nothing.
func (b *Branch[K, V]) Apply(e *Edits[K, V]) error {
	list, err := e.encode(b.m)
	if err != nil {
		return err
	}
	return b.change(func(s *session, row *branchRow) error {
		for i := range list {
			if err := s.stage(row, list[i].Key, list[i].Value, list[i].Delete); err != nil {
				return err
			}
		}
		return nil
	})
}

// Dirty reports whether the working state differs from the head. An edit that
// was undone by another does not count.
func (b *Branch[K, V]) Dirty() (yes bool, err error) {
	err = b.view(func(s *session, st state) error {
		yes, err = s.dirty(st.branch)
		return err
	})
	return yes, err
}

// Discard makes the working state the head's again.
func (b *Branch[K, V]) Discard() error {
	return b.change(func(s *session, row *branchRow) error {
		s.unstage(row)
		return nil
	})
}

// Commit keeps the working state as a commit, the new head. Nil options are the
// defaults. Errors: ErrUnchanged if it is the head's state, ErrMoved.
func (b *Branch[K, V]) Commit(message string, opt *CommitOptions) (CommitID, error) {
	return b.CommitEdits(nil, message, opt)
}

// CommitEdits makes edits in the working state and commits it, in one write.
// The edits are not staged first, so it is the cheapest way to write much.
func (b *Branch[K, V]) CommitEdits(e *Edits[K, V], message string, opt *CommitOptions) (id CommitID, err error) {
	var more []Edit
	if e != nil {
		if more, err = e.encode(b.m); err != nil {
			return 0, err
		}
	}
	if opt == nil {
		opt = &CommitOptions{}
	}
	err = b.change(func(s *session, row *branchRow) error {
		c, err := s.commitStaged(row, more, message, opt)
		if err == nil {
			id = c.ID
		}
		return err
	})
	return id, err
}

// Load commits the entries of seq, which must be in strictly ascending order of
// their encoded keys, to a branch that is empty. It needs memory for what is
// written, and not for the entries; nodes are packed full. Errors: ErrUncommitted,
// ErrExists if the branch is not empty.
func (b *Branch[K, V]) Load(seq iter.Seq2[K, V], message string, opt *CommitOptions) (id CommitID, err error) {
	if opt == nil {
		opt = &CommitOptions{}
	}
	err = b.change(func(s *session, row *branchRow) error {
		var failure error
		c, err := s.load(row, b.m.encodeAll(seq, &failure), message, opt)
		if err = errors.Join(err, failure); err == nil {
			id = c.ID
		}
		return err
	})
	return id, err
}

// encodeAll encodes entries as they come; the first failure ends it.
func (m *Map[K, V]) encodeAll(seq iter.Seq2[K, V], failure *error) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		var key, value []byte
		for k, v := range seq {
			var err error
			if key, err = m.kc.Append(key[:0], k); err == nil {
				value, err = m.vc.Append(value[:0], v)
			}
			if err = errors.Join(err, checkKey(key)); err != nil {
				*failure = err
				return
			}
			if !yield(key, value) {
				return
			}
		}
	}
}

// Log walks over the commits of the branch and their ancestors, the newest
// first; firstParent leaves out what came in by merges.
func (b *Branch[K, V]) Log(firstParent bool) *Log {
	head, err := b.Head()
	l := b.m.Log(firstParent, head)
	if head == 0 {
		l.heads = nil
	}
	l.err = err
	return l
}

// Fork makes a branch at the head of this one, with its uncommitted edits. That
// takes time in proportion to their number, and to nothing else.
func (b *Branch[K, V]) Fork(name string) (*Branch[K, V], error) { return b.fork(name, true) }

// ForkHead makes a branch at the head of this one, without uncommitted edits.
func (b *Branch[K, V]) ForkHead(name string) (*Branch[K, V], error) { return b.fork(name, false) }

func (b *Branch[K, V]) fork(name string, uncommitted bool) (made *Branch[K, V], err error) {
	err = b.change(func(s *session, row *branchRow) error {
		next, err := s.fork(name, row, uncommitted)
		if err == nil {
			made = b.m.branchOf(next.id)
		}
		return err
	})
	return made, err
}

// Rename gives the branch another name. Errors: ErrExists, ErrName.
func (b *Branch[K, V]) Rename(name string) error {
	return b.change(func(s *session, row *branchRow) error { return s.renameBranch(row, name) })
}

// MakeMain makes the branch the main one, which cannot be deleted.
func (b *Branch[K, V]) MakeMain() error {
	return b.change(func(s *session, row *branchRow) error {
		s.setMain(row)
		return nil
	})
}

// Remove deletes the branch, with its uncommitted edits. Commits that nothing
// else names go too, with their nodes, once the reflog does not hold them any
// more. The main branch cannot be deleted: ErrMain.
func (b *Branch[K, V]) Remove() error {
	return b.change(func(s *session, row *branchRow) error { return s.deleteBranch(row) })
}

// Rollback moves the head back to an ancestor. Errors: ErrUncommitted,
// ErrUnrelated, ErrNoCommit.
func (b *Branch[K, V]) Rollback(to CommitID) error {
	return b.change(func(s *session, row *branchRow) error { return s.rollback(row, to) })
}

// Reset moves the head to any commit, and drops uncommitted edits.
func (b *Branch[K, V]) Reset(to CommitID) error {
	return b.change(func(s *session, row *branchRow) error { return s.reset(row, to, "reset") })
}
