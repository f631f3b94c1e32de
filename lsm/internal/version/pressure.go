package version

// Pressure tells how far a Version is from its shape.
type Pressure struct {
	// Base is the level that level 0 is compacted into.
	Base int
	// Targets are the bytes that levels from Base on should have.
	Targets [NumLevels]int64
	// Scores say how urgent a compaction of each level is: from 1 on it is due.
	// The last level has none.
	Scores [NumLevels]float64
	// L0Files is the number of tables in level 0.
	L0Files int
	// Debt estimates the bytes that have to be compacted until no level is due.
	Debt int64
}

// Measure returns the Pressure of v.
func Measure(v *Version, opt Options) Pressure { return measure(v, opt.withDefaults(), nil) }

// measure returns the Pressure of v without what running compactions take out of
// the levels. The options have their defaults.
func measure(v *Version, opt Options, running []*Compaction) Pressure {
	p := Pressure{L0Files: len(v.Levels[0])}
	p.Base, p.Targets = targets(v, opt)
	files, sizes := len(v.Levels[0]), v.sizes
	for _, c := range running {
		in := c.Inputs[0]
		sizes[in.Level] -= sizeOf(in.Files)
		if in.Level == 0 {
			files -= len(in.Files)
		}
	}
	p.Scores[0] = float64(files) / float64(opt.L0Trigger)
	for level := p.Base; level < bottom; level++ {
		p.Scores[level] = float64(sizes[level]) / float64(p.Targets[level])
	}
	p.Debt = debt(p, sizes)
	return p
}

// targets returns the base level and the sizes that levels from it on should
// have. The base is no lower than the first level that has tables, whatever the
// sizes say: level 0 must not be compacted past older data. What such a level
// has too much of is compacted down, until it is all but empty.
func targets(v *Version, opt Options) (base int, targets [NumLevels]int64) {
	size := opt.BaseBytes
	for level := 1; level < NumLevels; level++ {
		size = max(size, v.sizes[level])
	}
	base = bottom
	targets[base] = size
	for base > 1 && size > opt.BaseBytes {
		base--
		size /= int64(opt.Multiplier)
		targets[base] = size
	}
	for level := 1; level < base; level++ {
		if len(v.Levels[level]) == 0 {
			continue
		}
		for ; base > level; base-- {
			targets[base-1] = max(opt.BaseBytes/int64(opt.Multiplier), 1)
		}
	}
	return base, targets
}

// debt estimates what is to be read until all scores are below 1: what is too
// much in a level meets about the proportional part of the next one, and is then
// in that one.
func debt(p Pressure, sizes [NumLevels]int64) int64 {
	var sum, moved int64
	if p.Scores[0] >= 1 {
		moved = sizes[0]
		sum = sizes[0] + sizes[p.Base]
	}
	for level := p.Base; level < bottom; level++ {
		size := sizes[level] + moved
		moved = max(size-p.Targets[level], 0)
		if moved > 0 {
			below := float64(sizes[level+1]) / float64(size)
			sum += moved + int64(float64(moved)*below)
		}
	}
	return sum
}
