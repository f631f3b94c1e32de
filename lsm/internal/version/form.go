package version

import "github.com/varvedb/varve/kv"

// picking is what one choice looks at.
type picking struct {
	v       *Version
	opt     Options // with defaults
	running []*Compaction
	// droppable: deletions up to this number are seen by every snapshot.
	droppable kv.Seq
	// l0Waits: level 0 is due and has to wait for tables of the base level. No
	// further compaction of these may begin, or level 0 could wait for ever, as
	// it mostly needs all of them.
	l0Waits bool
}

// busy reports whether a running compaction has f as an input.
func (p *picking) busy(f *File) bool {
	for _, c := range p.running {
		if c.has(f) {
			return true
		}
	}
	return false
}

// anyBusy reports whether one of files is busy.
func (p *picking) anyBusy(files []*File) bool {
	for _, f := range files {
		if p.busy(f) {
			return true
		}
	}
	return false
}

// l0Busy reports whether a running compaction compacts level 0. A second one
// could overtake it with newer versions of the same keys.
func (p *picking) l0Busy() bool {
	for _, c := range p.running {
		if c.Inputs[0].Level == 0 {
			return true
		}
	}
	return false
}

// form returns the compaction of files of a level, which must be all that has to
// go together there, into output; nil if a running one is in its way.
func (p *picking) form(reason Reason, level int, files []*File, output int) *Compaction {
	if p.anyBusy(files) || level == 0 && p.l0Busy() {
		return nil
	}
	var below []*File
	if output > level {
		below = p.v.overlappingBounds(output, hull(files))
		files = p.grow(level, files, output, below)
	}
	c := &Compaction{
		Reason: reason, Output: output,
		Inputs: []LevelFiles{{level, files}}, Bounds: hull(files),
		MaxOutputFileSize: p.opt.TargetFileSize, MaxGrandparentBytes: p.opt.MaxGrandparentBytes,
	}
	if len(below) > 0 {
		c.Inputs = append(c.Inputs, LevelFiles{output, below})
		c.Bounds = c.Bounds.union(hull(below))
	}
	if p.anyBusy(below) || p.outputBusy(c) {
		return nil
	}
	p.lookBelow(c)
	c.Trivial = p.trivial(c)
	return c
}

// grow returns more tables of a level from 1 on, around files, if these can come
// along without any more of the output level than below: they would meet the
// same tables later.
func (p *picking) grow(level int, files []*File, output int, below []*File) []*File {
	if level == 0 || len(below) == 0 {
		return files
	}
	more := p.v.overlappingBounds(level, hull(files).union(hull(below)))
	if len(more) == len(files) || p.anyBusy(more) || sizeOf(more)+sizeOf(below) > p.opt.MaxCompactionBytes {
		return files
	}
	if len(p.v.overlappingBounds(output, hull(more))) != len(below) {
		return files
	}
	return more
}

// outputBusy reports whether a running compaction writes where c would.
func (p *picking) outputBusy(c *Compaction) bool {
	for _, r := range p.running {
		if r.Output == c.Output && r.Bounds.Overlaps(c.Bounds) {
			return true
		}
	}
	return false
}

// lookBelow fills in what c has to know of the levels below its output.
func (p *picking) lookBelow(c *Compaction) {
	c.Bottommost = true
	for level := c.Output + 1; level < NumLevels; level++ {
		files := p.v.overlappingBounds(level, c.Bounds)
		if len(files) > 0 {
			c.Bottommost = false
			c.below = append(c.below, files)
		}
		if level == c.Output+1 {
			c.Grandparents = files
		}
	}
}

// trivial reports whether the inputs of c can be moved as they are: nothing is
// in the output level, they do not overlap each other, none has too much below
// it, and rewriting them would not set much free.
func (p *picking) trivial(c *Compaction) bool {
	in := c.Inputs[0]
	if len(c.Inputs) > 1 || c.Output == in.Level {
		return false
	}
	for i, f := range in.Files {
		for _, g := range in.Files[:i] {
			if f.Bounds().Overlaps(g.Bounds()) {
				return false
			}
		}
		if p.worthRewriting(c, f) {
			return false
		}
		if c.Output < bottom && sizeOf(p.v.overlappingBounds(c.Output+1, f.Bounds())) > p.opt.MaxGrandparentBytes {
			return false
		}
	}
	return true
}

// worthRewriting reports whether deletions of f can go: if they are many, or any
// if somebody asked.
func (p *picking) worthRewriting(c *Compaction, f *File) bool {
	if !c.Bottommost || f.MaxSeq > p.droppable {
		return false
	}
	return f.dead() || c.Reason == Manual && f.Deletes+f.Tombstones > 0
}
