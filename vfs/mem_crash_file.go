package vfs

import "math/rand/v2"

// content returns what a crash leaves of the content of a file.
func (c *crash) content(n *inode) content {
	if !n.tracked {
		return n.now.share()
	}
	left := n.stable.share()
	switch {
	case len(n.pending) == 0:
	case c.mode == KeepNone:
	case c.mode == KeepAll:
		for _, op := range n.pending {
			left.apply(op, n.log)
		}
	default:
		c.keepSome(n, &left)
	}
	return left
}

// tear is what a crash does to the sectors of one file.
type tear struct {
	*crash
	file    *inode
	writes  map[int64]uint64 // to each sector
	applied map[int64]uint64 // of these, so far
	temper  temper
}

// temper says how many of its writes a file keeps. Since the files of a disk
// differ in it, the writes to one can all be lost while those to another, that
// came later, are all there.
type temper uint64

const (
	keepsAny  temper = iota // any number of the writes to a sector, all alike probable
	keepsMost               // most sectors are new
	keepsFew                // most sectors are old
	keepsNone
	keepsAll
	tempers
)

// keepSome applies some of the pending operations of n to left, its content as
// of the last sync.
func (c *crash) keepSome(n *inode, left *content) {
	length := c.length(n)
	t := &tear{crash: c, file: n, temper: temper(c.roll(aboutFile, n.id) % uint64(tempers)),
		writes: map[int64]uint64{}, applied: map[int64]uint64{}}
	for _, op := range n.pending {
		t.sectors(op, func(sector, _, _ int64) { t.writes[sector]++ })
	}
	if c.mode == Collateral {
		t.damage(left, length)
	}
	for i, op := range n.pending {
		if op.kind == dataWrite {
			t.write(left, op)
		} else if t.keeps(i) {
			left.apply(op, nil)
		}
	}
	left.resize(length)
}

// length chooses one of the lengths that the file had since the last sync.
func (c *crash) length(n *inode) int64 {
	i := c.roll(aboutLength, n.id) % uint64(len(n.pending)+1)
	if i == 0 {
		return n.stable.size
	}
	return n.pending[i-1].size
}

// keeps chooses whether pending operation i, which is not a write, is kept.
func (t *tear) keeps(i int) bool {
	switch t.temper {
	case keepsNone:
		return false
	case keepsAll:
		return true
	}
	return t.roll(aboutDataOp, mix(t.file.id)+uint64(i))%2 == 0
}

// write applies the parts of a write that are in sectors which keep it.
func (t *tear) write(left *content, op dataOp) {
	data := op.bytes(t.file.log)
	t.sectors(op, func(sector, from, to int64) {
		if t.applied[sector] < t.version(sector) {
			t.applied[sector]++
			left.writeAt(data[from-op.off:to-op.off], from)
		}
	})
}

// version chooses how many of the writes to a sector it has seen.
func (t *tear) version(sector int64) uint64 {
	n, r := t.writes[sector], t.rollSector(aboutVersion, sector)
	switch some := r>>8%4 == 0; {
	case t.temper == keepsNone, t.temper == keepsFew && !some:
		return 0
	case t.temper == keepsAll, t.temper == keepsMost && !some:
		return n
	}
	return r >> 16 % (n + 1)
}

// damage fills sectors that were written to with random bytes. Writes that are
// kept come on top of that.
func (t *tear) damage(left *content, length int64) {
	for sector := range t.writes {
		r := t.rollSector(aboutDamage, sector)
		end := min((sector+1)*t.sector, max(length, left.size))
		n := end - sector*t.sector
		if r%4 != 0 || n <= 0 {
			continue
		}
		noise := make([]byte, n)
		rng := rand.NewPCG(r, uint64(sector))
		for i := range noise {
			noise[i] = byte(rng.Uint64() >> 32)
		}
		left.writeAt(noise, sector*t.sector)
	}
}

// sectors calls f for each sector that a write touches, with the part of it that
// is written, as offsets in the file.
func (t *tear) sectors(op dataOp, f func(sector, from, to int64)) {
	if op.kind != dataWrite {
		return
	}
	for from, end := op.off, op.off+op.length; from < end; {
		sector := from / t.sector
		to := min(end, (sector+1)*t.sector)
		f(sector, from, to)
		from = to
	}
}

func (t *tear) rollSector(about uint64, sector int64) uint64 {
	return t.roll(about, mix(t.file.id)+uint64(sector))
}
