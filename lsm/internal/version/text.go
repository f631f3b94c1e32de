package version

import (
	"fmt"
	"strings"
)

// String returns v as text, a line for each table.
func (v *Version) String() string {
	var b strings.Builder
	for level, files := range v.Levels {
		for _, f := range files {
			fmt.Fprintf(&b, "L%d %v\n", level, f)
		}
	}
	return b.String()
}

// String returns f as one line of text.
func (f *File) String() string {
	s := fmt.Sprintf("%06d %v seq %d..%d size %d entries %d deletes %d tombstones %d",
		f.Number, f.Bounds(), f.MinSeq, f.MaxSeq, f.Size, f.Entries, f.Deletes, f.Tombstones)
	if f.Covers > 0 {
		s += fmt.Sprintf(" covers %d", f.Covers)
	}
	return s
}

// String returns e as text, a line for each change.
func (e *Edit) String() string {
	var b strings.Builder
	if e.Full {
		b.WriteString("full\n")
	}
	for _, r := range e.Removed {
		fmt.Fprintf(&b, "- L%d %06d\n", r.Level, r.Number)
	}
	for _, a := range e.Added {
		fmt.Fprintf(&b, "+ L%d %v\n", a.Level, a.File)
	}
	line(&b, "first log", e.FirstLog)
	line(&b, "next file", e.NextFile)
	line(&b, "last seq", e.LastSeq)
	if e.LogEnd != nil {
		fmt.Fprintf(&b, "log end %d:%d\n", e.LogEnd.Segment, e.LogEnd.Length)
	}
	line(&b, "clean", e.Clean)
	return b.String()
}

// line writes a field that is there.
func line[T any](b *strings.Builder, name string, v *T) {
	if v != nil {
		fmt.Fprintf(b, "%s %v\n", name, *v)
	}
}

// String returns c as one line of text.
func (c *Compaction) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v:", c.Reason)
	for _, in := range c.Inputs {
		fmt.Fprintf(&b, " L%d", in.Level)
		for _, f := range in.Files {
			fmt.Fprintf(&b, " %d", f.Number)
		}
	}
	fmt.Fprintf(&b, " -> L%d %v", c.Output, c.Bounds)
	if c.Trivial {
		b.WriteString(" trivial")
	}
	if c.Bottommost {
		b.WriteString(" bottommost")
	}
	return b.String()
}
