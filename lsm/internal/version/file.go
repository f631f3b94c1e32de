package version

import (
	"cmp"
	"fmt"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// File describes a table. It does not change.
type File struct {
	Number   uint64 // its name; not 0, and never used again
	Size     int64  // bytes
	Checksum uint32 // CRC32C of the whole file

	// All entries and tombstones lie in these bounds. See [Bounds].
	Smallest, Largest []byte
	// LargestExclusive says that Largest is the end of a tombstone, so that the
	// key Largest itself is not in the table. Unbounded says that a tombstone
	// has no end; then Largest is empty.
	LargestExclusive, Unbounded bool
	// Imported says that all entries have the number MaxSeq, whatever is stored
	// with them: the table was written before its number was known.
	Imported bool

	MinSeq, MaxSeq kv.Seq
	Entries        int64 // versions of keys, deletions among them
	Deletes        int64 // of them, deletions
	Tombstones     int64 // range tombstones
	// Covers is how many bytes of the levels below the range tombstones delete,
	// estimated when the table was written; 0 if unknown.
	Covers int64
}

// What a manifest can claim is bounded, so that sums do not overflow.
const (
	maxFileSize = 1 << 46
	maxCovers   = 1 << 56
)

// Bounds returns the bounds of the table.
func (f *File) Bounds() Bounds {
	return Bounds{f.Smallest, f.Largest, f.LargestExclusive, f.Unbounded}
}

// endsBefore reports whether all keys of the table are before key.
func (f *File) endsBefore(key []byte) bool { return f.Bounds().EndsBefore(key) }

// dead reports whether a table is mostly deletions: more than half of its entries
// are, or its range tombstones delete more than it holds.
func (f *File) dead() bool {
	return f.Deletes+f.Tombstones > f.Entries/2 || f.Covers > f.Size
}

// deadBytes estimates what compacting the table to the bottom sets free.
func (f *File) deadBytes() int64 {
	share := float64(f.Deletes+f.Tombstones) / float64(f.Entries+f.Tombstones)
	return f.Covers + int64(share*float64(f.Size))
}

// check returns an error if a field of f cannot be.
func (f *File) check() error {
	if err := f.Bounds().check(); err != nil {
		return fmt.Errorf("table %d: %w", f.Number, err)
	}
	bad := ""
	switch {
	case f.Number == 0 || f.Number == 1<<64-1:
		bad = "impossible number"
	case f.Size < 0 || f.Size > maxFileSize:
		bad = "impossible size"
	case f.MinSeq > f.MaxSeq || f.MaxSeq > entry.MaxSeq:
		bad = "impossible sequence numbers"
	case f.Entries < 0 || f.Deletes < 0 || f.Deletes > f.Entries || f.Entries > maxFileSize:
		bad = "impossible number of entries"
	case f.Tombstones < 0 || f.Tombstones > maxFileSize || f.Entries+f.Tombstones == 0:
		bad = "impossible number of tombstones"
	case f.Imported && (f.MinSeq != f.MaxSeq || f.Deletes+f.Tombstones > 0):
		bad = "impossible content of an imported table"
	case f.Covers < 0 || f.Covers > maxCovers:
		bad = "impossible estimate of what tombstones cover"
	}
	if bad != "" {
		return fmt.Errorf("table %d: %s", f.Number, bad)
	}
	return nil
}

// compareAge orders tables of level 0 from the newest to the oldest.
func compareAge(a, b *File) int {
	if c := cmp.Compare(b.MaxSeq, a.MaxSeq); c != 0 {
		return c
	}
	return cmp.Compare(b.Number, a.Number)
}

// sizeOf returns the bytes of files.
func sizeOf(files []*File) int64 {
	var sum int64
	for _, f := range files {
		sum += f.Size
	}
	return sum
}
