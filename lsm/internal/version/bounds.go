package version

import (
	"bytes"
	"errors"
	"fmt"
)

// Bounds is a range of user keys, from Smallest to Largest. Largest is part of
// it, unless LargestExclusive; if Unbounded there is no upper end and Largest is
// empty. Both kinds of upper end are needed: the last thing in a table may be an
// entry or the end of a range tombstone.
type Bounds struct {
	Smallest, Largest           []byte
	LargestExclusive, Unbounded bool
}

// EndsBefore reports whether all keys of b are before key.
func (b Bounds) EndsBefore(key []byte) bool {
	if b.Unbounded {
		return false
	}
	c := bytes.Compare(b.Largest, key)
	return c < 0 || c == 0 && b.LargestExclusive
}

// Contains reports whether key lies in b.
func (b Bounds) Contains(key []byte) bool {
	return bytes.Compare(b.Smallest, key) <= 0 && !b.EndsBefore(key)
}

// Overlaps reports whether b and o have a key in common.
func (b Bounds) Overlaps(o Bounds) bool {
	return !b.EndsBefore(o.Smallest) && !o.EndsBefore(b.Smallest)
}

// OverlapsSpan reports whether b has a key from lower to before upper; nil is no
// bound.
func (b Bounds) OverlapsSpan(lower, upper []byte) bool {
	return !b.EndsBefore(lower) && (upper == nil || bytes.Compare(b.Smallest, upper) < 0)
}

// Within reports whether all of b lies from lower to before upper.
func (b Bounds) Within(lower, upper []byte) bool {
	return bytes.Compare(lower, b.Smallest) <= 0 && (upper == nil || b.EndsBefore(upper))
}

// Upper returns the first key after b, nil if there is none.
func (b Bounds) Upper() []byte {
	switch {
	case b.Unbounded:
		return nil
	case b.LargestExclusive:
		return b.Largest
	}
	return append(bytes.Clone(b.Largest), 0)
}

// union returns the smallest bounds that hold b and o.
func (b Bounds) union(o Bounds) Bounds {
	if bytes.Compare(o.Smallest, b.Smallest) < 0 {
		b.Smallest = o.Smallest
	}
	if b.endsFirst(o) {
		b.Largest, b.LargestExclusive, b.Unbounded = o.Largest, o.LargestExclusive, o.Unbounded
	}
	return b
}

// endsFirst reports whether the upper end of b is before that of o.
func (b Bounds) endsFirst(o Bounds) bool {
	if b.Unbounded || o.Unbounded {
		return o.Unbounded && !b.Unbounded
	}
	if c := bytes.Compare(b.Largest, o.Largest); c != 0 {
		return c < 0
	}
	return b.LargestExclusive && !o.LargestExclusive
}

// hull returns the smallest bounds that hold all files, of which there is one.
func hull(files []*File) Bounds {
	b := files[0].Bounds()
	for _, f := range files[1:] {
		b = b.union(f.Bounds())
	}
	return b
}

// check returns an error if b is not as its type says, or empty.
func (b Bounds) check() error {
	if b.Unbounded {
		if len(b.Largest) > 0 || b.LargestExclusive {
			return errors.New("bounds without an end have one")
		}
		return nil
	}
	if b.EndsBefore(b.Smallest) {
		return fmt.Errorf("bounds %v are empty", b)
	}
	return nil
}

// String returns b as text, with long keys cut off.
func (b Bounds) String() string {
	switch {
	case b.Unbounded:
		return fmt.Sprintf("[%s, ∞)", keyText(b.Smallest))
	case b.LargestExclusive:
		return fmt.Sprintf("[%s, %s)", keyText(b.Smallest), keyText(b.Largest))
	}
	return fmt.Sprintf("[%s, %s]", keyText(b.Smallest), keyText(b.Largest))
}

// keyText returns a key as text, cut off where it is long.
func keyText(key []byte) string {
	const most = 32
	if len(key) > most {
		return fmt.Sprintf("%q…", key[:most])
	}
	return fmt.Sprintf("%q", key)
}
