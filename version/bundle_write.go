package version

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Kinds of frames of a bundle, in the order in which they come.
const (
	frameHeader = 'H' // what the map is
	frameCommit = 'C' // a commit; its edits follow
	frameEdits  = 'E' // some edits of the commit before
	frameMain   = 'M' // the name of the main branch
	frameRef    = 'R' // a branch
	frameTag    = 'T' // a tag
	frameEnd    = 'Z' // how many commits there were
)

const bundleMagic = "VarveBundle"

// A bundle has commits as what they changed in their first parent: that is less
// than their nodes, and whoever receives them writes nodes of his own, which no
// retention of the sender can have thinned out. The fingerprint of each state,
// which both sides can compute as they share the secret, proves that the result
// is the same.

// Bundle writes the history of all branches and tags to w, without the commits
// since and their ancestors, and without branches that follow another map's. Unbundle reads it into another map, which must have
// those. It holds the secret of the fingerprints: who reads it can make others
// with the same. Uncommitted edits stay behind. Errors: ErrNoCommit, and those of
// w.
func (m *Map[K, V]) Bundle(w io.Writer, since ...CommitID) error {
	return m.view(func(s *session) error {
		f := newFrameWriter(w)
		if err := s.sendAll(f, m.shapes(), since); err != nil {
			return err
		}
		return f.flush()
	})
}

// shapes describes keys and values.
func (m *Map[K, V]) shapes() [2]string {
	return [2]string{string(m.kc.Shape()), string(m.vc.Shape())}
}

// sendAll writes a bundle of all branches and tags.
func (s *session) sendAll(f *frameWriter, shapes [2]string, have []CommitID) error {
	branches, err := s.ownBranches()
	if err != nil {
		return err
	}
	tags, err := s.tags()
	if err != nil {
		return err
	}
	id, err := s.mainBranch()
	if err != nil {
		return err
	}
	main, err := s.branch(id)
	if err != nil {
		return err
	}
	return s.send(f, shapes, &names{main, branches, tags}, have)
}

// ownBranches returns the branches that have commits and do not follow one of
// another map: if those travelled, two maps that fetch from each other would
// have more of them each time.
func (s *session) ownBranches() (list []*branchRow, err error) {
	all, err := s.branches()
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		follows, err := s.r.Has(rowKey(s.space, rowRemote, uint64(b.id)))
		if err != nil {
			return nil, err
		}
		if b.head != 0 && !follows {
			list = append(list, b)
		}
	}
	return list, nil
}

// names are the branches and tags that a bundle has.
type names struct {
	main     *branchRow // nil: the bundle does not tell
	branches []*branchRow
	tags     []Tag
}

// send writes a bundle: the ancestors of what the names stand for that are not
// ancestors of have.
func (s *session) send(f *frameWriter, shapes [2]string, all *names, have []CommitID) error {
	m, err := s.metaRow()
	if err != nil {
		return err
	}
	head := append([]byte(bundleMagic), rowFormat)
	head = append(head, m.secret[:]...)
	f.frame(frameHeader, appendBytes(appendBytes(head, shapes[0]), shapes[1]))
	var heads []CommitID
	for _, b := range all.branches {
		heads = append(heads, b.head)
	}
	for _, t := range all.tags {
		heads = append(heads, t.Commit)
	}
	missing, err := s.missing(heads, have)
	if err != nil {
		return err
	}
	for _, c := range missing {
		if err := s.sendCommit(f, c); err != nil {
			return err
		}
	}
	if err := s.sendNames(f, all); err != nil {
		return err
	}
	f.frame(frameEnd, binary.AppendUvarint(nil, uint64(len(missing))))
	return f.err
}

// missing returns the ancestors of heads that are not ancestors of have, parents
// before children.
func (s *session) missing(heads, have []CommitID) (list []*commitRow, err error) {
	theirs := make(map[CommitID]bool)
	for _, id := range have {
		theirs[id] = true
	}
	open := 0 // commits of the queue that they may not have
	waiting := make(map[CommitID]bool)
	var q queue
	push := func(id CommitID, known bool) {
		if waiting[id] {
			if known && !theirs[id] {
				open--
			}
		} else {
			waiting[id] = true
			q.add(id)
			if !known && !theirs[id] {
				open++
			}
		}
		theirs[id] = theirs[id] || known
	}
	for _, id := range have {
		push(id, true)
	}
	for _, id := range heads {
		push(id, theirs[id])
	}
	for open > 0 {
		c, err := s.anyCommit(q.next())
		if err != nil {
			return nil, err
		}
		known := theirs[c.ID]
		delete(waiting, c.ID)
		if !known {
			open--
			list = append(list, c)
		}
		for _, p := range c.Parents {
			push(p, known)
		}
	}
	slices.Reverse(list)
	return list, nil
}

// A commit frame is: flags (1: bit 0, ghost), global id (16), uvarint count of
// parents and their global ids, uvarint entries, fingerprint (16), time (8),
// message, author, metadata as in the row, uvarint number of edits.
func (s *session) sendCommit(f *frameWriter, c *commitRow) error {
	base, n := Root{}, 0
	if len(c.Parents) > 0 {
		p, err := s.anyCommit(c.Parents[0])
		if err != nil {
			return err
		}
		base = p.Root
	}
	n, err := s.countChanges(base, c.Root)
	if err != nil {
		return err
	}
	flags := byte(0)
	if c.ghost {
		flags = flagGhost
	}
	b := append([]byte{flags}, c.Global[:]...)
	b = appendUvarint(b, len(c.Parents))
	for _, id := range c.Parents {
		p, err := s.anyCommit(id)
		if err != nil {
			return err
		}
		b = append(b, p.Global[:]...)
	}
	b = appendSum(binary.AppendUvarint(b, c.Root.Count), c.Root.Sum)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time.UnixMicro()))
	b = appendBytes(appendBytes(b, c.Message), c.Author)
	b = appendUvarint(b, len(c.Meta))
	for _, name := range slices.Sorted(maps.Keys(c.Meta)) {
		b = appendBytes(appendBytes(b, name), c.Meta[name])
	}
	f.frame(frameCommit, appendUvarint(b, n))
	return s.sendEdits(f, base, c.Root)
}

// sendEdits writes what changed between two trees. An edit is a byte, 1 for a
// removal, the key and, if it is none, the value.
func (s *session) sendEdits(f *frameWriter, from, to Root) error {
	d, err := s.diff(from, to)
	if err != nil {
		return err
	}
	var b []byte
	for {
		x, ok, err := d.next()
		if err != nil {
			return err
		}
		if len(b) > 0 && (!ok || len(b) >= maxFrame/4) {
			f.frame(frameEdits, b)
			b = b[:0]
		}
		if !ok {
			return f.err
		}
		if x.new.key == nil {
			b = appendBytes(append(b, stagedDelete), x.key)
			continue
		}
		v, err := s.value(&x.new)
		if err != nil {
			return err
		}
		b = appendBytes(appendBytes(append(b, 0), x.key), v)
	}
}

// sendNames writes branches and tags: the global id and the name, of a tag also
// its time and message.
func (s *session) sendNames(f *frameWriter, all *names) error {
	if all.main != nil {
		f.frame(frameMain, []byte(all.main.name))
	}
	for _, b := range all.branches {
		c, err := s.anyCommit(b.head)
		if err != nil {
			return err
		}
		f.frame(frameRef, appendBytes(append([]byte(nil), c.Global[:]...), b.name))
	}
	for _, t := range all.tags {
		c, err := s.anyCommit(t.Commit)
		if err != nil {
			return fmt.Errorf("tag %q: %w", t.Name, err)
		}
		b := appendBytes(append([]byte(nil), c.Global[:]...), t.Name)
		b = binary.BigEndian.AppendUint64(b, uint64(t.Time.UnixMicro()))
		f.frame(frameTag, appendBytes(b, t.Message))
	}
	return f.err
}

// metaRow reads the record of the map.
func (s *session) metaRow() (meta, error) {
	data, ok, err := s.r.Get(rowKey(s.space, rowMeta), nil)
	if err != nil || !ok {
		return meta{}, err
	}
	m, err := decodeMeta(data)
	if err != nil {
		err = damagedRow(s.space, "the record of the map", err)
	}
	return m, err
}
