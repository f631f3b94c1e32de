// Package version says which tables an LSM tree consists of, how that changes,
// and what is to be compacted next. It is values and pure functions: no file is
// opened here, no lock taken, no goroutine started.
//
// A [Version] is the set of tables at one time, an [Edit] a change of it and a
// record of the manifest, a [State] what all records together say. A [Picker]
// looks at a Version and returns a [Compaction].
//
// # What holds in every Version
//
//   - A table is in one level once.
//   - Level 0 is ordered from the newest table to the oldest; its tables may
//     overlap.
//   - The tables of each other level are ordered by key and no two hold the same
//     user key, in an entry or under a tombstone.
//   - What a level says of a key is newer than what all levels below it say.
//
// Apply checks the first three. The last is what the Picker is careful about.
//
// # Compaction
//
// Levels are sized from the bottom up: the last level is as large as it is, each
// level above has a tenth of the one below, and the first one that comes out at
// no more than Options.BaseBytes is the base level, into which level 0 is
// compacted; the levels between are empty. So at most about a tenth of the data
// lies above the last level, however large the tree is.
package version

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
)

// NumLevels is the number of levels.
const NumLevels = 7

// bottom is the last level.
const bottom = NumLevels - 1

// Version is a set of tables. The zero Version is empty. A Version does not
// change and may be read concurrently; neither the slices nor the Files may be
// modified.
type Version struct {
	// Levels[0] is ordered from the newest to the oldest, by MaxSeq and Number;
	// the others by Smallest, disjoint.
	Levels [NumLevels][]*File

	sizes [NumLevels]int64
}

// Size returns the bytes of the tables of a level.
func (v *Version) Size(level int) int64 { return v.sizes[level] }

// TotalSize returns the bytes of all tables.
func (v *Version) TotalSize() int64 {
	var sum int64
	for _, size := range v.sizes {
		sum += size
	}
	return sum
}

// NumFiles returns the number of tables.
func (v *Version) NumFiles() int {
	n := 0
	for _, files := range v.Levels {
		n += len(files)
	}
	return n
}

// FileFor returns the table of a level from 1 on whose bounds hold key, nil if
// there is none. It does not allocate.
func (v *Version) FileFor(level int, key []byte) *File {
	files := v.Levels[level]
	i := firstNotBefore(files, key)
	if i == len(files) || bytes.Compare(files[i].Smallest, key) > 0 {
		return nil
	}
	return files[i]
}

// Overlapping returns the tables of a level that may hold keys from lower to
// before upper; nil is no bound. In levels from 1 on they are consecutive, and
// the result is part of the level's slice.
func (v *Version) Overlapping(level int, lower, upper []byte) []*File {
	if upper != nil && bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	return v.overlapping(level, func(b Bounds) bool { return b.OverlapsSpan(lower, upper) }, lower)
}

// overlappingBounds returns the tables of a level that overlap b.
func (v *Version) overlappingBounds(level int, b Bounds) []*File {
	return v.overlapping(level, b.Overlaps, b.Smallest)
}

// overlapping returns the tables that overlap a range that begins at lower.
func (v *Version) overlapping(level int, overlaps func(Bounds) bool, lower []byte) []*File {
	files := v.Levels[level]
	if level == 0 {
		var out []*File
		for _, f := range files {
			if overlaps(f.Bounds()) {
				out = append(out, f)
			}
		}
		return out
	}
	files = files[firstNotBefore(files, lower):]
	n := sort.Search(len(files), func(i int) bool { return !overlaps(files[i].Bounds()) })
	return files[:n:n]
}

// firstNotBefore returns the index of the first of the disjoint files that does
// not end before key.
func firstNotBefore(files []*File, key []byte) int {
	lo, hi := 0, len(files)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); files[mid].endsBefore(key) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// BytesBelow estimates how many bytes the levels below level have from lower to
// before upper; nil is no bound. Tables that lie partly in the range count half.
// It is what [File.Covers] is computed with.
func (v *Version) BytesBelow(level int, lower, upper []byte) int64 {
	var sum int64
	for l := level + 1; l < NumLevels; l++ {
		for _, f := range v.Overlapping(l, lower, upper) {
			if f.Bounds().Within(lower, upper) {
				sum += f.Size
			} else {
				sum += f.Size / 2
			}
		}
	}
	return sum
}

// Check returns an error if v breaks what the package comment says, as far as
// that can be seen from the bounds of the tables.
func (v *Version) Check() error {
	seen := make(map[uint64]bool, v.NumFiles())
	for level, files := range v.Levels {
		var size int64
		for _, f := range files {
			if err := f.check(); err != nil {
				return fmt.Errorf("level %d: %w", level, err)
			}
			if seen[f.Number] {
				return fmt.Errorf("table %d is there twice", f.Number)
			}
			seen[f.Number] = true
			size += f.Size
		}
		if err := checkOrder(level, files); err != nil {
			return err
		}
		if size != v.sizes[level] {
			return fmt.Errorf("level %d has %d bytes, counted as %d", level, size, v.sizes[level])
		}
	}
	return nil
}

// checkOrder returns an error if the files of a level are not in its order, or
// overlap in a level where they must not.
func checkOrder(level int, files []*File) error {
	for i := 1; i < len(files); i++ {
		a, b := files[i-1], files[i]
		if level == 0 && compareAge(a, b) >= 0 {
			return fmt.Errorf("level 0: table %d comes before the newer %d", a.Number, b.Number)
		}
		if level > 0 && !a.endsBefore(b.Smallest) {
			return fmt.Errorf("level %d: tables %d %v and %d %v overlap", level, a.Number, a.Bounds(), b.Number, b.Bounds())
		}
	}
	return nil
}

// sortLevel brings files into the order of their level.
func sortLevel(level int, files []*File) {
	if level == 0 {
		slices.SortFunc(files, compareAge)
		return
	}
	slices.SortFunc(files, func(a, b *File) int { return bytes.Compare(a.Smallest, b.Smallest) })
}

// Below reports whether a level below level may hold keys from first to last.
func (v *Version) Below(level int, first, last []byte) bool {
	for level++; level < NumLevels; level++ {
		files := v.Levels[level]
		if i := firstNotBefore(files, first); i < len(files) && bytes.Compare(files[i].Smallest, last) <= 0 {
			return true
		}
	}
	return false
}
