package version

import "container/heap"

// Numbers of commits rise from ancestors to descendants. So a walk that always
// goes on with the highest number it knows meets each commit after all that
// descend from it, and never twice.

// queue holds commits, the highest first.
type queue []CommitID

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i] > q[j] }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(CommitID)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

// add adds a commit; zero is none.
func (q *queue) add(id CommitID) {
	if id != 0 {
		heap.Push(q, id)
	}
}

// next takes the highest commit, and all others that are the same.
func (q *queue) next() CommitID {
	id := heap.Pop(q).(CommitID)
	for q.Len() > 0 && (*q)[0] == id {
		heap.Pop(q)
	}
	return id
}

func (c *Commit) firstParent() CommitID {
	if len(c.Parents) == 0 {
		return 0
	}
	return c.Parents[0]
}

// ancestors visits heads and all that they descend from, ghosts included, the
// highest number first, until visit returns false.
func (s *session) ancestors(heads []CommitID, visit func(*commitRow) (bool, error)) error {
	var q queue
	for _, id := range heads {
		q.add(id)
	}
	for q.Len() > 0 {
		c, err := s.anyCommit(q.next())
		if err != nil {
			return err
		}
		if more, err := visit(c); err != nil || !more {
			return err
		}
		for _, p := range c.Parents {
			q.add(p)
		}
	}
	return nil
}

// firstParents visits a commit and those before it on the first-parent history,
// ghosts included.
func (s *session) firstParents(head CommitID, visit func(*commitRow) (bool, error)) error {
	for head != 0 {
		c, err := s.anyCommit(head)
		if err != nil {
			return err
		}
		if more, err := visit(c); err != nil || !more {
			return err
		}
		head = c.firstParent()
	}
	return nil
}

// descends reports whether a is b or an ancestor of b.
func (s *session) descends(b, a CommitID) (yes bool, err error) {
	if a == 0 {
		return true, nil
	}
	err = s.ancestors([]CommitID{b}, func(c *commitRow) (bool, error) {
		yes = c.ID == a
		return c.ID > a, nil
	})
	return yes, err
}

// Colours of commits in a search for merge bases.
const (
	ofA   = 1
	ofB   = 2
	stale = 4 // an ancestor of a base
)

// mergeBases returns the best common ancestors of a and b: those that are not
// ancestors of others, highest first. Commits are painted with who descends from
// them, from the highest number down (as git merge-base --all); a commit of both
// colours is a base, and what is below it is not.
func (s *session) mergeBases(a, b CommitID) (bases []CommitID, err error) {
	if a == 0 || b == 0 {
		return nil, nil
	}
	colour := map[CommitID]uint8{a: ofA}
	colour[b] |= ofB
	fresh := len(colour) // in the queue and not stale
	var q queue
	for id := range colour {
		q.add(id)
	}
	for fresh > 0 {
		id := q.next()
		mine := colour[id]
		delete(colour, id)
		if mine&stale == 0 {
			fresh--
			if mine == ofA|ofB {
				bases = append(bases, id)
				mine |= stale
			}
		}
		c, err := s.anyCommit(id)
		if err != nil {
			return nil, err
		}
		for _, p := range c.Parents {
			old, queued := colour[p]
			if !queued {
				q.add(p)
			}
			switch was := queued && old&stale == 0; {
			case was && mine&stale != 0:
				fresh--
			case !queued && mine&stale == 0:
				fresh++
			}
			colour[p] = old | mine
		}
	}
	return bases, nil
}

// aheadBehind counts the ancestors of a that are not b's, and the other way
// round.
func (s *session) aheadBehind(a, b CommitID) (ahead, behind int, err error) {
	colour := map[CommitID]uint8{a: ofA}
	colour[b] |= ofB
	single := 0 // commits in the queue with one colour
	var q queue
	for id, c := range colour {
		if q.add(id); id != 0 && c != ofA|ofB {
			single++
		}
	}
	for single > 0 && q.Len() > 0 {
		c, err := s.anyCommit(q.next())
		if err != nil {
			return 0, 0, err
		}
		mine := colour[c.ID]
		delete(colour, c.ID)
		if mine != ofA|ofB {
			single--
		}
		if !c.ghost && mine == ofA {
			ahead++
		}
		if !c.ghost && mine == ofB {
			behind++
		}
		for _, p := range c.Parents {
			old, queued := colour[p]
			if !queued {
				q.add(p)
			}
			colour[p] = old | mine
			switch both := old|mine == ofA|ofB; {
			case !queued && !both:
				single++
			case queued && both && old != ofA|ofB:
				single--
			}
		}
	}
	return ahead, behind, nil
}
