package version

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// createBranch makes a branch at a commit; 0 is none, for an empty branch.
func (s *session) createBranch(name string, head CommitID, root Root) (*branchRow, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := s.nameFree(rowName, name); err != nil {
		return nil, err
	}
	id, err := s.next('b')
	if err != nil {
		return nil, err
	}
	b := &branchRow{id: BranchID(id), name: name, head: head, root: root}
	s.putBranch(b)
	s.t.Put(nameKey(s.space, rowName, name), binary.AppendUvarint(nil, id))
	return b, s.retain(head)
}

func (s *session) nameFree(row byte, name string) error {
	taken, err := s.r.Has(nameKey(s.space, row, name))
	if err == nil && taken {
		err = fmt.Errorf("%q: %w", name, ErrExists)
	}
	return err
}

// fork makes a branch at the head of another, with its staged edits if
// uncommitted is set.
func (s *session) fork(name string, from *branchRow, uncommitted bool) (*branchRow, error) {
	b, err := s.createBranch(name, from.head, from.root)
	if err == nil && uncommitted {
		err = s.copyStaged(from, b)
	}
	return b, err
}

// renameBranch gives a branch another name.
func (s *session) renameBranch(b *branchRow, name string) error {
	if name == b.name {
		return nil
	}
	if err := errors.Join(checkName(name), s.nameFree(rowName, name)); err != nil {
		return err
	}
	s.t.Delete(nameKey(s.space, rowName, b.name))
	s.t.Put(nameKey(s.space, rowName, name), binary.AppendUvarint(nil, uint64(b.id)))
	b.name = name
	s.putBranch(b)
	return nil
}

// deleteBranch removes a branch with what is staged on it.
func (s *session) deleteBranch(b *branchRow) error {
	main, err := s.mainBranch()
	if err != nil {
		return err
	}
	if main == b.id {
		return fmt.Errorf("branch %q: %w", b.name, ErrMain)
	}
	s.unstage(b)
	s.t.Delete(rowKey(s.space, rowBranch, uint64(b.id)))
	s.t.Delete(rowKey(s.space, rowRemote, uint64(b.id)))
	s.t.Delete(nameKey(s.space, rowName, b.name))
	return s.lose(b, b.head, 0, "delete")
}

// setMain makes a branch the main one, which follows no other.
func (s *session) setMain(b *branchRow) {
	s.t.Delete(rowKey(s.space, rowRemote, uint64(b.id)))
	s.t.Put(rowKey(s.space, rowMain), binary.AppendUvarint(nil, uint64(b.id)))
}

// branches returns all branches by number.
func (s *session) branches() (list []*branchRow, err error) {
	err = s.scan(rowKey(s.space, rowBranch), func(key, value []byte) (bool, error) {
		id := BranchID(keyNumber(key, 0))
		b, err := decodeBranch(id, value)
		if err != nil {
			return false, damagedRow(s.space, fmt.Sprintf("branch %d", id), err)
		}
		list = append(list, b)
		return true, nil
	})
	if err != nil || len(list) > 0 {
		return list, err
	}
	if there, err := s.touched(); there || err != nil {
		return nil, err
	}
	return []*branchRow{{id: 1, name: mainName}}, nil
}

// heads returns the commits that branches, tags, the reflog and transfers name.
func (s *session) heads() (list []CommitID, err error) {
	branches, err := s.branches()
	if err != nil {
		return nil, err
	}
	tags, err := s.tags()
	if err != nil {
		return nil, err
	}
	lost, err := s.lost()
	if err != nil {
		return nil, err
	}
	list, err = s.arrived()
	for _, b := range branches {
		if b.head != 0 {
			list = append(list, b.head)
		}
	}
	for _, t := range tags {
		list = append(list, t.Commit)
	}
	for _, l := range lost {
		list = append(list, l.Old)
	}
	return list, err
}

// tag gives a commit a name.
func (s *session) tag(name string, id CommitID, message string) error {
	if err := errors.Join(checkName(name), s.nameFree(rowTag, name)); err != nil {
		return err
	}
	if _, err := s.commit(id); err != nil {
		return err
	}
	t := Tag{Name: name, Commit: id, Message: message, Time: s.now()}
	s.t.Put(nameKey(s.space, rowTag, name), t.append(nil))
	return s.retain(id)
}

func (s *session) tagNamed(name string) (Tag, error) {
	data, ok, err := s.r.Get(nameKey(s.space, rowTag, name), nil)
	if err == nil && !ok {
		err = fmt.Errorf("tag %q: %w", name, ErrNoTag)
	}
	if err != nil {
		return Tag{}, err
	}
	t, err := decodeTag(name, data)
	if err != nil {
		err = damagedRow(s.space, fmt.Sprintf("tag %q", name), err)
	}
	return t, err
}

func (s *session) deleteTag(name string) error {
	t, err := s.tagNamed(name)
	if err != nil {
		return err
	}
	s.t.Delete(nameKey(s.space, rowTag, name))
	return s.release(t.Commit)
}

// tags returns all tags by name.
func (s *session) tags() (list []Tag, err error) {
	prefix := rowKey(s.space, rowTag)
	err = s.scan(prefix, func(key, value []byte) (bool, error) {
		name := string(key[len(prefix):])
		t, err := decodeTag(name, value)
		if err != nil {
			return false, damagedRow(s.space, fmt.Sprintf("tag %q", name), err)
		}
		list = append(list, t)
		return true, nil
	})
	return list, err
}
