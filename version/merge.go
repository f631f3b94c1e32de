package version

import "fmt"

// Policy says what a merge does with keys that both sides have changed in
// different ways.
type Policy uint8

const (
	// SourceWins takes what the source has; a removal counts as a change.
	SourceWins Policy = iota
	// TargetWins keeps what the target has.
	TargetWins
	// Fail does nothing and returns a *ConflictsError.
	Fail
)

// FastForward says what a merge does whose target has nothing of its own.
type FastForward uint8

const (
	// Never makes a merge commit, so that the history tells of the merge.
	Never FastForward = iota
	// WhenPossible moves the target's head to the source's.
	WhenPossible
	// Only returns ErrDiverged where the head cannot just be moved.
	Only
)

// MergeKind says what a merge, or the application of a patch, has done.
type MergeKind uint8

const (
	// UpToDate: the target had everything already; nothing was done.
	UpToDate MergeKind = iota
	// FastForwarded: the target's head was moved to the source's.
	FastForwarded
	// Merged: a commit with two parents was made.
	Merged
	// Applied: a commit with the changes of a patch was made.
	Applied
)

// String returns the name of the constant.
func (k MergeKind) String() string {
	switch k {
	case UpToDate:
		return "up to date"
	case FastForwarded:
		return "fast-forwarded"
	case Merged:
		return "merged"
	case Applied:
		return "applied"
	}
	return "MergeKind(?)"
}

// MergeResult tells what a merge, or the application of a patch, has done or
// would do.
type MergeResult struct {
	Kind      MergeKind
	Commit    CommitID   // the target's head after; zero in a preview that makes one
	Bases     []CommitID // none of a patch
	Changes   int        // keys of the target that change
	Conflicts int        // keys that both sides changed, which were decided
}

// mergeSpec is a merge with its options, on bytes.
type mergeSpec struct {
	fastForward FastForward
	policy      Policy
	// resolve, if set, decides a conflict before the policy does.
	resolve func(*clash, *Tree) (v verdict, value []byte, err error)
	message string
	commit  CommitOptions
	preview bool
}

// settle decides a clash by the resolver, then by the policy.
func (m *mergeSpec) settle(t *Tree, failed *ConflictsError) func(*clash) (verdict, []byte, error) {
	return func(c *clash) (verdict, []byte, error) {
		if m.resolve != nil {
			if v, value, err := m.resolve(c, t); err != nil || v != unresolved {
				return v, value, err
			}
		}
		switch m.policy {
		case TargetWins:
			return takeTarget, nil, nil
		case Fail:
			if failed.Count++; failed.Count == 1 {
				failed.First = append([]byte(nil), c.key...)
			}
			return unresolved, nil, nil
		}
		return takeSource, nil, nil
	}
}

// expect returns ErrMoved if the target is not where the options say.
func (m *mergeSpec) expect(into *branchRow) error {
	if m.commit.Head != 0 && m.commit.Head != into.head {
		return fmt.Errorf("branch %q is at commit %d, not %d: %w", into.name, into.head, m.commit.Head, ErrMoved)
	}
	return nil
}

// merge merges a commit, the source, into a branch.
func (s *session) merge(into *branchRow, source CommitID, m *mergeSpec) (MergeResult, error) {
	if source == 0 {
		return MergeResult{}, fmt.Errorf("the source has none: %w", ErrNoCommit)
	}
	if err := m.expect(into); err != nil {
		return MergeResult{}, err
	}
	from, err := s.anyCommit(source)
	if err != nil {
		return MergeResult{}, err
	}
	bases, err := s.mergeBases(into.head, source)
	if err != nil {
		return MergeResult{}, s.fail(err)
	}
	res := MergeResult{Bases: bases, Commit: into.head}
	forward := into.head == 0 || len(bases) == 1 && bases[0] == into.head
	switch {
	case len(bases) == 1 && bases[0] == source:
		return res, nil
	case forward && (into.head == 0 || m.fastForward != Never):
		return s.forward(into, from, res, m)
	case m.fastForward == Only:
		return res, fmt.Errorf("branch %q: %w", into.name, ErrDiverged)
	}
	return s.mergeCommit(into, from, res, m)
}

func (s *session) forward(into *branchRow, to *commitRow, res MergeResult, m *mergeSpec) (MergeResult, error) {
	res.Kind, res.Commit = FastForwarded, to.ID
	n, err := s.countChanges(into.root, to.Root)
	if res.Changes = n; err != nil || m.preview {
		return res, s.fail(err)
	}
	return res, s.advance(into, to)
}

func (s *session) countChanges(a, b Root) (n int, err error) {
	d, err := s.diff(a, b)
	for ok := err == nil; ok; n++ {
		if _, ok, err = d.next(); !ok {
			break
		}
	}
	return n, err
}

// mergeCommit makes a commit with both heads as parents. Where the target has
// no changes of its own the source's tree is taken as it is; else the source's
// changes are applied to the target's.
func (s *session) mergeCommit(into *branchRow, from *commitRow, res MergeResult, m *mergeSpec) (MergeResult, error) {
	res.Kind = Merged
	var failed ConflictsError
	w := threeWay{t: s.Tree, source: from.Root, target: into.root, settle: m.settle(s.Tree, &failed), keepStamps: true}
	for _, id := range res.Bases {
		c, err := s.anyCommit(id)
		if err != nil {
			return res, err
		}
		w.bases = append(w.bases, c.Root)
	}
	if err := w.run(); err != nil {
		return res, s.fail(err)
	}
	res.Changes, res.Conflicts = len(w.edits), w.clashes
	if failed.Count > 0 {
		return res, &failed
	}
	if m.preview {
		res.Commit = 0
		return res, nil
	}
	c, err := s.recordMerge(into, from, &w, m)
	if err != nil {
		return res, s.fail(err)
	}
	res.Commit = c.ID
	return res, s.advance(into, c)
}

func (s *session) recordMerge(into *branchRow, from *commitRow, w *threeWay, m *mergeSpec) (*commitRow, error) {
	id, err := s.newCommitID()
	if err != nil {
		return nil, err
	}
	ours, theirs := lineage{parent: into.head}, lineage{parent: from.ID}
	root := from.Root
	if len(w.bases) == 1 && w.bases[0] == into.root {
		err = s.unshared(into.root, root, ours.lose)
	} else {
		change := s.Change(s.t, id)
		if root, err = change.Apply(into.root, w.edits); err == nil {
			ours.dead = change.Dead
			err = s.unshared(from.Root, root, theirs.lose)
		}
	}
	if err != nil {
		return nil, err
	}
	return s.record(id, root, []lineage{ours, theirs}, w.removed, m.message, &m.commit)
}

func (l *lineage) lose(id NodeID) { l.dead = append(l.dead, id) }
