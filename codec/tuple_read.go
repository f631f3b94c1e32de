package codec

import (
	"bytes"
	"fmt"
	"math"
	"time"
	"unsafe"
)

// reader takes encodings off the front of src. It accepts only what the append
// functions write.
type reader struct {
	src  []byte
	off  int  // bytes of src taken
	mask byte // 0xff inside a descending field: each byte is inverted
}

// fail reports that the bytes at offset off are wrong.
func (r *reader) fail(off int, format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrMalformed, off, fmt.Sprintf(format, args...))
}

// end fails unless all of src is taken.
func (r *reader) end() error {
	if r.off != len(r.src) {
		return r.fail(r.off, "%d bytes too many", len(r.src)-r.off)
	}
	return nil
}

// code takes a type code.
func (r *reader) code(want string) (byte, error) {
	if r.off >= len(r.src) {
		return 0, r.fail(r.off, "ends where %s should begin", want)
	}
	r.off++
	return r.src[r.off-1] ^ r.mask, nil
}

// expect takes the type code c.
func (r *reader) expect(c byte, want string) error {
	got, err := r.code(want)
	if err == nil && got != c {
		err = r.fail(r.off-1, "type code 0x%02x, want 0x%02x of %s", got, c, want)
	}
	return err
}

// bits takes n bytes, at most 8, as a big endian number.
func (r *reader) bits(n int, want string) (uint64, error) {
	if len(r.src)-r.off < n {
		return 0, r.fail(len(r.src), "ends inside %s", want)
	}
	var u uint64
	for _, b := range r.src[r.off : r.off+n] {
		u = u<<8 | uint64(b^r.mask)
	}
	r.off += n
	return u, nil
}

// integer takes an integer and returns its sign and magnitude.
func (r *reader) integer() (magnitude uint64, negative bool, err error) {
	start := r.off
	c, err := r.code("an integer")
	if err != nil {
		return 0, false, err
	}
	n := int(c) - codeZero
	if n < -8 || n > 8 {
		return 0, false, r.fail(start, "type code 0x%02x, want an integer", c)
	}
	if n < 0 {
		n, negative = -n, true
	}
	u, err := r.bits(n, "an integer")
	if err != nil {
		return 0, false, err
	}
	if negative {
		u = ^u & (1<<(8*n) - 1)
	}
	if n > 0 && u>>(8*(n-1)) == 0 {
		return 0, false, r.fail(start, "integer has a leading zero byte")
	}
	return u, negative, nil
}

// int takes an integer that fits 64 bits with a sign.
func (r *reader) int() (int64, error) {
	start := r.off
	u, negative, err := r.integer()
	switch {
	case err != nil:
		return 0, err
	case negative && u <= 1<<63:
		return int64(-u), nil
	case !negative && u <= math.MaxInt64:
		return int64(u), nil
	}
	return 0, r.fail(start, "integer overflows int64")
}

// uint takes an integer that is not negative.
func (r *reader) uint() (uint64, error) {
	start := r.off
	u, negative, err := r.integer()
	if err == nil && negative {
		err = r.fail(start, "negative integer for an unsigned one")
	}
	return u, err
}

// float32 takes a float, refusing the NaNs and the zero that are not written.
func (r *reader) float32() (float32, error) {
	start := r.off
	if err := r.expect(codeFloat32, "float32"); err != nil {
		return 0, err
	}
	u, err := r.bits(4, "a float32")
	if err != nil {
		return 0, err
	}
	b := uint32(u)
	if b>>31 != 0 {
		b &^= 1 << 31
	} else {
		b = ^b
	}
	f := math.Float32frombits(b)
	if f != f && b == nanBits32 {
		return float32(math.NaN()), nil
	}
	if f != f || b == 1<<31 {
		return 0, r.fail(start, "float is not canonical")
	}
	return f, nil
}

// float64 is float32 for 64 bits.
func (r *reader) float64() (float64, error) {
	start := r.off
	if err := r.expect(codeFloat64, "float64"); err != nil {
		return 0, err
	}
	b, err := r.bits(8, "a float64")
	if err != nil {
		return 0, err
	}
	if b>>63 != 0 {
		b &^= 1 << 63
	} else {
		b = ^b
	}
	f := math.Float64frombits(b)
	if f != f && b == nanBits64 {
		return math.NaN(), nil
	}
	if f != f || b == 1<<63 {
		return 0, r.fail(start, "float is not canonical")
	}
	return f, nil
}

func (r *reader) bool() (bool, error) {
	c, err := r.code("a bool")
	if err == nil && c != codeFalse && c != codeTrue {
		err = r.fail(r.off-1, "type code 0x%02x, want a bool", c)
	}
	return c == codeTrue, err
}

// time takes an instant, in UTC.
func (r *reader) time() (time.Time, error) {
	start := r.off
	if err := r.expect(codeTime, "time"); err != nil {
		return time.Time{}, err
	}
	sec, err := r.bits(8, "a time")
	if err != nil {
		return time.Time{}, err
	}
	nsec, err := r.bits(4, "a time")
	if err != nil {
		return time.Time{}, err
	}
	unix := int64(sec ^ 1<<63)
	if nsec > 999_999_999 || unix > maxUnix {
		return time.Time{}, r.fail(start, "time is out of range")
	}
	return time.Unix(unix, int64(nsec)).UTC(), nil
}

// bytes takes a byte string whose type code is c and returns a copy of its
// content, never nil.
func (r *reader) bytes(c byte, want string) ([]byte, error) {
	if err := r.expect(c, want); err != nil {
		return nil, err
	}
	length := bytes.IndexByte(r.src[r.off:], terminator^r.mask)
	if length < 0 {
		return nil, r.fail(len(r.src), "ends inside %s", want)
	}
	in := r.src[r.off : r.off+length]
	out := make([]byte, 0, length)
	for i := 0; i < len(in); i++ {
		b := in[i] ^ r.mask
		if b == escape {
			if i++; i == len(in) || (in[i]^r.mask)-1 > escape {
				return nil, r.fail(r.off+i, "bad escape in %s", want)
			}
			b = (in[i] ^ r.mask) - 1
		}
		out = append(out, b)
	}
	r.off += length + 1
	return out, nil
}

// string is bytes with the result as a string.
func (r *reader) string() (string, error) {
	b, err := r.bytes(codeString, "string")
	return unsafe.String(unsafe.SliceData(b), len(b)), err
}
