package kv

// Loss is a part of a damaged store that a repair could not read.
type Loss struct {
	// File is where it was; Offset and Bytes are the part of it, -1 if that is all
	// of the file, or not known.
	File          string
	Offset, Bytes int64
	// Keys are those that may be missing, or hold an older value than they did;
	// the zero Span is all. It is nil if no key is affected.
	Keys *Span
	// What says what is wrong.
	What string
}

// Repaired is what came of a repair.
type Repaired struct {
	// Files is how many files were read, and Entries how many entries and
	// operations they held, older versions of keys among them.
	Files, Entries int64
	// Lost is empty if nothing was lost. Otherwise keys within the spans are to be
	// doubted, and all others hold what they held.
	Lost []Loss
}
