package main

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/version"
)

// versionMap is a versioned map whose Go types are not at hand.
type versionMap struct {
	*varve.VersionMap[any, any]
	name string
	kc   codec.Key[any]
}

type branch = version.Branch[any, any]

// openVersions opens the versioned map of a name, which must be there.
func openVersions(db *varve.DB, name string) (*versionMap, error) {
	info, ok, err := find(db, name)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %q", varve.ErrNoCollection, name)
	}
	if err == nil && info.Kind != varve.KindVersion {
		err = usagef("%s is %s, and has no versions", name, info.Type)
	}
	if err != nil {
		return nil, err
	}
	return versionsOf(db, name, info.Type)
}

func versionsOf(db *varve.DB, name string, t varve.Type) (*versionMap, error) {
	kc := keysOf(t)
	m, err := varve.OpenVersionMap[any, any](db, name, varve.WithKeys(kc), varve.WithValues(valuesOf(t)))
	if err != nil {
		return nil, err
	}
	return &versionMap{m, name, kc}, nil
}

// branch returns the branch of a name, the main one if it is empty.
func (m *versionMap) branch(name string) (*branch, error) {
	if name == "" {
		return m.Main()
	}
	return m.Branch(name)
}

// commit returns the commit that a revision names: a branch, a tag, a number,
// each with ~N for the N-th first parent before it; the main branch if it is
// empty.
func (m *versionMap) commit(rev string) (version.CommitID, error) {
	name, back, steps := strings.Cut(rev, "~")
	n := uint64(1)
	var err error
	if back != "" {
		if n, err = strconv.ParseUint(back, 10, 32); err != nil {
			return 0, usagef("%q: the number of steps back is no number", rev)
		}
	}
	id, err := m.named(name)
	for ; err == nil && steps && n > 0; n-- {
		var c version.Commit
		if c, err = m.Commit(id); err == nil {
			if len(c.Parents) == 0 {
				return 0, fmt.Errorf("%s goes back beyond the first commit: %w", rev, version.ErrNoCommit)
			}
			id = c.Parents[0]
		}
	}
	return id, err
}

func (m *versionMap) named(name string) (version.CommitID, error) {
	b, err := m.branch(name)
	if err == nil {
		id, err := b.Head()
		if err == nil && id == 0 {
			err = fmt.Errorf("branch %q has none: %w", name, version.ErrNoCommit)
		}
		return id, err
	}
	if !errors.Is(err, version.ErrNoBranch) {
		return 0, err
	}
	t, err := m.TagNamed(name)
	if err == nil || !errors.Is(err, version.ErrNoTag) {
		return t.Commit, err
	}
	n, err := strconv.ParseUint(name, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no branch, tag or commit of %s: %w", name, m.name, version.ErrNoCommit)
	}
	c, err := m.Commit(version.CommitID(n))
	return c.ID, err
}

// findAt is find, but a name that no collection has may end in @REVISION.
func findAt(db *varve.DB, name string) (info varve.Info, rev string, ok bool, err error) {
	if info, ok, err = find(db, name); ok || err != nil {
		return info, "", ok, err
	}
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		return info, "", false, nil
	}
	info, ok, err = find(db, name[:at])
	if ok && info.Kind != varve.KindVersion {
		ok = false
	}
	return info, name[at+1:], ok, err
}

// revision is a versioned map at a revision, as any other collection: the
// working state of a branch, which can be written, or a commit.
type revision struct {
	m *versionMap
	b *branch // nil at a commit
	r interface {
		Get(any) (any, bool, error)
		Range(from, to varve.Bound[any]) *version.Cursor[any, any]
		Prefix(any) *version.Cursor[any, any]
	}
}

// at returns the map at a revision; the empty one is the main branch.
func (m *versionMap) at(rev string) (collection, error) {
	b, err := m.branch(rev)
	if err == nil {
		return revision{m, b, b}, nil
	}
	if !errors.Is(err, version.ErrNoBranch) {
		return nil, err
	}
	id, err := m.commit(rev)
	if err != nil {
		return nil, err
	}
	st, err := m.At(id)
	return revision{m, nil, st}, err
}

func (c revision) get(key string) (entry, bool, error) {
	v, ok, err := c.r.Get(key)
	if err != nil || !ok {
		return entry{}, false, err
	}
	k, err := decodedKey(c.m.kc, key)
	return entry{k, v, true, true}, true, err
}

func (c revision) walk(s span) iter.Seq2[entry, error] {
	cursor := c.r.Range(s.bounds())
	if s.prefix != nil {
		cursor = c.r.Prefix(*s.prefix)
	}
	if s.back {
		cursor = cursor.Backward()
	}
	cursor = cursor.Limit(s.limit)
	return func(yield func(entry, error) bool) {
		for k, v := range cursor.All() {
			if !yield(entry{k, v, true, true}, nil) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(entry{}, err)
		}
	}
}

var errCommitFixed = usagef("a commit does not change: name a branch")

func (c revision) remove(tx *varve.Tx, keys []string) (n int64, err error) {
	if c.b == nil {
		return 0, errCommitFixed
	}
	b := c.m.In(tx).BranchByID(c.b.ID())
	var e version.Edits[any, any]
	for _, k := range keys {
		had, err := b.Has(k)
		if err != nil {
			return n, err
		}
		if had {
			n++
			e.Delete(k)
		}
	}
	return n, b.Apply(&e)
}

func (c revision) clear(tx *varve.Tx) (n int64, err error) {
	if c.b == nil {
		return 0, errCommitFixed
	}
	b := c.m.In(tx).BranchByID(c.b.ID())
	var e version.Edits[any, any]
	cursor := b.All()
	for k := range cursor.Keys() {
		key, err := text(k)
		if err != nil {
			return 0, err
		}
		e.Delete(key)
		n++
	}
	return n, errors.Join(cursor.Err(), b.Apply(&e))
}

func (c revision) putAll(list []pair) error {
	if c.b == nil {
		return errCommitFixed
	}
	var e version.Edits[any, any]
	for _, p := range list {
		e.Put(p.key, p.value)
	}
	return c.b.Apply(&e)
}
