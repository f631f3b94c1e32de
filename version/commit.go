package version

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"
)

// CommitOptions say more of a commit than its message. The zero value is what
// most want.
type CommitOptions struct {
	Author string
	Time   time.Time         // the present if zero
	Meta   map[string]string // what the program wants to keep with the commit
	// AllowEmpty makes a commit although nothing has changed.
	AllowEmpty bool
	// Merged are further parents: commits whose changes this one has taken over,
	// by whatever means. A merge that Merge does not make is recorded so.
	Merged []CommitID
	// Head, if not zero, is what the branch's head must be; if it is another,
	// the error is ErrMoved.
	Head CommitID

	global GlobalID // of a commit that was made elsewhere
}

// lineage is a parent of a commit, and the nodes of its tree that are not in the
// commit's.
type lineage struct {
	parent CommitID
	dead   []NodeID
}

// record stores a commit of the given number: its row, its edges, and the keys
// that it removed. Nobody names it yet.
func (s *session) record(id CommitID, root Root, from []lineage, removed [][]byte, message string, opt *CommitOptions) (*commitRow, error) {
	c := &commitRow{Commit: Commit{ID: id, Root: root, Message: message, Global: opt.global}}
	if c.Global == (GlobalID{}) {
		if _, err := rand.Read(c.Global[:]); err != nil {
			return nil, err
		}
	}
	c.Author, c.Meta, c.Time = opt.Author, maps.Clone(opt.Meta), opt.Time
	if c.Time.IsZero() {
		c.Time = s.now()
	}
	c.Time = c.Time.UTC().Truncate(time.Microsecond)
	for _, l := range from {
		c.Parents = append(c.Parents, l.parent)
		s.putEdge(l.parent, id, l.dead)
	}
	s.putCommit(c)
	s.t.Put(globalKey(s.space, c.Global), binary.AppendUvarint(nil, uint64(id)))
	s.recordRemoved(id, removed)
	return c, nil
}

// recordRemoved notes which keys a commit removed, both ways round.
func (s *session) recordRemoved(id CommitID, keys [][]byte) {
	if len(keys) == 0 {
		return
	}
	s.t.Put(rowKey(s.space, rowRemoved, uint64(id)), appendKeys(nil, keys))
	for _, key := range keys {
		s.t.Put(removerKey(s.space, key, id), nil)
	}
}

// commitEdits makes a commit of edits on top of a branch's head, and moves the
// head to it. Staged edits are the caller's matter.
func (s *session) commitEdits(b *branchRow, edits []Edit, message string, opt *CommitOptions) (*commitRow, error) {
	c, err := s.commitOn(b.head, b.root, edits, message, opt)
	if err != nil {
		return nil, fmt.Errorf("branch %q: %w", b.name, err)
	}
	return c, s.advance(b, c)
}

// commitOn makes a commit of edits on top of another, or of none. Nobody names
// it yet.
func (s *session) commitOn(parent CommitID, base Root, edits []Edit, message string, opt *CommitOptions) (*commitRow, error) {
	if opt.Head != 0 && opt.Head != parent {
		return nil, fmt.Errorf("the head is commit %d, not %d: %w", parent, opt.Head, ErrMoved)
	}
	id, err := s.newCommitID()
	if err != nil {
		return nil, err
	}
	merged, err := s.mergedRoots(opt.Merged, edits)
	if err != nil {
		return nil, s.fail(err)
	}
	change := s.Change(s.t, id)
	root, err := change.Apply(base, edits)
	if err != nil {
		return nil, s.fail(err)
	}
	if root == base && !opt.AllowEmpty && len(merged) == 0 {
		return nil, ErrUnchanged
	}
	from := after(parent, change.Dead)
	for i, r := range merged {
		l := lineage{parent: opt.Merged[i]}
		if err := s.unshared(r, root, l.lose); err != nil {
			return nil, s.fail(err)
		}
		from = append(from, l)
	}
	return s.record(id, root, from, change.Removed, message, opt)
}

// mergedRoots returns the trees of further parents, and lets edits that make an
// entry what it is in one of them keep the commit that wrote it there.
func (s *session) mergedRoots(parents []CommitID, edits []Edit) (roots []Root, err error) {
	for _, id := range parents {
		c, err := s.commit(id)
		if err != nil {
			return nil, err
		}
		roots = append(roots, c.Root)
		for i := range edits {
			if edits[i].Delete || edits[i].Stamp != 0 {
				continue
			}
			e, ok, err := s.find(c.Root, edits[i].Key)
			if err == nil && ok {
				ok, err = s.hasValue(&e, edits[i].Value)
			}
			if err != nil {
				return nil, err
			}
			if ok {
				edits[i].Stamp = e.stamp
			}
		}
	}
	return roots, nil
}

// after is the lineage of a commit with one parent, or with none.
func after(parent CommitID, dead []NodeID) []lineage {
	if parent == 0 {
		return nil
	}
	return []lineage{{parent, dead}}
}

// advance moves the head of a branch to a commit that descends from it.
func (s *session) advance(b *branchRow, c *commitRow) error {
	if err := s.retain(c.ID); err != nil {
		return err
	}
	_, err := s.unname(b.head) // c holds it
	b.head, b.root = c.ID, c.Root
	s.putBranch(b)
	return err
}

// commitStaged commits the staged edits of a branch, and more edits over them.
func (s *session) commitStaged(b *branchRow, more []Edit, message string, opt *CommitOptions) (*commitRow, error) {
	edits, err := s.edits(b)
	if err != nil {
		return nil, s.fail(err)
	}
	if len(edits) > 0 {
		s.unstage(b)
	}
	return s.commitEdits(b, sorted(append(edits, more...)), message, opt)
}

// sorted brings edits into the order of their keys; of those of one key the
// last stays.
func sorted(edits []Edit) []Edit {
	rising := func(i int) bool { return bytes.Compare(edits[i-1].Key, edits[i].Key) < 0 }
	ok := true
	for i := 1; i < len(edits) && ok; i++ {
		ok = rising(i)
	}
	if ok {
		return edits
	}
	slices.SortStableFunc(edits, func(a, b Edit) int { return bytes.Compare(a.Key, b.Key) })
	out := edits[:0]
	for i := range edits {
		if i+1 == len(edits) || !bytes.Equal(edits[i].Key, edits[i+1].Key) {
			out = append(out, edits[i])
		}
	}
	return out
}
