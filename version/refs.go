package version

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/varvedb/varve/codec"
)

// A commit stays as long as a branch, a tag, the reflog or a transfer names it, or
// another commit descends from it. How many name it is counted in a row of its own,
// which changes in the same batch as what names it; who descends from it stands
// in the edges. Nodes are not counted: what was written by a commit goes with
// the commit, except as collapse says.

// refs returns how many branches, tags, reflog entries and transfers name a
// commit.
func (s *session) refs(id CommitID) (uint64, error) {
	data, ok, err := s.r.Get(rowKey(s.space, rowRefs, uint64(id)), nil)
	if err != nil || !ok {
		return 0, err
	}
	n, k := binary.Uvarint(data)
	if k <= 0 || k != len(data) {
		return 0, damagedRow(s.space, fmt.Sprintf("the reference count of commit %d", id), codec.ErrMalformed)
	}
	return n, nil
}

// retain notes that one more names a commit.
func (s *session) retain(id CommitID) error {
	if id == 0 {
		return nil
	}
	n, err := s.refs(id)
	if err == nil {
		s.t.Put(rowKey(s.space, rowRefs, uint64(id)), binary.AppendUvarint(nil, n+1))
	}
	return err
}

// release notes that one fewer names a commit, and removes what nobody needs
// any more.
func (s *session) release(id CommitID) error {
	last, err := s.unname(id)
	if err == nil && last {
		err = s.sweep(id)
	}
	return err
}

// unname notes that one fewer names a commit, and reports whether it was the
// last.
func (s *session) unname(id CommitID) (last bool, err error) {
	if id == 0 {
		return false, nil
	}
	n, err := s.refs(id)
	switch {
	case err != nil:
		return false, err
	case n == 0:
		return false, damagedRow(s.space, fmt.Sprintf("the reference count of commit %d", id), errUncounted)
	case n == 1:
		s.t.Delete(rowKey(s.space, rowRefs, uint64(id)))
		return true, nil
	}
	s.t.Put(rowKey(s.space, rowRefs, uint64(id)), binary.AppendUvarint(nil, n-1))
	return false, nil
}

// children returns up to most of the commits that descend from id, in order.
func (s *session) children(id CommitID, most int) (list []CommitID, err error) {
	err = s.scan(rowKey(s.space, rowEdge, uint64(id)), func(key, _ []byte) (bool, error) {
		list = append(list, CommitID(keyNumber(key, 1)))
		return len(list) < most, nil
	})
	return list, err
}

// deadOf returns the nodes in the parent's tree that are not in the child's, in
// order; ok is false if there is no such edge.
func (s *session) deadOf(parent, child CommitID) (ids []NodeID, ok bool, err error) {
	data, ok, err := s.r.Get(rowKey(s.space, rowEdge, uint64(parent), uint64(child)), nil)
	if err != nil || !ok {
		return nil, false, err
	}
	if ids, err = decodeDead(data); err != nil {
		return nil, false, damagedRow(s.space, fmt.Sprintf("the edge from commit %d to %d", parent, child), err)
	}
	return ids, true, nil
}

func (s *session) putEdge(parent, child CommitID, dead []NodeID) {
	slices.SortFunc(dead, compareIDs)
	s.t.Put(rowKey(s.space, rowEdge, uint64(parent), uint64(child)), appendDead(nil, dead))
}

func (s *session) deleteEdge(parent, child CommitID) {
	s.t.Delete(rowKey(s.space, rowEdge, uint64(parent), uint64(child)))
}

func compareIDs(a, b NodeID) int {
	switch {
	case a.Birth != b.Birth && a.Birth < b.Birth, a.Birth == b.Birth && a.Seq < b.Seq:
		return -1
	case a == b:
		return 0
	}
	return 1
}
