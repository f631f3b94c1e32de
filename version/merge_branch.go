package version

// Conflict is a key that both sides of a merge have changed in different ways.
// A side that has removed the key, or never had it, has no value.
type Conflict[K, V any] struct {
	Key                        K
	Base, Source, Target       V
	InBase, InSource, InTarget bool
}

// Decision says what becomes of a key in conflict: see Keep, Drop, TakeSource,
// TakeTarget and Undecided.
type Decision[V any] struct {
	verdict verdict
	value   V
}

// Keep decides for a value, which may be neither side's.
func Keep[V any](v V) Decision[V] { return Decision[V]{takeValue, v} }

// Drop decides that the key goes.
func Drop[V any]() Decision[V] { return Decision[V]{verdict: takeNone} }

// TakeSource decides for what the source has; if that is nothing the key goes.
func TakeSource[V any]() Decision[V] { return Decision[V]{verdict: takeSource} }

// TakeTarget decides for what the target has.
func TakeTarget[V any]() Decision[V] { return Decision[V]{verdict: takeTarget} }

// Undecided leaves the key to the policy.
func Undecided[V any]() Decision[V] { return Decision[V]{verdict: unresolved} }

// Resolver decides conflicts of a merge, one by one, in the order of the keys.
// It may be called again, if another write gets ahead of the merge.
type Resolver[K, V any] func(Conflict[K, V]) (Decision[V], error)

// MergeOptions say how a merge is done. The zero value, and nil, merge so that
// the source wins.
type MergeOptions[K, V any] struct {
	// Policy decides conflicts that Resolve does not.
	Policy Policy
	// Resolve, if set, decides conflicts first.
	Resolve Resolver[K, V]
	// FastForward says what is done if the target has nothing of its own.
	FastForward FastForward
	// Message of the commit; one that names both branches by default.
	Message string
	// CommitOptions are the rest of what the commit says.
	CommitOptions
}

// spec returns the options on bytes.
func (m *Map[K, V]) spec(opt *MergeOptions[K, V], message string) *mergeSpec {
	if opt == nil {
		opt = &MergeOptions[K, V]{}
	}
	if opt.Message != "" {
		message = opt.Message
	}
	spec := &mergeSpec{fastForward: opt.FastForward, policy: opt.Policy, message: message, commit: opt.CommitOptions}
	if opt.Resolve != nil {
		spec.resolve = m.resolver(opt.Resolve)
	}
	return spec
}

// resolver decodes conflicts for resolve, and encodes what it decides.
func (m *Map[K, V]) resolver(resolve Resolver[K, V]) func(*clash, *Tree) (verdict, []byte, error) {
	return func(c *clash, t *Tree) (verdict, []byte, error) {
		typed, err := m.conflict(t, c)
		if err != nil {
			return unresolved, nil, err
		}
		d, err := resolve(typed)
		if err != nil || d.verdict != takeValue {
			return d.verdict, nil, err
		}
		v, err := m.vc.Append(nil, d.value)
		return takeValue, v, err
	}
}

func (m *Map[K, V]) conflict(t *Tree, c *clash) (x Conflict[K, V], err error) {
	if x.Key, err = m.kc.Decode(c.key); err != nil {
		return x, err
	}
	for _, side := range []struct {
		e  *entry
		v  *V
		in *bool
	}{{&c.base, &x.Base, &x.InBase}, {&c.source, &x.Source, &x.InSource}, {&c.target, &x.Target, &x.InTarget}} {
		if *side.in = side.e.key != nil; !*side.in {
			continue
		}
		data, err := t.value(side.e)
		if err == nil {
			*side.v, err = m.vc.Decode(data)
		}
		if err != nil {
			return x, err
		}
	}
	return x, nil
}

// Merge brings the changes of another branch since their histories parted to
// this one. The cost is that of the changes on both sides, whatever the size of
// the map; the result shares its nodes with both.
//
// A key that both have changed in different ways is a conflict, which the
// options decide; by default the source, from, wins. Where the histories cross,
// so that there are several best common ancestors, keys that these do not agree
// on are conflicts too.
//
// Errors: ErrUncommitted if either side has uncommitted edits, ErrSame,
// ErrNoCommit if the source has none, ErrConflicts as a *ConflictsError,
// ErrDiverged, ErrMoved, and what the resolver returns.
func (b *Branch[K, V]) Merge(from *Branch[K, V], opt *MergeOptions[K, V]) (MergeResult, error) {
	return b.mergeWith(from, opt, false)
}

// Preview tells what Merge would do, and changes nothing. Conflicts returns the
// conflicts one by one.
func (b *Branch[K, V]) Preview(from *Branch[K, V], opt *MergeOptions[K, V]) (MergeResult, error) {
	return b.mergeWith(from, opt, true)
}

func (b *Branch[K, V]) mergeWith(from *Branch[K, V], opt *MergeOptions[K, V], preview bool) (res MergeResult, err error) {
	run := func(s *session, into *branchRow) error {
		source, err := s.branch(from.branch)
		if err != nil {
			return err
		}
		if source.id == into.id {
			return ErrSame
		}
		for _, side := range []*branchRow{into, source} {
			if err := s.clean(side); err != nil {
				return err
			}
		}
		spec := b.m.spec(opt, "Merge "+source.name+" into "+into.name)
		spec.preview = preview
		res, err = s.merge(into, source.head, spec)
		return err
	}
	if preview {
		err = b.view(func(s *session, st state) error { return run(s, st.branch) })
	} else {
		err = b.change(run)
	}
	return res, err
}

// Conflicts returns the keys that a merge of from into b would have to decide,
// in order.
func (b *Branch[K, V]) Conflicts(from *Branch[K, V]) (list []Conflict[K, V], err error) {
	_, err = b.Preview(from, collectConflicts(&list))
	return list, err
}

// collectConflicts returns options of a preview that lists the conflicts.
func collectConflicts[K, V any](list *[]Conflict[K, V]) *MergeOptions[K, V] {
	return &MergeOptions[K, V]{Resolve: func(c Conflict[K, V]) (Decision[V], error) {
		*list = append(*list, c)
		return TakeSource[V](), nil
	}}
}

// CherryPick makes a commit with the change that another commit made to its
// first parent. Conflicts are decided as in a merge; the source is that commit.
func (b *Branch[K, V]) CherryPick(id CommitID, opt *MergeOptions[K, V]) (CommitID, error) {
	return b.pick(id, false, opt)
}

// Revert makes a commit with the opposite of the change that another commit made
// to its first parent. Conflicts are decided as in a merge; the source is what
// was before that commit.
func (b *Branch[K, V]) Revert(id CommitID, opt *MergeOptions[K, V]) (CommitID, error) {
	return b.pick(id, true, opt)
}

func (b *Branch[K, V]) pick(id CommitID, undo bool, opt *MergeOptions[K, V]) (made CommitID, err error) {
	err = b.change(func(s *session, row *branchRow) error {
		picked, err := s.commit(id)
		if err != nil {
			return err
		}
		message := picked.Message
		if undo {
			message = "Revert: " + message
		}
		c, err := s.cherryPick(row, id, undo, b.m.spec(opt, message))
		if err == nil {
			made = c.ID
		}
		return err
	})
	return made, err
}

// Rebase makes the commits of the branch that onto does not have again, on top
// of it: the first-parent ones, the oldest first, with their messages, authors
// and times. Commits that change nothing there are left out. The old head is in
// the reflog. Errors as of Merge.
func (b *Branch[K, V]) Rebase(onto CommitID, opt *MergeOptions[K, V]) error {
	return b.change(func(s *session, row *branchRow) error { return s.rebase(row, onto, b.m.spec(opt, "")) })
}

// Squash replaces the commits of the branch after an ancestor by one with all
// their changes; 0 replaces all of them. The old head is in the reflog. Errors:
// ErrUncommitted, ErrUnrelated, ErrUnchanged, ErrMoved.
func (b *Branch[K, V]) Squash(after CommitID, message string, opt *CommitOptions) (made CommitID, err error) {
	if opt == nil {
		opt = &CommitOptions{}
	}
	err = b.change(func(s *session, row *branchRow) error {
		c, err := s.squash(row, after, message, opt)
		if err == nil {
			made = c.ID
		}
		return err
	})
	return made, err
}
