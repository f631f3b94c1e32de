package version

import (
	"bytes"
	"slices"
)

// Place returns the level for a new table with bounds b, all of whose entries are
// newer than those in v: the deepest that has nothing in b, as all levels above,
// and to which no running compaction writes there. Level 0 always can take it.
func Place(v *Version, running []*Compaction, b Bounds) int {
	if len(v.overlappingBounds(0, b)) > 0 {
		return 0
	}
	best := 0
	for level := 1; level < NumLevels && len(v.overlappingBounds(level, b)) == 0; level++ {
		p := picking{v: v, running: running}
		if !p.outputBusy(&Compaction{Output: level, Bounds: b}) {
			best = level
		}
	}
	return best
}

// Reserve returns what keeps compactions from writing to a level within bounds as
// long as it counts among the running ones.
func Reserve(level int, b Bounds) *Compaction {
	return &Compaction{Inputs: []LevelFiles{{Level: level}}, Output: level, Bounds: b}
}

// Covered returns the ranges in which v has tables, of whatever level, ascending
// and disjoint.
func (v *Version) Covered() []Bounds {
	var all []Bounds
	for _, files := range v.Levels {
		for _, f := range files {
			all = append(all, f.Bounds())
		}
	}
	slices.SortFunc(all, func(a, b Bounds) int { return bytes.Compare(a.Smallest, b.Smallest) })
	out := all[:0]
	for _, b := range all {
		if n := len(out); n > 0 && out[n-1].Overlaps(b) {
			out[n-1] = out[n-1].union(b)
			continue
		}
		out = append(out, b)
	}
	return out
}
