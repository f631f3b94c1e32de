package memtable

import "github.com/varvedb/varve/lsm/internal/entry"

// Inserter adds entries to a table and remembers where the last one went, from
// where the next is found in few steps if it is not far. For a run of entries
// that are near to each other it is much faster than Table.Add, for others a
// little slower. It is not safe for concurrent use, but several may add to one
// table at once. The zero value needs an Init.
type Inserter struct {
	t *Table
	// For each level below height, prev is an entry before the last one added,
	// or that entry itself, and next one that came after it when they were
	// looked at. Going up, prev never moves forward.
	prev, next [maxHeight]uint32
	height     int // 0 before the first Add
}

// Init makes the inserter add to a table.
func (in *Inserter) Init(t *Table) { *in = Inserter{t: t} }

// Add is Table.Add.
func (in *Inserter) Add(key []byte, tr entry.Trailer, value []byte) {
	if len(key) > MaxKey || len(value) > MaxValue {
		panic("memtable: an entry is longer than MaxKey or MaxValue")
	}
	found := in.seek(key, tr)
	if in.present(key, tr) {
		return
	}
	t := in.t
	height := t.draw(t.len.Add(1))
	t.raise(height)
	in.raise(height)
	addr, n := t.arena.add(height, key, tr, value)
	for level := range height {
		// The seek ended above at found; what is known of levels from there up is
		// as old as the entry added before.
		if level >= found {
			in.advance(level, key, tr)
		}
		if !in.link(level, addr, n) {
			t.len.Add(-1)
			return
		}
	}
	for level := range height {
		in.prev[level] = addr
	}
}

// link links an entry at a level; all it needs is that the level's prev is before
// it. It reports false if another goroutine was faster to add the same entry,
// which only the lowest level can tell.
func (in *Inserter) link(level int, addr uint32, n node) bool {
	for {
		next := in.next[level]
		n.setNext(level, next)
		if in.t.arena.node(in.prev[level]).link(level, next, addr) {
			return true
		}
		in.advance(level, n.key(), n.trailer())
		if level == 0 && in.present(n.key(), n.trailer()) {
			return false
		}
	}
}

// present reports whether (key, tr), which was sought, is in the table.
func (in *Inserter) present(key []byte, tr entry.Trailer) bool {
	next := in.next[0]
	return next != end && in.t.arena.node(next).is(key, tr)
}

// raise makes room for an entry of a height: above, levels begin at the head.
func (in *Inserter) raise(height int) {
	for in.height < height {
		in.prev[in.height], in.next[in.height] = head, end
		in.height++
	}
}

// seek finds the place of (key, tr): the search downward starts at the first
// level whose prev and next have it between them, or at the top if there is none
// or others have made the table higher. Seek returns that level's number plus
// one: below it, prev and next are now those of (key, tr).
func (in *Inserter) seek(key []byte, tr entry.Trailer) (found int) {
	level, from, after := 0, head, end
	if height := int(in.t.height.Load()); in.height < height {
		in.raise(height)
		level = height
	}
	for level < in.height && !in.spans(level, key, tr) {
		level++
	}
	if level < in.height {
		from, after = in.prev[level], in.next[level]
	} else {
		level--
	}
	found = level + 1
	for ; level >= 0; level-- {
		from, after = in.t.walk(level, from, after, key, tr)
		in.prev[level], in.next[level] = from, after
	}
	return found
}

// spans reports whether (key, tr) is after a level's prev and not after its next.
func (in *Inserter) spans(level int, key []byte, tr entry.Trailer) bool {
	prev, next := in.prev[level], in.next[level]
	return (prev == head || in.t.arena.node(prev).before(key, tr)) &&
		(next == end || !in.t.arena.node(next).before(key, tr))
}

// advance moves a level's prev, which is before (key, tr), to the last that is.
func (in *Inserter) advance(level int, key []byte, tr entry.Trailer) {
	in.prev[level], in.next[level] = in.t.walk(level, in.prev[level], end, key, tr)
}
