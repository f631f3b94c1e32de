package version

import (
	"bytes"
	"slices"
)

// Reason says why a compaction was picked.
type Reason uint8

// The reasons.
const (
	Level0    Reason = iota + 1 // level 0 has too many tables
	LevelSize                   // a level is too large
	Deletions                   // a table is mostly deletions
	Manual                      // somebody asked for a range
	Reads                       // a table is read in vain too often
)

// String returns the name of the reason.
func (r Reason) String() string {
	switch r {
	case Level0:
		return "level 0"
	case LevelSize:
		return "level size"
	case Deletions:
		return "deletions"
	case Manual:
		return "manual"
	case Reads:
		return "reads"
	}
	return "unknown"
}

// LevelFiles is tables of one level, in its order.
type LevelFiles struct {
	Level int
	Files []*File
}

// Compaction is tables to be merged into new ones of level Output. It does not
// change.
type Compaction struct {
	Reason Reason
	// Inputs[0] are the tables of the level that is compacted; Inputs[1], if
	// there, those of Output that they overlap. No other table of Output
	// overlaps Bounds, and no other table of the first level holds an older
	// version of a key of Inputs[0].
	Inputs []LevelFiles
	Output int
	// Trivial says that the tables are disjoint and can be moved as they are:
	// [Compaction.Edit] with no outputs.
	Trivial bool
	// Bounds hold all inputs, and so must all outputs lie in them.
	Bounds Bounds
	// Bottommost says that no level below Output has anything in Bounds:
	// deletions that every snapshot sees can be dropped.
	Bottommost bool
	// Grandparents are the tables of the level below Output that overlap Bounds.
	// An output should end where it would overlap more than
	// MaxGrandparentBytes of them.
	Grandparents        []*File
	MaxGrandparentBytes int64
	// MaxOutputFileSize is where a new table is to be begun, in bytes.
	MaxOutputFileSize int64

	below [][]*File // of each level below Output, those that overlap Bounds
}

// Size returns the bytes of all inputs.
func (c *Compaction) Size() int64 {
	var sum int64
	for _, in := range c.Inputs {
		sum += sizeOf(in.Files)
	}
	return sum
}

// IsBaseFor reports whether no level below Output can hold key: a deletion of
// key that every snapshot sees has then nothing to delete.
func (c *Compaction) IsBaseFor(key []byte) bool {
	for _, files := range c.below {
		if i := firstNotBefore(files, key); i < len(files) && bytes.Compare(files[i].Smallest, key) <= 0 {
			return false
		}
	}
	return true
}

// IsBaseForRange reports the same for all keys from lower to before upper; nil is
// no bound.
func (c *Compaction) IsBaseForRange(lower, upper []byte) bool {
	for _, files := range c.below {
		if i := firstNotBefore(files, lower); i < len(files) && files[i].Bounds().OverlapsSpan(lower, upper) {
			return false
		}
	}
	return true
}

// Edit returns the change that replaces the inputs by outputs in level Output, or
// that moves the inputs there if the Compaction is Trivial and there are none.
func (c *Compaction) Edit(outputs []*File) *Edit {
	e := &Edit{}
	for _, in := range c.Inputs {
		for _, f := range in.Files {
			e.Removed = append(e.Removed, LeveledNumber{in.Level, f.Number})
		}
	}
	if c.Trivial && len(outputs) == 0 {
		outputs = c.Inputs[0].Files
	}
	for _, f := range outputs {
		e.Added = append(e.Added, LeveledFile{c.Output, f})
	}
	return e
}

// SplitPoints returns at most n-1 keys, ascending, that cut the Compaction into
// parts of about equal size: part i is what lies from key i-1 to before key i.
// The keys are inside the Bounds and are bounds of inputs; so the parts are
// uneven if there are few inputs, and tombstones may lie in several.
func (c *Compaction) SplitPoints(n int) [][]byte {
	candidates := c.candidates()
	total := c.Size()
	var points [][]byte
	for i, next := 0, int64(1); i < len(candidates) && next < int64(n); i++ {
		before := c.bytesBefore(candidates[i])
		if before*int64(n) < total*next || before >= total {
			continue
		}
		points = append(points, candidates[i])
		for next < int64(n) && before*int64(n) >= total*next {
			next++
		}
	}
	return points
}

// candidates returns the keys at which inputs begin, but for the first of all.
func (c *Compaction) candidates() [][]byte {
	var keys [][]byte
	for _, in := range c.Inputs {
		for _, f := range in.Files {
			if bytes.Compare(f.Smallest, c.Bounds.Smallest) > 0 {
				keys = append(keys, f.Smallest)
			}
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	return slices.CompactFunc(keys, bytes.Equal)
}

// bytesBefore estimates how many bytes of the inputs are before key: half of a
// table that lies on both sides.
func (c *Compaction) bytesBefore(key []byte) int64 {
	var sum int64
	for _, in := range c.Inputs {
		for _, f := range in.Files {
			switch {
			case f.endsBefore(key):
				sum += f.Size
			case bytes.Compare(f.Smallest, key) < 0:
				sum += f.Size / 2
			}
		}
	}
	return sum
}

// has reports whether f is an input.
func (c *Compaction) has(f *File) bool {
	for _, in := range c.Inputs {
		for _, g := range in.Files {
			if g.Number == f.Number {
				return true
			}
		}
	}
	return false
}
