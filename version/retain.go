package version

import (
	"slices"
	"time"
)

// Retention says which commits stay when history is truncated: those that a
// branch, a tag or the reflog names always do.
type Retention struct {
	// Last is how many of the newest commits stay on the first-parent history of
	// each branch and tag.
	Last int
	// Since, if set, lets all commits stay that were made at this time or later.
	Since time.Time
}

// truncate hides the ancestors of all heads that keep does not let stay. It
// takes time in proportion to the commits that stay and go, and to the nodes
// that go.
func (s *session) truncate(keep Retention, heads []CommitID) (hidden int, err error) {
	stay := make(map[CommitID]bool)
	for _, head := range heads {
		if err := s.keepLast(head, max(1, keep.Last), stay); err != nil {
			return 0, err
		}
	}
	var drop []CommitID
	err = s.ancestors(heads, func(c *commitRow) (bool, error) {
		recent := !keep.Since.IsZero() && !c.Time.Before(keep.Since)
		if !stay[c.ID] && !recent && !c.ghost {
			drop = append(drop, c.ID)
		}
		return true, nil
	})
	if err != nil {
		return 0, err
	}
	slices.Sort(drop) // the oldest first: so no dead list is handed on twice
	for _, id := range drop {
		refs, err := s.refs(id)
		if err == nil && refs == 0 {
			hidden++
			err = s.hide(id)
		}
		if err != nil {
			return hidden, err
		}
	}
	return hidden, nil
}

// keepLast adds the last n commits of a first-parent history to stay.
func (s *session) keepLast(head CommitID, n int, stay map[CommitID]bool) error {
	for ; head != 0 && n > 0; n-- {
		c, err := s.anyCommit(head)
		if err != nil {
			return err
		}
		stay[head] = true
		head = c.firstParent()
	}
	return nil
}

// hide makes a commit a ghost, and takes it out of the history if at most one
// commit descends from it.
func (s *session) hide(id CommitID) error {
	c, err := s.anyCommit(id)
	if err != nil {
		return err
	}
	c.ghost = true
	s.putCommit(c)
	return s.sweep(id)
}
