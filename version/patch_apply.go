package version

import "fmt"

// ApplyPatch makes a commit with the changes of a patch, or of what is left of
// it. A key that is what it was where the patch comes from gets the patch's
// value; one that has that already is left alone; every other is a conflict,
// which the options decide as in a merge: the base is the patch's old value, the
// source its new one. If nothing is left to change, no commit is made, unless
// AllowEmpty is set; the result is UpToDate then. FastForward has no meaning
// here.
//
// The edits of the patch are in memory until the commit is made. The patch is
// used up.
//
// Errors: those of the patch, see ReadPatch, before anything is changed;
// ErrUncommitted if the branch has uncommitted edits, ErrConflicts as a
// *ConflictsError, ErrMoved, and what the resolver returns.
func (b *Branch[K, V]) ApplyPatch(p *Patch[K, V], opt *MergeOptions[K, V]) (MergeResult, error) {
	return b.patchWith(p, opt, false)
}

// PreviewPatch tells what ApplyPatch would do, and changes nothing. The patch is
// used up: read it again to apply it.
func (b *Branch[K, V]) PreviewPatch(p *Patch[K, V], opt *MergeOptions[K, V]) (MergeResult, error) {
	return b.patchWith(p, opt, true)
}

// PatchConflicts returns the keys that ApplyPatch would have to decide, in
// order. The patch is used up.
func (b *Branch[K, V]) PatchConflicts(p *Patch[K, V]) (list []Conflict[K, V], err error) {
	_, err = b.PreviewPatch(p, collectConflicts(&list))
	return list, err
}

func (b *Branch[K, V]) patchWith(p *Patch[K, V], opt *MergeOptions[K, V], preview bool) (res MergeResult, err error) {
	changes, err := p.collect()
	if err != nil {
		return res, err
	}
	spec := b.m.spec(opt, fmt.Sprintf("Apply the changes from %s to %s", p.From, p.To))
	spec.preview = preview
	run := func(s *session, into *branchRow) error {
		res, err = s.applyPatch(into, changes, spec)
		return err
	}
	if preview {
		err = b.view(func(s *session, st state) error { return run(s, st.branch) })
	} else {
		err = b.change(run)
	}
	return res, err
}

// collect reads the patch to its end.
func (p *Patch[K, V]) collect() (list []delta, err error) {
	for p.err == nil {
		x, _, ok := p.next()
		if !ok {
			break
		}
		list = append(list, x)
	}
	return list, p.err
}

// applyPatch makes a commit of changes on top of a branch's head.
func (s *session) applyPatch(into *branchRow, changes []delta, m *mergeSpec) (MergeResult, error) {
	res := MergeResult{Commit: into.head}
	if err := m.expect(into); err != nil {
		return res, err
	}
	if err := s.clean(into); err != nil {
		return res, err
	}
	var failed ConflictsError
	w := threeWay{t: s.Tree, target: into.root, settle: m.settle(s.Tree, &failed)}
	for i := range changes {
		if err := w.bring(&changes[i]); err != nil {
			return res, s.fail(err)
		}
	}
	res.Changes, res.Conflicts = len(w.edits), w.clashes
	switch {
	case failed.Count > 0:
		return res, &failed
	case len(w.edits) == 0 && !m.commit.AllowEmpty:
		return res, nil
	}
	res.Kind = Applied
	if m.preview {
		res.Commit = 0
		return res, nil
	}
	c, err := s.commitEdits(into, w.edits, m.message, &m.commit)
	if err == nil {
		res.Commit = c.ID
	}
	return res, err
}

// bring applies one change to the target. What the change comes from is no tree
// at hand, so values are compared, and not nodes.
func (m *threeWay) bring(x *delta) error {
	c := clash{key: x.key, base: x.old, source: x.new}
	e, ok, err := m.t.find(m.target, x.key)
	if err == nil && ok {
		c.target = entry{key: e.key, stamp: e.stamp, size: e.size}
		c.target.value, err = m.t.value(&e)
	}
	switch {
	case err != nil || sameEntry(&c.source, &c.target):
		return err
	case sameEntry(&c.base, &c.target):
		return m.take(&c.source, x.key)
	}
	return m.decide(&c)
}
