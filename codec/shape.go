package codec

import "fmt"

// Shape describes how the bytes of a key or value are to be read. It is text,
// made to be stored and shown; the same type has the same shape in every
// version of a program, whatever the names of its types and packages.
//
//	int uint float32 float64 bool string bytes time   integers of any width
//	{Name string, Year int desc}                      struct key, Year descending
//	[3]float64  [16]byte                              arrays
//	custom:NAME                                       a key with AppendKey
//	binary:NAME                                       a value with MarshalBinary
//	raw                                               the bytes themselves
//	cbor {name string, tags [string], at time}        CBOR: struct, list,
//	cbor {string: float64}                            map,
//	cbor (x int, y int)                               struct as array,
//	cbor {next ^1, value any}                         the struct one level out
//
// NAME is what the method CodecName() string of the type returns; without one
// the colon is missing too. The fields of CBOR structs are sorted by their
// encoded names; pointers are not told from what they point to.
type Shape string

// Accepts reports, as nil, that what was written with the shape stored can be
// read with shape s. Keys and native values must have the same shape. CBOR
// structs may gain and lose fields: the ones that are new are zero when read,
// the ones that are gone are ignored. A field whose kind changed is an error
// that wraps [ErrIncompatible] and names the path of the field, both kinds and
// both shapes; float64 accepts float32, and any accepts everything.
func (s Shape) Accepts(stored Shape) error {
	if s == stored {
		return nil
	}
	why, err := s.difference(stored)
	switch {
	case err != nil:
		return fmt.Errorf("%w: stored %s, now %s: %w", ErrIncompatible, stored.short(), s.short(), err)
	case why != "":
		return fmt.Errorf("%w: stored %s, now %s: %s", ErrIncompatible, stored.short(), s.short(), why)
	}
	return nil
}

// difference says what keeps s from reading stored.
func (s Shape) difference(stored Shape) (string, error) {
	now, err := s.parse()
	if err != nil {
		return "", err
	}
	old, err := stored.parse()
	if err != nil {
		return "", err
	}
	c := comparison{cbor: now.kind == kindCBOR, seen: make(map[[2]*node]bool)}
	return c.nodes(now, old, ""), nil
}

// short returns s for an error message, without its middle if it is long.
func (s Shape) short() string {
	const most, head, tail = 240, 160, 60
	if len(s) <= most {
		return string(s)
	}
	return string(s[:head]) + " … " + string(s[len(s)-tail:])
}
