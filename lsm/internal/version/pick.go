package version

import (
	"cmp"
	"slices"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// Picker chooses compactions. What it returns depends on nothing but its fields
// and the arguments. Its methods do not change it, but for Advance.
type Picker struct {
	Options Options
	// After is, for each level, the key at which the search among equally good
	// tables goes on, so that all of a level get their turn.
	After [NumLevels][]byte
}

// Advance notes that c was begun.
func (p *Picker) Advance(c *Compaction) {
	p.After[c.Inputs[0].Level] = c.Next()
}

// Pick returns the compaction of v that is most useful, nil if none is due that
// can run beside the running ones. Snapshots are the numbers of the open ones,
// in any order.
//
// Levels that are due come first, the most urgent one before the others; then
// tables that are mostly deletions which every snapshot sees, down to the last
// level, where they are rewritten without them. If what is picked is always
// carried out and nothing is written meanwhile, Pick returns nil after finitely
// many compactions: each moves tables down, or frees one in the last level of
// its deletions.
func (p *Picker) Pick(v *Version, running []*Compaction, snapshots []kv.Seq) *Compaction {
	t := p.picking(v, running, snapshots)
	pressure := measure(v, t.opt, running)
	for _, level := range due(pressure.Scores) {
		var c *Compaction
		switch {
		case level == 0:
			c = t.pickL0(pressure.Base)
			t.l0Waits = c == nil && !t.l0Busy()
		case level != pressure.Base || !t.l0Waits:
			c = t.pickLevel(level, p.After[level])
		}
		if c != nil {
			return c
		}
	}
	return t.pickDead(pressure.Base)
}

// picking returns what a choice looks at.
func (p *Picker) picking(v *Version, running []*Compaction, snapshots []kv.Seq) *picking {
	t := &picking{v: v, opt: p.Options.withDefaults(), running: running, droppable: entry.MaxSeq}
	for _, s := range snapshots {
		t.droppable = min(t.droppable, s)
	}
	return t
}

// due returns the levels with a score of 1 or more, the highest score first.
func due(scores [NumLevels]float64) []int {
	var levels []int
	for level, score := range scores {
		if score >= 1 {
			levels = append(levels, level)
		}
	}
	slices.SortStableFunc(levels, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return levels
}

// pickL0 returns the compaction of level 0 into the base level: of its largest
// group, or of the oldest tables of that if it is very much. What is left of the
// group is newer than all that goes.
func (p *picking) pickL0(base int) *Compaction {
	var files []*File
	for _, g := range p.groups(base) {
		if len(g) > len(files) {
			files = g
		}
	}
	n, size := 0, int64(0)
	for ; n < len(files); n++ {
		size += files[len(files)-1-n].Size
		if n >= p.opt.L0Trigger && size > p.opt.MaxCompactionBytes {
			break
		}
	}
	if n == 0 {
		return nil
	}
	return p.form(Level0, 0, files[len(files)-n:], base)
}

// withOlder returns those of level 0 that must go when the chosen ones go: each
// older one that overlaps one that goes, or an older version of a key would be
// left above a newer one.
func (p *picking) withOlder(chosen func(*File) bool) []*File {
	var out []*File
	for _, f := range p.v.Levels[0] { // from the newest to the oldest
		overlaps := func(g *File) bool { return g.Bounds().Overlaps(f.Bounds()) }
		if chosen(f) || slices.ContainsFunc(out, overlaps) {
			out = append(out, f)
		}
	}
	return out
}

// candidate is a table that may be compacted.
type candidate struct {
	file *File
	cost int // what of the next level is rewritten for it; see cost
	turn int // how many come before it in the round
}

// pickLevel returns the compaction of a table of a level into the next one: that
// for which least of the next level is rewritten, of equal ones the first after
// a key.
func (p *picking) pickLevel(level int, after []byte) *Compaction {
	files := p.v.Levels[level]
	first := 0
	if after != nil {
		first = firstNotBefore(files, after)
	}
	var candidates []candidate
	for i, f := range files {
		if !p.busy(f) {
			turn := (i - first + len(files)) % len(files)
			candidates = append(candidates, candidate{f, p.cost(level, f), turn})
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.turn, b.turn))
	})
	for _, c := range candidates {
		if c := p.form(LevelSize, level, []*File{c.file}, level+1); c != nil {
			return c
		}
	}
	return nil
}

// cost returns how many quarters of a table's own weight are rewritten in the
// next level for it. What its deletions set free counts as weight, too. The
// steps are coarse, so that tables which hardly differ take turns.
func (p *picking) cost(level int, f *File) int {
	weight := f.Size + 2*f.deadBytes() + 1
	overlap := sizeOf(p.v.overlappingBounds(level+1, f.Bounds()))
	return int(4 * float64(overlap) / float64(weight))
}

// pickDead returns the compaction of a table that is mostly deletions which every
// snapshot sees, nil if there is none: of the one with which most is set free.
func (p *picking) pickDead(base int) *Compaction {
	var dead []LeveledFile
	for level, files := range p.v.Levels {
		for _, f := range files {
			if f.dead() && f.MaxSeq <= p.droppable && !(level == base && p.l0Waits) {
				dead = append(dead, LeveledFile{level, f})
			}
		}
	}
	slices.SortStableFunc(dead, func(a, b LeveledFile) int {
		return cmp.Compare(b.File.deadBytes(), a.File.deadBytes())
	})
	for _, d := range dead {
		if c := p.pickOne(Deletions, d.Level, d.File, base); c != nil {
			return c
		}
	}
	return nil
}

// pickOne returns the compaction of one table, with what must go along, into the
// next level; a table of the last level is rewritten in place.
func (p *picking) pickOne(reason Reason, level int, f *File, base int) *Compaction {
	switch level {
	case 0:
		files := p.withOlder(func(g *File) bool { return g == f })
		return p.form(reason, 0, files, base)
	case bottom:
		return p.form(reason, level, []*File{f}, level)
	}
	return p.form(reason, level, []*File{f}, level+1)
}

// PickFile returns the compaction of the table with a number into the next level,
// for one that reads meet in vain too often. It is nil if the table is not in
// that level, the level is the last, or a running compaction is in the way.
func (p *Picker) PickFile(v *Version, running []*Compaction, snapshots []kv.Seq, level int, number uint64) *Compaction {
	if level < 0 || level >= bottom {
		return nil
	}
	t := p.picking(v, running, snapshots)
	base, _ := targets(v, t.opt)
	for _, f := range v.Levels[level] {
		if f.Number == number {
			return t.pickOne(Reads, level, f, base)
		}
	}
	return nil
}

// PickRange returns a compaction of what a level has from lower to before upper
// into the next one; nil is no bound. Level 0 goes at once, a level below from
// its first table in the range on, as far as MaxCompactionBytes allow: its
// tables are always consecutive, or the outputs would overlap those left out.
// Whoever goes on does so from Inputs[0]'s end, [Compaction.Next]. Tables of the
// last level are rewritten in place.
//
// If c is nil, blocked tells whether a running compaction is in the way; if not,
// the level has nothing in the range.
func (p *Picker) PickRange(v *Version, running []*Compaction, snapshots []kv.Seq, level int, lower, upper []byte) (c *Compaction, blocked bool) {
	t := p.picking(v, running, snapshots)
	files := v.Overlapping(level, lower, upper)
	if len(files) == 0 {
		return nil, false
	}
	base, _ := targets(v, t.opt)
	switch level {
	case 0:
		c = t.form(Manual, 0, t.withOlder(func(f *File) bool { return f.Bounds().OverlapsSpan(lower, upper) }), base)
	case bottom:
		c = t.form(Manual, level, t.few(level, files), level)
	default:
		c = t.form(Manual, level, t.few(level, files), level+1)
	}
	return c, c == nil
}

// few returns the first of files of a level, as many as one compaction should
// have, but one at least.
func (p *picking) few(level int, files []*File) []*File {
	n := 1
	for sum := files[0].Size; n < len(files); n++ {
		sum += files[n].Size
		with := sum
		if level < bottom {
			with += sizeOf(p.v.overlappingBounds(level+1, files[0].Bounds().union(files[n].Bounds())))
		}
		if with > p.opt.MaxCompactionBytes {
			break
		}
	}
	return files[:n:n]
}

// Next returns the first key after the tables of Inputs[0], from which on
// PickRange goes on; nil if there is none.
func (c *Compaction) Next() []byte { return hull(c.Inputs[0].Files).Upper() }
