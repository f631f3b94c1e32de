package version

import (
	"fmt"

	"github.com/varvedb/varve/kv"
)

// LeveledFile is a table in a level.
type LeveledFile struct {
	Level int
	File  *File
}

// LeveledNumber names a table in a level.
type LeveledNumber struct {
	Level  int
	Number uint64
}

// LogEnd is where the log ended when it was closed. It converts to journal.End.
type LogEnd struct {
	Segment uint64
	Length  int64 // bytes
}

// Edit is a change of a State, and a record of the manifest. Fields that are nil
// or empty change nothing.
type Edit struct {
	// Full says that the edit begins with an empty Version: it is the first
	// record of a manifest, and says all.
	Full bool
	// Removed tables must be there, in the level named, and are taken out before
	// Added ones are put in; so an Edit that moves a table names it in both.
	Removed []LeveledNumber
	Added   []LeveledFile
	// FirstLog is the first segment of the log that still has to be read.
	FirstLog *uint64
	// NextFile is above all numbers of files used so far.
	NextFile *uint64
	// LastSeq is a number that all sequence numbers in tables are at most.
	LastSeq *kv.Seq
	// Clean says whether the store was closed. An Edit without Clean says that it
	// is open. LogEnd is where the log ended when it was closed; in a store that
	// is open, how far it is known to reach.
	Clean  *bool
	LogEnd *LogEnd
}

// Apply returns v changed by e. Tables, and levels that e does not touch, are
// shared. It is an error to remove what is not there, to add what is, to add
// tables that overlap in a level from 1 on, or whose description is impossible:
// applying an Edit with changes of tables twice is an error.
func (v *Version) Apply(e *Edit) (*Version, error) {
	next := &Version{}
	if !e.Full {
		*next = *v
	}
	if err := next.remove(e.Removed); err != nil {
		return nil, err
	}
	if err := next.add(e.Added); err != nil {
		return nil, err
	}
	return next, nil
}

// remove takes tables out of v, which is not published yet.
func (v *Version) remove(removed []LeveledNumber) error {
	gone := make(map[LeveledNumber]bool, len(removed))
	var touched [NumLevels]bool
	for _, r := range removed {
		if r.Level < 0 || r.Level >= NumLevels {
			return fmt.Errorf("remove table %d: no level %d", r.Number, r.Level)
		}
		if gone[r] {
			return fmt.Errorf("remove table %d from level %d twice", r.Number, r.Level)
		}
		gone[r], touched[r.Level] = true, true
	}
	for level, files := range v.Levels {
		if touched[level] {
			v.Levels[level] = without(files, level, gone)
			v.sizes[level] = sizeOf(v.Levels[level])
		}
	}
	for r := range gone {
		return fmt.Errorf("remove table %d from level %d: it is not there", r.Number, r.Level)
	}
	return nil
}

// without returns a copy of files without those in gone, and takes them out of
// gone.
func without(files []*File, level int, gone map[LeveledNumber]bool) []*File {
	kept := make([]*File, 0, len(files))
	for _, f := range files {
		r := LeveledNumber{level, f.Number}
		if gone[r] {
			delete(gone, r)
		} else {
			kept = append(kept, f)
		}
	}
	return kept
}

// add puts tables into v, which is not published yet.
func (v *Version) add(added []LeveledFile) error {
	if err := v.addable(added); err != nil {
		return err
	}
	var more [NumLevels][]*File
	for _, a := range added {
		more[a.Level] = append(more[a.Level], a.File)
	}
	for level, files := range more {
		if len(files) == 0 {
			continue
		}
		old := v.Levels[level]
		all := append(old[:len(old):len(old)], files...)
		sortLevel(level, all)
		if err := checkOrder(level, all); err != nil {
			return fmt.Errorf("add tables: %w", err)
		}
		v.Levels[level] = all
		v.sizes[level] = sizeOf(all)
	}
	return nil
}

// addable returns an error if one of the tables is impossible or already there.
func (v *Version) addable(added []LeveledFile) error {
	numbers := make(map[uint64]bool, len(added))
	for _, a := range added {
		switch {
		case a.File == nil:
			return fmt.Errorf("add a table to level %d: no description", a.Level)
		case a.Level < 0 || a.Level >= NumLevels:
			return fmt.Errorf("add table %d: no level %d", a.File.Number, a.Level)
		case numbers[a.File.Number]:
			return fmt.Errorf("add table %d twice", a.File.Number)
		}
		if err := a.File.check(); err != nil {
			return fmt.Errorf("add to level %d: %w", a.Level, err)
		}
		numbers[a.File.Number] = true
	}
	if len(numbers) == 0 {
		return nil
	}
	for level, files := range v.Levels {
		for _, f := range files {
			if numbers[f.Number] {
				return fmt.Errorf("add table %d: it is in level %d", f.Number, level)
			}
		}
	}
	return nil
}
