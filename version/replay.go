package version

import (
	"errors"
	"fmt"
	"slices"
)

// Replaying brings a change that one commit made to another state: its edits
// are applied there, nothing is shared with it. So the rule that a tree has
// only its own and its parents' nodes holds, and the cost is that of the change.

// replayEdits returns what brings the change from base to source to target.
func (s *session) replayEdits(base, source, target Root, m *mergeSpec) ([]Edit, error) {
	var failed ConflictsError
	w := threeWay{t: s.Tree, bases: []Root{base}, source: source, target: target, settle: m.settle(s.Tree, &failed)}
	if err := w.run(); err != nil {
		return nil, s.fail(err)
	}
	if failed.Count > 0 {
		return nil, &failed
	}
	return w.edits, nil
}

// parentRoot returns the tree of a commit's first parent.
func (s *session) parentRoot(c *commitRow) (Root, error) {
	if len(c.Parents) == 0 {
		return Root{}, nil
	}
	p, err := s.anyCommit(c.Parents[0])
	if err != nil {
		return Root{}, err
	}
	return p.Root, nil
}

// cherryPick makes a commit on a branch with the change that another made to its
// first parent; revert, if undo is set, with the opposite.
func (s *session) cherryPick(b *branchRow, id CommitID, undo bool, m *mergeSpec) (*commitRow, error) {
	if err := s.clean(b); err != nil {
		return nil, err
	}
	c, err := s.commit(id)
	if err != nil {
		return nil, err
	}
	before, err := s.parentRoot(c)
	if err != nil {
		return nil, err
	}
	from, to := before, c.Root
	if undo {
		from, to = to, from
	}
	edits, err := s.replayEdits(from, to, b.root, m)
	if err != nil {
		return nil, err
	}
	return s.commitEdits(b, edits, m.message, &m.commit)
}

// rebase replays the commits of a branch that onto does not have on top of it,
// the oldest first; those that change nothing there are left out.
func (s *session) rebase(b *branchRow, onto CommitID, m *mergeSpec) error {
	if err := errors.Join(m.expect(b), s.clean(b)); err != nil {
		return err
	}
	tip, err := s.commit(onto)
	if err != nil {
		return err
	}
	own, err := s.notIn(b.head, onto)
	if err != nil {
		return s.fail(err)
	}
	for _, c := range slices.Backward(own) {
		if tip, err = s.replay(c, tip, m); err != nil {
			return fmt.Errorf("commit %d: %w", c.ID, err)
		}
	}
	if tip.ID == b.head {
		return nil
	}
	return s.moveHead(b, tip.ID, tip.Root, "rebase")
}

// notIn returns the commits of the first-parent history of head that are not
// ancestors of other, the newest first.
func (s *session) notIn(head, other CommitID) (list []*commitRow, err error) {
	err = s.firstParents(head, func(c *commitRow) (bool, error) {
		in, err := s.descends(other, c.ID)
		if err == nil && !in {
			list = append(list, c)
		}
		return !in, err
	})
	return list, err
}

// replay makes a commit on top of tip with the change, message, author and time
// of c. It returns tip if nothing changes.
func (s *session) replay(c, tip *commitRow, m *mergeSpec) (*commitRow, error) {
	if c.firstParent() == tip.ID {
		return c, nil // it stands there already
	}
	before, err := s.parentRoot(c)
	if err != nil {
		return nil, err
	}
	edits, err := s.replayEdits(before, c.Root, tip.Root, m)
	if err != nil {
		return nil, err
	}
	next, err := s.commitOn(tip.ID, tip.Root, edits, c.Message, &CommitOptions{Author: c.Author, Time: c.Time, Meta: c.Meta})
	if errors.Is(err, ErrUnchanged) {
		return tip, nil
	}
	return next, err
}

// squash replaces the commits of a branch after from by one; 0 is all of them.
func (s *session) squash(b *branchRow, from CommitID, message string, opt *CommitOptions) (*commitRow, error) {
	if err := s.clean(b); err != nil {
		return nil, err
	}
	base := Root{}
	if from != 0 {
		if err := s.ancestorOf(b, from); err != nil {
			return nil, err
		}
		c, err := s.commit(from)
		if err != nil {
			return nil, err
		}
		base = c.Root
	}
	edits, err := s.replayEdits(base, b.root, base, &mergeSpec{})
	if err != nil {
		return nil, err
	}
	if opt.Head != 0 && opt.Head != b.head {
		return nil, fmt.Errorf("branch %q is at commit %d, not %d: %w", b.name, b.head, opt.Head, ErrMoved)
	}
	on := *opt
	on.Head = 0
	c, err := s.commitOn(from, base, edits, message, &on)
	if err != nil {
		return nil, err
	}
	return c, s.moveHead(b, c.ID, c.Root, "squash")
}

// ancestorOf returns ErrUnrelated unless a branch's head is a commit or descends
// from it.
func (s *session) ancestorOf(b *branchRow, id CommitID) error {
	if _, err := s.commit(id); err != nil {
		return err
	}
	yes, err := s.descends(b.head, id)
	if err == nil && (!yes || b.head == 0) {
		err = fmt.Errorf("commit %d is %w of branch %q", id, ErrUnrelated, b.name)
	}
	return err
}

// rollback moves the head of a branch back to an ancestor.
func (s *session) rollback(b *branchRow, to CommitID) error {
	if _, err := s.commit(to); err != nil {
		return err
	}
	if b.head == 0 {
		return fmt.Errorf("branch %q has none: %w", b.name, ErrNoCommit)
	}
	if err := s.clean(b); err != nil {
		return err
	}
	if to == b.head {
		return nil
	}
	if err := s.ancestorOf(b, to); err != nil {
		return err
	}
	return s.reset(b, to, "rollback")
}

// reset moves the head of a branch to any commit and drops what is staged.
func (s *session) reset(b *branchRow, to CommitID, what string) error {
	c, err := s.commit(to)
	if err != nil {
		return err
	}
	s.unstage(b)
	if to == b.head {
		return nil
	}
	return s.moveHead(b, to, c.Root, what)
}
