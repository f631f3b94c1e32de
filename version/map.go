package version

import (
	"iter"
	"time"

	"github.com/varvedb/varve/codec"
)

// Map is a map with history. Its states are those of its branches, which are
// written through [Branch], and those of its commits, which are read through
// [State]. A new map has one branch, main, which is empty.
//
// A handle may be used concurrently, unless its home is a transaction. Readers
// never wait for writers: each read sees one state, whatever is committed,
// merged or removed meanwhile. Each method that changes something is one atomic
// write, as durable as the home says when it returns; where another write gets
// ahead it is done again.
//
// Besides the errors that each method names there are ErrClosed, ErrReadOnly,
// those of the disk and of the codecs, and *kv.CorruptionError.
type Map[K, V any] struct {
	core
	kc codec.Key[K]
	vc codec.Value[V]
}

// New returns the map in a home, with the given codecs. Nothing is read or
// written before the first use.
func New[K, V any](home Home, kc codec.Key[K], vc codec.Value[V], opt *Options) *Map[K, V] {
	return &Map[K, V]{newCore(home, opt), kc, vc}
}

// Open returns the map in a home, with the codecs of its types: keys must be of
// a type that has an order.
func Open[K, V any](home Home, opt *Options) (*Map[K, V], error) {
	kc, err := codec.KeyOf[K]()
	if err != nil {
		return nil, err
	}
	vc, err := codec.ValueOf[V]()
	if err != nil {
		return nil, err
	}
	return New(home, kc, vc, opt), nil
}

// In returns the map in another home: inside a transaction, or at a snapshot,
// of the same store.
func (m *Map[K, V]) In(home Home) *Map[K, V] {
	c := *m
	c.home = home
	return &c
}

// Main returns the main branch.
func (m *Map[K, V]) Main() (b *Branch[K, V], err error) {
	err = m.view(func(s *session) error {
		id, err := s.mainBranch()
		b = m.branchOf(id)
		return err
	})
	return b, err
}

// Branch returns the branch of a name, or ErrNoBranch.
func (m *Map[K, V]) Branch(name string) (b *Branch[K, V], err error) {
	err = m.view(func(s *session) error {
		row, err := s.branchNamed(name)
		if err == nil {
			b = m.branchOf(row.id)
		}
		return err
	})
	return b, err
}

// BranchByID returns the branch of a number. That it is there is seen when it is
// used.
func (m *Map[K, V]) BranchByID(id BranchID) *Branch[K, V] { return m.branchOf(id) }

// BranchInfo describes a branch.
type BranchInfo struct {
	ID   BranchID
	Name string
	Head CommitID // 0: no commit yet
	Len  int64    // of the head
	Main bool
}

// Branches returns all branches, by number.
func (m *Map[K, V]) Branches() (list []BranchInfo, err error) {
	err = m.view(func(s *session) error {
		list = nil
		main, err := s.mainBranch()
		if err != nil {
			return err
		}
		rows, err := s.branches()
		for _, b := range rows {
			list = append(list, b.info(main))
		}
		return err
	})
	return list, err
}

func (b *branchRow) info(main BranchID) BranchInfo {
	return BranchInfo{ID: b.id, Name: b.name, Head: b.head, Len: int64(b.root.Count), Main: b.id == main}
}

// CreateBranch makes a branch whose head is a commit; 0 is none, for a branch
// that is empty. Errors: ErrExists, ErrName, ErrNoCommit.
func (m *Map[K, V]) CreateBranch(name string, at CommitID) (b *Branch[K, V], err error) {
	err = m.update(func(s *session) error {
		root := Root{}
		if at != 0 {
			c, err := s.commit(at)
			if err != nil {
				return err
			}
			root = c.Root
		}
		row, err := s.createBranch(name, at, root)
		if err == nil {
			b = m.branchOf(row.id)
		}
		return err
	})
	return b, err
}

// Commit describes a commit, or returns ErrNoCommit.
func (m *Map[K, V]) Commit(id CommitID) (c Commit, err error) {
	err = m.view(func(s *session) error {
		row, err := s.commit(id)
		if err == nil {
			c = row.Commit
		}
		return err
	})
	return c, err
}

// At returns the state of a commit, or ErrNoCommit.
func (m *Map[K, V]) At(id CommitID) (st *State[K, V], err error) {
	err = m.view(func(s *session) error {
		row, err := s.commit(id)
		if err == nil {
			st = newState(m, row)
		}
		return err
	})
	return st, err
}

// Tag gives a commit a name that does not move, and that keeps it. Errors:
// ErrExists, ErrName, ErrNoCommit.
func (m *Map[K, V]) Tag(name string, id CommitID, message string) error {
	return m.update(func(s *session) error { return s.tag(name, id, message) })
}

// DeleteTag removes a tag, or returns ErrNoTag. A commit that only the tag kept
// goes with it.
func (m *Map[K, V]) DeleteTag(name string) error {
	return m.update(func(s *session) error { return s.deleteTag(name) })
}

// TagNamed returns the tag of a name, or ErrNoTag.
func (m *Map[K, V]) TagNamed(name string) (t Tag, err error) {
	err = m.view(func(s *session) error {
		t, err = s.tagNamed(name)
		return err
	})
	return t, err
}

// Tags returns all tags, by name.
func (m *Map[K, V]) Tags() (list []Tag, err error) {
	err = m.view(func(s *session) error {
		list, err = s.tags()
		return err
	})
	return list, err
}

// Reflog returns the heads that branches have lost, the oldest first. A lost
// commit comes back by making a branch at it.
func (m *Map[K, V]) Reflog() (list []Lost, err error) {
	err = m.view(func(s *session) error {
		list, err = s.lost()
		return err
	})
	return list, err
}

// KeepReflog sets how many lost heads are remembered, and kept, from now on;
// with 0 what a branch loses goes at once. New maps keep DefaultReflog.
func (m *Map[K, V]) KeepReflog(n int) error {
	return m.update(func(s *session) error { return s.keepLost(uint64(max(0, n))) })
}

// MergeBases returns the best common ancestors of two commits: those that are
// not ancestors of others, the newest first. Where histories cross there are
// several; unrelated commits have none. One that retention has hidden is among
// them, although Commit and At do not know it any more.
func (m *Map[K, V]) MergeBases(a, b CommitID) (list []CommitID, err error) {
	err = m.view(func(s *session) error {
		list, err = s.mergeBases(a, b)
		return err
	})
	return list, err
}

// IsAncestor reports whether a is b or one of its ancestors.
func (m *Map[K, V]) IsAncestor(a, b CommitID) (yes bool, err error) {
	err = m.view(func(s *session) error {
		yes, err = s.descends(b, a)
		return err
	})
	return yes, err
}

// Distance returns how many first-parent steps lead from a commit to an
// ancestor; ok is false if none do.
func (m *Map[K, V]) Distance(from, ancestor CommitID) (n int, ok bool, err error) {
	err = m.view(func(s *session) error {
		n = 0
		return s.firstParents(from, func(c *commitRow) (bool, error) {
			if ok = c.ID == ancestor; !ok && !c.ghost {
				n++
			}
			return !ok && c.ID > ancestor, nil
		})
	})
	return n, ok, err
}

// AheadBehind returns how many commits a has that b has not, and the other way
// round.
func (m *Map[K, V]) AheadBehind(a, b CommitID) (ahead, behind int, err error) {
	err = m.view(func(s *session) error {
		ahead, behind, err = s.aheadBehind(a, b)
		return err
	})
	return ahead, behind, err
}

// Log walks over commits and their ancestors, the newest first; firstParent
// leaves out what came in by merges.
func (m *Map[K, V]) Log(firstParent bool, heads ...CommitID) *Log {
	return &Log{core: &m.core, heads: heads, firstParent: firstParent}
}

// Truncate forgets the commits that keep does not let stay, on all branches and
// tags, and returns how many. Those that several others descend from are only
// hidden, until at most one is left. What is forgotten takes its nodes with it.
func (m *Map[K, V]) Truncate(keep Retention) (n int, err error) {
	err = m.update(func(s *session) error {
		heads, err := s.heads()
		if err == nil {
			n, err = s.truncate(keep, heads)
		}
		return err
	})
	return n, err
}

// Log is a walk over commits that has not begun. It is used by one goroutine.
type Log struct {
	core        *core
	heads       []CommitID
	firstParent bool
	limit       int
	until       time.Time
	err         error
}

// Limit ends the walk after n commits; 0 is no limit.
func (l *Log) Limit(n int) *Log { l.limit = n; return l }

// Until passes over commits made after t.
func (l *Log) Until(t time.Time) *Log { l.until = t; return l }

// All walks over the commits. They are read as the loop goes, so a long history
// costs no more than what is looked at.
func (l *Log) All() iter.Seq[Commit] {
	return func(yield func(Commit) bool) {
		n := 0
		visit := func(c *commitRow) (bool, error) {
			if c.ghost || !l.until.IsZero() && c.Time.After(l.until) {
				return true, nil
			}
			n++
			return yield(c.Commit) && n != l.limit, nil
		}
		err := l.core.view(func(s *session) error {
			if !l.firstParent {
				return s.ancestors(l.heads, visit)
			}
			for _, head := range l.heads {
				if err := s.firstParents(head, visit); err != nil {
					return err
				}
			}
			return nil
		})
		if l.err == nil {
			l.err = err
		}
	}
}

// Err returns the first error of the walks, nil if there was none.
func (l *Log) Err() error { return l.err }
