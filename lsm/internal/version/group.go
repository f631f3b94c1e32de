package version

import (
	"bytes"
	"slices"
)

// groups parts level 0 into groups of tables, each from the newest to the oldest,
// that can be compacted one without the others: no two have a key in common. One
// group has as much as possible without more of the output level than its tables
// overlap: what lies between two of them is not to be rewritten for them.
func (p *picking) groups(output int) [][]*File {
	files := slices.Clone(p.v.Levels[0])
	slices.SortFunc(files, func(a, b *File) int { return bytes.Compare(a.Smallest, b.Smallest) })
	var groups [][]*File
	for _, f := range files {
		if n := len(groups); n > 0 && p.adjoins(groups[n-1], f, output) {
			groups[n-1] = append(groups[n-1], f)
			continue
		}
		groups = append(groups, []*File{f})
	}
	for _, g := range groups {
		slices.SortFunc(g, compareAge)
	}
	return groups
}

// adjoins reports whether f, which does not begin before the group, overlaps it or
// has nothing of the output level between that and itself.
func (p *picking) adjoins(group []*File, f *File, output int) bool {
	all := hull(group)
	if all.Overlaps(f.Bounds()) {
		return true
	}
	between := p.v.overlappingBounds(output, all.union(f.Bounds()))
	return !slices.ContainsFunc(between, func(g *File) bool {
		return !all.Overlaps(g.Bounds()) && !f.Bounds().Overlaps(g.Bounds())
	})
}
