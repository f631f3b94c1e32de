package version

import (
	"errors"
	"fmt"
)

// finish moves branches and makes tags, and lets go of what came and is not
// named.
func (r *receiver) finish(remote string) error {
	return r.core.update(func(s *session) error {
		r.res.Branches, r.res.Tags = nil, 0
		if remote == "" && r.main != "" {
			if err := s.nameMain(r.main); err != nil {
				return err
			}
		}
		for _, n := range r.names {
			id, err := s.known(n.global)
			if err == nil && id == 0 {
				err = fmt.Errorf("%q names commit %s: %w", n.name, n.global, ErrNoCommit)
			}
			if err == nil && n.tag != nil {
				err = r.makeTag(s, n, id)
			} else if err == nil {
				err = r.moveBranch(s, n, id, remote)
			}
			if err != nil {
				return err
			}
		}
		return s.settleArrived(r.ghosts)
	})
}

// nameMain gives the main branch a name, if it has no commits and no edits yet
// and the name is free.
func (s *session) nameMain(name string) error {
	id, err := s.mainBranch()
	if err != nil {
		return err
	}
	b, err := s.branch(id)
	if err != nil || b.head != 0 {
		return err
	}
	dirty, err := s.dirty(b)
	if err != nil || dirty {
		return err
	}
	if err = s.renameBranch(b, name); errors.Is(err, ErrExists) {
		return nil
	}
	return err
}

func (r *receiver) makeTag(s *session, n name, id CommitID) error {
	taken, err := s.r.Has(nameKey(s.space, rowTag, n.name))
	if err != nil || taken {
		return err
	}
	t := *n.tag
	t.Commit = id
	s.t.Put(nameKey(s.space, rowTag, n.name), t.append(nil))
	r.res.Tags++
	return s.retain(id)
}

func (r *receiver) moveBranch(s *session, n name, id CommitID, remote string) error {
	full := n.name
	if remote != "" {
		full = remote + "/" + n.name
	}
	c, err := s.anyCommit(id)
	if err != nil {
		return err
	}
	b, err := s.branchNamed(full)
	switch {
	case errors.Is(err, ErrNoBranch):
		if b, err = s.createBranch(full, id, c.Root); err == nil && remote != "" {
			s.t.Put(rowKey(s.space, rowRemote, uint64(b.id)), nil)
		}
	case err != nil || b.head == id:
	case remote != "":
		s.unstage(b)
		err = s.moveHead(b, id, c.Root, "fetch")
	default:
		err = s.forwardTo(b, c)
	}
	if err != nil {
		return err
	}
	main, err := s.mainBranch()
	r.res.Branches = append(r.res.Branches, b.info(main))
	return err
}

// forwardTo moves a branch to a commit that descends from its head.
func (s *session) forwardTo(b *branchRow, c *commitRow) error {
	if err := s.clean(b); err != nil {
		return err
	}
	behind, err := s.descends(c.ID, b.head)
	if err == nil && !behind {
		if ahead, err2 := s.descends(b.head, c.ID); err2 != nil || ahead {
			return err2 // it has more already
		}
		err = fmt.Errorf("branch %q: %w", b.name, ErrDiverged)
	}
	if err != nil {
		return err
	}
	return s.advance(b, c)
}

// hideArrived makes a commit a ghost, as it is where it comes from, if nothing
// but the transfer names it.
func (s *session) hideArrived(global GlobalID) error {
	id, err := s.known(global)
	if err != nil || id == 0 {
		return err
	}
	refs, err := s.refs(id)
	if err != nil || refs != 1 {
		return err
	}
	c, err := s.anyCommit(id)
	if err == nil {
		c.ghost = true
		s.putCommit(c)
	}
	return err
}

// settleArrived lets go of the commits that came, those first from which others
// descend.
func (s *session) settleArrived(ghosts []GlobalID) error {
	list, err := s.arrived()
	if err != nil {
		return err
	}
	for _, global := range ghosts {
		if err := s.hideArrived(global); err != nil {
			return err
		}
	}
	for _, id := range list {
		s.t.Delete(rowKey(s.space, rowArrived, uint64(id)))
		if err := s.release(id); err != nil {
			return err
		}
	}
	return nil
}

// arrived returns the commits of transfers that are not complete.
func (s *session) arrived() (list []CommitID, err error) {
	err = s.scan(rowKey(s.space, rowArrived), func(key, _ []byte) (bool, error) {
		list = append(list, CommitID(keyNumber(key, 0)))
		return true, nil
	})
	return list, err
}
