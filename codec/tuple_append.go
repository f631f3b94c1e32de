package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"time"
	"unsafe"
)

// Type codes of the FoundationDB tuple layer. Integers of n bytes have the
// code codeZero+n, or codeZero-n if they are negative.
const (
	codeBytes   = 0x01
	codeString  = 0x02
	codeTuple   = 0x05
	codeZero    = 0x14
	codeFloat32 = 0x20
	codeFloat64 = 0x21
	codeFalse   = 0x26
	codeTrue    = 0x27
	codeTime    = 0x40 // first of the user type codes; the layout is ours
)

// Byte strings and tuples end with terminator. Inside a byte string, the bytes
// 0x00 and 0x01 become escape and the byte plus one, so that none is a
// terminator and order is kept: 0x01 0x01, 0x01 0x02, 0x02, 0x03, ...
//
// Here the tuple layer differs: it writes 0x00 0xff for 0x00, and so the key ""
// (0x00) is a prefix of the key "\x00" (0x00 0xff 0x00). Prefix scans would
// find keys they should not, and inverting the bytes would not reverse the
// order.
const (
	terminator = 0x00
	escape     = 0x01
)

// appendUint appends the shortest integer encoding: a code that counts the
// bytes, then the bytes, most significant first.
func appendUint(dst []byte, u uint64) []byte {
	n := (bits.Len64(u) + 7) / 8
	var b [9]byte
	binary.BigEndian.PutUint64(b[1:], u)
	b[8-n] = byte(codeZero + n)
	return append(dst, b[8-n:]...)
}

// appendInt is appendUint for signed integers: of a negative one, the inverted
// bytes of its magnitude are written.
func appendInt(dst []byte, i int64) []byte {
	if i >= 0 {
		return appendUint(dst, uint64(i))
	}
	magnitude := -uint64(i)
	n := (bits.Len64(magnitude) + 7) / 8
	var b [9]byte
	binary.BigEndian.PutUint64(b[1:], ^magnitude)
	b[8-n] = byte(codeZero - n)
	return append(dst, b[8-n:]...)
}

// The one NaN a key can hold. Its sign bit is set, so that it sorts before
// negative infinity, where cmp.Compare puts it.
const (
	nanBits32 = 0xffc00000
	nanBits64 = 0xfff8000000000000
)

// appendFloat32 appends the bits of f ordered as integers: all inverted if the
// sign is set, else only the sign. Negative zero becomes zero, every NaN the
// same NaN.
func appendFloat32(dst []byte, f float32) []byte {
	b := math.Float32bits(f)
	if f != f {
		b = nanBits32
	} else if f == 0 {
		b = 0
	}
	if b>>31 != 0 {
		b = ^b
	} else {
		b |= 1 << 31
	}
	return binary.BigEndian.AppendUint32(append(dst, codeFloat32), b)
}

// appendFloat64 is appendFloat32 for 64 bits.
func appendFloat64(dst []byte, f float64) []byte {
	b := math.Float64bits(f)
	if f != f {
		b = nanBits64
	} else if f == 0 {
		b = 0
	}
	if b>>63 != 0 {
		b = ^b
	} else {
		b |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(append(dst, codeFloat64), b)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, codeTrue)
	}
	return append(dst, codeFalse)
}

// maxUnix is the last second that a time.Time tells in order: it counts from
// the year 1, and its Unix wraps around for the 1,970 years before the first.
const maxUnix = math.MaxInt64 - 62135596800

// appendTime appends the instant of t: the seconds since the Unix epoch with
// the sign bit flipped, then the nanoseconds, each big endian.
func appendTime(dst []byte, t time.Time) ([]byte, error) {
	sec := t.Unix()
	if sec > maxUnix {
		return dst, fmt.Errorf("%w: time is out of range", ErrUnencodable)
	}
	dst = binary.BigEndian.AppendUint64(append(dst, codeTime), uint64(sec)^1<<63)
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanosecond())), nil
}

// appendBytes appends code, s escaped, and the terminator.
func appendBytes(dst []byte, code byte, s []byte) []byte {
	return append(appendEscaped(append(dst, code), s), terminator)
}

// appendEscaped appends s with the bytes 0x00 and 0x01 escaped.
func appendEscaped(dst, s []byte) []byte {
	done := 0
	for i, c := range s {
		if c <= escape {
			dst = append(append(dst, s[done:i]...), escape, c+1)
			done = i + 1
		}
	}
	return append(dst, s[done:]...)
}

// invert flips every bit of b, which reverses the order of encodings of which
// none is a prefix of another.
func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

// viewString returns the bytes of s without a copy. They must not be written.
func viewString(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
