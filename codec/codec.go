// Package codec turns Go keys and values into bytes and back.
//
// Keys keep their order: bytes.Compare of two encodings is the order of the
// two keys, and no encoding is a prefix of another. The bytes are those of the
// FoundationDB tuple layer, so tools in other languages can read them, with
// two additions, times (user type code 0x40) and descending fields (the bytes
// inverted), and one difference: the bytes 0x00 and 0x01 inside strings are
// written 0x01 0x01 and 0x01 0x02, as the escape of the tuple layer makes the
// key "" a prefix of the key "\x00". Values are deterministic: equal values have equal bytes. Numbers,
// strings and bytes are written natively, types that marshal themselves are
// asked to, and everything else is CBOR in core deterministic form.
//
// A codec is chosen by Go type, once, by [KeyOf] and [ValueOf]. What it reads
// is described by its [Shape], a text that depends neither on the names of Go
// types nor on their packages; whoever stores the shape beside the data can
// tell later whether another program reads the same bytes, and can print them
// without the Go types.
//
// Every codec of this package is immutable and safe for concurrent use.
// Decoding never panics on any input, and what it returns never aliases it.
package codec

import "errors"

var (
	// ErrMalformed is wrapped by every error of a decoder: the bytes are not
	// what the codec would have written for any key or value.
	ErrMalformed = errors.New("malformed encoding")

	// ErrUnsupported is wrapped by the errors of [KeyOf] and [ValueOf] for a
	// type that has no encoding.
	ErrUnsupported = errors.New("type not supported")

	// ErrNoPrefix is wrapped by the errors of AppendPrefix and AppendFields
	// for a key that has no such part.
	ErrNoPrefix = errors.New("key has no such prefix")

	// ErrUnencodable is wrapped by the errors of Append for a key or value
	// whose type is supported, but which could not be read back: a time
	// outside the range of the format, a value nested too deeply.
	ErrUnencodable = errors.New("not encodable")

	// ErrShape is wrapped by the errors of [ParseShape] for a text that
	// describes no encoding.
	ErrShape = errors.New("malformed shape")

	// ErrIncompatible is wrapped by the errors of [Shape.Accepts].
	ErrIncompatible = errors.New("incompatible shape")
)

// Key encodes keys of type K so that bytes.Compare of two encodings is the
// order of the two keys, and no encoding is a prefix of another.
// Equal keys have equal encodings.
type Key[K any] interface {
	// Append appends the encoding of k to dst. On error it returns dst as it
	// was.
	Append(dst []byte, k K) ([]byte, error)

	// AppendPrefix appends the bytes with which the encoding of every key
	// that begins with k starts, and no other does. Strings and byte slices
	// have prefixes; for other types the error wraps ErrNoPrefix.
	AppendPrefix(dst []byte, k K) ([]byte, error)

	// AppendFields appends the bytes with which the encoding of every key
	// whose first n fields or elements equal those of k starts, and no other
	// does. A key that is neither a struct nor an array is one field.
	// If k has fewer than n fields, the error wraps ErrNoPrefix.
	AppendFields(dst []byte, k K, n int) ([]byte, error)

	// Decode returns the key whose encoding is exactly src. It accepts only
	// what Append writes: encoding the result again gives src. Errors wrap
	// ErrMalformed. The result does not alias src.
	Decode(src []byte) (K, error)

	// Shape describes the encoding.
	Shape() Shape
}

// Value encodes values of type V. The encoding of a value is a function of
// the value: maps are sorted.
type Value[V any] interface {
	// Append appends the encoding of v to dst. On error it returns dst as it
	// was. What it has written, Decode reads.
	Append(dst []byte, v V) ([]byte, error)

	// Decode returns the value whose encoding is exactly src. Errors wrap
	// ErrMalformed. The result does not alias src.
	Decode(src []byte) (V, error)

	// Shape describes the encoding.
	Shape() Shape
}

// named is implemented by types that carry their own encoding and want their
// shape to tell it from others.
type named interface{ CodecName() string }
