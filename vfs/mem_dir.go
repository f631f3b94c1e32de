package vfs

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// directory is the entries of a directory, as programs see them and as they are
// on stable storage. Mem.entryOps leads from the second to the first. Both are
// guarded by Mem.mu.
type directory struct {
	entries map[string]*inode
	stable  map[string]*inode // nil if the disk is not tracked
}

// entry is a place in a directory.
type entry struct {
	dir  *inode
	name string
}

// entryOp is an operation on directory entries: target leaves from, if that has
// a directory, and arrives at to, if that has one. A rename has both.
type entryOp struct {
	seq      uint64
	target   *inode
	from, to entry
}

// apply does the operation on the entries that table returns for a directory.
func (op *entryOp) apply(table func(dir *inode) map[string]*inode) {
	if op.from.dir != nil {
		if t := table(op.from.dir); t[op.from.name] == op.target {
			delete(t, op.from.name)
		}
	}
	if op.to.dir != nil {
		table(op.to.dir)[op.to.name] = op.target
	}
}

func (op *entryOp) touches(dir *inode) bool { return op.from.dir == dir || op.to.dir == dir }

func (op *entryOp) isRename() bool { return op.from.dir != nil && op.to.dir != nil }

// closure tells which operations are on stable storage if at least the wanted
// ones are. Operations on one entry are ordered; so are the removal of a
// directory and all that was done in it before, and the rename of a directory
// and all that was done before. Without that a file which is only renamed could
// vanish.
func closure(ops []entryOp, want func(i int) bool) []bool {
	in := make([]bool, len(ops))
	names := map[entry]bool{}
	dirs := map[*inode]bool{}
	all := false
	for i := len(ops) - 1; i >= 0; i-- {
		op := &ops[i]
		in[i] = all || want(i) || names[op.from] || names[op.to] ||
			dirs[op.from.dir] || dirs[op.to.dir]
		if !in[i] {
			continue
		}
		for _, e := range []entry{op.from, op.to} {
			if e.dir != nil {
				names[e] = true
			}
		}
		if op.target.dir != nil {
			all = all || op.isRename()
			dirs[op.target] = true
		}
	}
	return in
}

// move does an operation on the entries and remembers it.
func (m *Mem) move(op entryOp) {
	op.apply(func(dir *inode) map[string]*inode { return dir.dir.entries })
	if m.tracked {
		m.nextOp++
		op.seq = m.nextOp
		m.entryOps = append(m.entryOps, op)
	}
}

// syncEntries makes the entries of dir durable.
func (m *Mem) syncEntries(dir *inode) {
	in := closure(m.entryOps, func(i int) bool { return m.entryOps[i].touches(dir) })
	kept := m.entryOps[:0]
	for i := range m.entryOps {
		if in[i] {
			m.entryOps[i].apply(func(dir *inode) map[string]*inode { return dir.dir.stable })
		} else {
			kept = append(kept, m.entryOps[i])
		}
	}
	clear(m.entryOps[len(kept):])
	m.entryOps = kept
}

// find returns the file or directory with a name.
func (m *Mem) find(name string) (*inode, error) {
	n := m.root
	for rest := clean(name); rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if n.dir == nil {
			return nil, errNotDir
		}
		if n = n.dir.entries[part]; n == nil {
			return nil, fs.ErrNotExist
		}
	}
	return n, nil
}

// findFile is find for what must not be a directory.
func (m *Mem) findFile(name string) (*inode, error) {
	n, err := m.find(name)
	if err == nil && n.dir != nil {
		return nil, errIsDir
	}
	return n, err
}

// place returns the entry that a name stands for; its directory exists.
func (m *Mem) place(name string) (entry, error) {
	dir, base := path.Split(clean(name))
	if base == "" {
		return entry{}, fs.ErrInvalid
	}
	n, err := m.find(dir)
	if err != nil {
		return entry{}, err
	}
	if n.dir == nil {
		return entry{}, errNotDir
	}
	return entry{n, base}, nil
}

func (e entry) inode() *inode { return e.dir.dir.entries[e.name] }

// contains reports whether n is dir or below it.
func (m *Mem) contains(dir, n *inode) bool {
	if dir == n {
		return true
	}
	if dir.dir == nil {
		return false
	}
	for _, child := range dir.dir.entries {
		if child.dir != nil && m.contains(child, n) {
			return true
		}
	}
	return false
}

func (d *directory) names() []string {
	names := make([]string, 0, len(d.entries))
	for name := range d.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// clean returns a name without leading slash and dots; "" is the root.
func clean(name string) string { return path.Clean("/" + name)[1:] }
