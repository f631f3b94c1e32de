package version

import (
	"errors"
	"fmt"
	"slices"
)

// The rule that makes reclaiming exact: the tree of a commit has only nodes that
// the commit wrote itself or that are in a parent's tree. So a node that no
// parent handed on is in no other tree.

// sweep removes a commit that nobody needs, and then what only it needed.
func (s *session) sweep(id CommitID) error {
	for todo := []CommitID{id}; len(todo) > 0; {
		id, todo = todo[len(todo)-1], todo[:len(todo)-1]
		more, err := s.sweepOne(id)
		if err != nil {
			return err
		}
		todo = append(todo, more...)
	}
	return nil
}

// sweepOne returns the commits that are to be looked at next.
func (s *session) sweepOne(id CommitID) ([]CommitID, error) {
	refs, err := s.refs(id)
	if err != nil || refs > 0 {
		return nil, err
	}
	children, err := s.children(id, 2)
	if err != nil || len(children) > 1 {
		return nil, err
	}
	c, err := s.anyCommit(id)
	switch {
	case errors.Is(err, ErrNoCommit):
		return nil, nil // it went with another of its children
	case err != nil:
		return nil, err
	case len(children) == 0:
		return c.Parents, s.remove(c)
	case c.ghost:
		return c.Parents, s.collapse(c, children[0])
	}
	return nil, nil
}

// remove deletes a commit that nobody names and from which none descends, with
// all nodes that it owns: a range delete for each birth.
func (s *session) remove(c *commitRow) error {
	births, err := s.births(c.groupID(), -1)
	if err != nil {
		return err
	}
	for _, birth := range births {
		span := birthSpan(s.space, birth)
		s.t.DeleteRange(span.Start, span.End)
		s.t.Delete(rowKey(s.space, rowOwned, uint64(c.groupID()), uint64(birth)))
	}
	for _, p := range c.Parents {
		s.deleteEdge(p, c.ID)
	}
	return s.forget(c)
}

// forget deletes the rows of a commit and of the keys that it removed.
func (s *session) forget(c *commitRow) error {
	s.t.Delete(rowKey(s.space, rowCommit, uint64(c.ID)))
	s.t.Delete(globalKey(s.space, c.Global))
	row := rowKey(s.space, rowRemoved, uint64(c.ID))
	data, ok, err := s.r.Get(row, nil)
	if err != nil || !ok {
		return err
	}
	keys, err := decodeKeys(data)
	if err != nil {
		return damagedRow(s.space, fmt.Sprintf("what commit %d removed", c.ID), err)
	}
	for _, key := range keys {
		s.t.Delete(removerKey(s.space, key, c.ID))
	}
	s.t.Delete(row)
	return nil
}

// births returns the commits whose nodes belong to a group, up to most of them
// beside the group itself; negative is all.
func (s *session) births(group CommitID, most int) ([]CommitID, error) {
	list := []CommitID{group}
	if most == 0 {
		return list, nil
	}
	err := s.scan(rowKey(s.space, rowOwned, uint64(group)), func(key, _ []byte) (bool, error) {
		list = append(list, CommitID(keyNumber(key, 1)))
		return most < 0 || len(list) <= most, nil
	})
	return list, err
}

// collapse takes a ghost that only child descends from out of the history. Of
// the nodes that it owns those that are not in the child's tree are in no tree
// any more and go; the others become the child's.
//
// The new edges from the ghost's parents have what was not handed on at either
// step. Where the child descends from the same parent in another way too, only
// what neither way handed on is dead.
func (s *session) collapse(ghost *commitRow, child CommitID) error {
	dead, _, err := s.deadOf(ghost.ID, child)
	if err != nil {
		return err
	}
	inherited, err := s.reap(ghost.groupID(), dead)
	if err != nil {
		return err
	}
	for _, parent := range ghost.Parents {
		above, _, err := s.deadOf(parent, ghost.ID)
		if err != nil {
			return err
		}
		joined := union(above, inherited)
		other, twice, err := s.deadOf(parent, child)
		if err != nil {
			return err
		}
		if twice {
			joined = intersection(joined, other)
		}
		s.putEdge(parent, child, joined)
		s.deleteEdge(parent, ghost.ID)
	}
	s.deleteEdge(ghost.ID, child)
	if err := s.adopt(child, ghost); err != nil {
		return err
	}
	return s.forget(ghost)
}

// reap deletes the dead nodes that belong to a group, and returns the others.
func (s *session) reap(group CommitID, dead []NodeID) (others []NodeID, err error) {
	owned := map[CommitID]bool{group: true}
	for _, id := range dead {
		mine, known := owned[id.Birth]
		if !known {
			if mine, err = s.r.Has(rowKey(s.space, rowOwned, uint64(group), uint64(id.Birth))); err != nil {
				return nil, err
			}
			owned[id.Birth] = mine
		}
		if mine {
			s.t.Delete(appendNodeKey(nil, s.space, id))
		} else {
			others = append(others, id)
		}
	}
	return others, nil
}

// adopt makes the parents and the births of a ghost those of its child. The
// smaller group of births moves into the larger, so that a birth moves at most
// as often as its group can double.
func (s *session) adopt(id CommitID, ghost *commitRow) error {
	c, err := s.anyCommit(id)
	if err != nil {
		return err
	}
	at := slices.Index(c.Parents, ghost.ID)
	if at < 0 {
		return damagedRow(s.space, fmt.Sprintf("commit %d", id), fmt.Errorf("it does not name its parent %d", ghost.ID))
	}
	c.Parents = distinct(slices.Concat(c.Parents[:at], ghost.Parents, c.Parents[at+1:]))
	from, to := c.groupID(), ghost.groupID()
	for most := 4; ; most *= 4 {
		mine, err := s.births(from, most)
		if err != nil {
			return err
		}
		if len(mine) <= most {
			s.moveBirths(from, to, mine)
			break
		}
		from, to = to, from
	}
	c.group = to
	s.putCommit(c)
	return nil
}

func (s *session) moveBirths(from, to CommitID, births []CommitID) {
	for _, birth := range births {
		if birth != from {
			s.t.Delete(rowKey(s.space, rowOwned, uint64(from), uint64(birth)))
		}
		s.t.Put(rowKey(s.space, rowOwned, uint64(to), uint64(birth)), nil)
	}
}

// distinct removes later occurrences of a commit.
func distinct(list []CommitID) []CommitID {
	seen := make(map[CommitID]bool, len(list))
	return slices.DeleteFunc(list, func(id CommitID) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
}

// union returns the ids in either of two sorted lists, sorted.
func union(a, b []NodeID) []NodeID {
	all := slices.Concat(a, b)
	slices.SortFunc(all, compareIDs)
	return slices.Compact(all)
}

// intersection returns the ids that are in both of two lists.
func intersection(a, b []NodeID) []NodeID {
	in := make(map[NodeID]struct{}, len(b))
	for _, id := range b {
		in[id] = struct{}{}
	}
	return slices.DeleteFunc(slices.Clone(a), func(id NodeID) bool {
		_, ok := in[id]
		return !ok
	})
}
