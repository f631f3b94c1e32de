package version

import (
	"bytes"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// The working state of a branch is its head with the staged edits on top: a row
// for each key that differs from the head, so that a branch without rows has
// nothing uncommitted. The rows name the head that they are edits of; a commit
// leaves them behind in one piece, and later walks do not meet their remains.
//
// The value of a row is a byte of flags and the new value.
const (
	stagedDelete = 1 // the key is to be removed
	stagedHad    = 2 // the head has the key
)

func (s *session) stagedPrefix(b *branchRow) []byte {
	return rowKey(s.space, rowStaged, uint64(b.id), uint64(b.head))
}

// staged is an edit that is not committed.
type staged struct {
	key, value []byte
	flags      byte
}

// effect is what the edit adds to the number of entries.
func (e *staged) effect() int64 {
	switch e.flags {
	case 0:
		return 1
	case stagedDelete | stagedHad:
		return -1
	}
	return 0
}

// stage sets a key of the working state, or removes it. An edit that makes the
// key what it is at the head takes back the one before it.
func (s *session) stage(b *branchRow, key, value []byte, del bool) error {
	old, had, err := s.find(b.root, key)
	if err != nil {
		return s.fail(err)
	}
	row := append(s.stagedPrefix(b), key...)
	same := del && !had
	if had && !del {
		if same, err = s.hasValue(&old, value); err != nil {
			return s.fail(err)
		}
	}
	if same {
		s.t.Delete(row)
		return nil
	}
	flags := byte(0)
	if del {
		flags, value = stagedDelete, nil
	}
	if had {
		flags |= stagedHad
	}
	s.t.Put(row, append([]byte{flags}, value...))
	return nil
}

// hasValue reports whether an entry is there and has a value.
func (t *Tree) hasValue(e *entry, value []byte) (bool, error) {
	if e.key == nil || e.size != uint64(len(value)) {
		return false, nil
	}
	v, err := t.value(e)
	return bytes.Equal(v, value), err
}

// MaxKey is the most bytes of an encoded key. A staged edit's row needs the
// rest of what an engine takes.
const MaxKey = kv.MaxKey - 64

func checkKey(key []byte) error {
	if len(key) > MaxKey {
		return fmt.Errorf("key of %d bytes, at most %d: %w", len(key), MaxKey, kv.ErrTooLarge)
	}
	return nil
}

// working returns the value of a key in the working state of a branch.
func (s *session) working(b *branchRow, key []byte) (value []byte, ok bool, err error) {
	data, ok, err := s.r.Get(append(s.stagedPrefix(b), key...), nil)
	if err != nil {
		return nil, false, err
	}
	if !ok {
		return s.Get(b.root, key)
	}
	if len(data) == 0 {
		return nil, false, s.damagedStage(b, key)
	}
	return data[1:], data[0]&stagedDelete == 0, nil
}

func (s *session) damagedStage(b *branchRow, key []byte) error {
	return damagedRow(s.space, fmt.Sprintf("the staged edit of %q on branch %d", key, b.id), errCutOff)
}

// eachStaged visits the staged edits of a branch in the order of their keys,
// until visit returns false. What it is given is valid during the call.
func (s *session) eachStaged(b *branchRow, visit func(staged) (bool, error)) error {
	prefix := s.stagedPrefix(b)
	return s.scan(prefix, func(key, value []byte) (bool, error) {
		if len(value) == 0 {
			return false, s.damagedStage(b, key[len(prefix):])
		}
		return visit(staged{key[len(prefix):], value[1:], value[0]})
	})
}

// dirty reports whether a branch has staged edits.
func (s *session) dirty(b *branchRow) (yes bool, err error) {
	err = s.eachStaged(b, func(staged) (bool, error) {
		yes = true
		return false, nil
	})
	return yes, err
}

// clean returns ErrUncommitted if a branch has staged edits.
func (s *session) clean(b *branchRow) error {
	dirty, err := s.dirty(b)
	if err == nil && dirty {
		err = fmt.Errorf("branch %q has %w", b.name, ErrUncommitted)
	}
	return err
}

// edits returns the staged edits of a branch as edits of its head.
func (s *session) edits(b *branchRow) (list []Edit, err error) {
	err = s.eachStaged(b, func(e staged) (bool, error) {
		list = append(list, Edit{Key: bytes.Clone(e.key), Value: bytes.Clone(e.value), Delete: e.flags&stagedDelete != 0})
		return true, nil
	})
	return list, err
}

// unstage removes all staged edits of a branch.
func (s *session) unstage(b *branchRow) {
	prefix := s.stagedPrefix(b)
	s.t.DeleteRange(prefix, kv.PrefixEnd(prefix))
}

// copyStaged gives branch to the staged edits of branch from, which has the same
// head. It takes time in proportion to their number.
func (s *session) copyStaged(from, to *branchRow) error {
	prefix := s.stagedPrefix(to)
	return s.eachStaged(from, func(e staged) (bool, error) {
		key := append(bytes.Clone(prefix), e.key...)
		s.t.Put(key, append([]byte{e.flags}, e.value...))
		return true, nil
	})
}

// state is what a reader reads: the tree at a root, and, if branch is not nil,
// the staged edits on top of it.
type state struct {
	root   Root
	branch *branchRow
}

func (s *session) get(st state, key []byte) ([]byte, bool, error) {
	if st.branch != nil {
		return s.working(st.branch, key)
	}
	return s.Get(st.root, key)
}

// length returns the number of entries.
func (s *session) length(st state) (n int64, err error) {
	n = int64(st.root.Count)
	if st.branch != nil {
		err = s.eachStaged(st.branch, func(e staged) (bool, error) {
			n += e.effect()
			return true, nil
		})
	}
	return n, err
}

// rank returns how many keys are below key.
func (s *session) rank(st state, key []byte) (int64, error) {
	below, err := s.Rank(st.root, key)
	n := int64(below)
	if err == nil && st.branch != nil {
		err = s.eachStaged(st.branch, func(e staged) (bool, error) {
			if bytes.Compare(e.key, key) >= 0 {
				return false, nil
			}
			n += e.effect()
			return true, nil
		})
	}
	return n, err
}

// nth returns the entry with the given rank. Staged edits shift those of the
// tree; so it goes through them in order until it is reached.
func (s *session) nth(st state, rank int64) (key, value []byte, ok bool, err error) {
	shift := int64(0)
	if st.branch != nil {
		err = s.eachStaged(st.branch, func(e staged) (bool, error) {
			below, err := s.Rank(st.root, e.key)
			if err != nil || rank < int64(below)+shift {
				return false, err
			}
			if rank == int64(below)+shift && e.flags&stagedDelete == 0 {
				key, value, ok = bytes.Clone(e.key), bytes.Clone(e.value), true
				return false, nil
			}
			shift += e.effect()
			return true, nil
		})
	}
	if err != nil || ok || rank < shift {
		return key, value, ok, err
	}
	return s.Select(st.root, uint64(rank-shift))
}
