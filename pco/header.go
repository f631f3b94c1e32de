package pco

import (
	"fmt"
	"math/bits"
)

// Header is that of the wrapped form: the version of the format in which chunks
// and pages are written.
type Header struct {
	Major, Minor uint8
}

// currentMajor and currentMinor are the version that is written.
const currentMajor, currentMinor = 4, 1

// CurrentHeader returns the header of what this package writes.
func CurrentHeader() Header { return Header{currentMajor, currentMinor} }

// ReadHeader reads the header of the wrapped form and returns how many bytes it
// has. A later version is an ErrNewerFormat.
func ReadHeader(src []byte) (h Header, n int, err error) {
	if len(src) == 0 {
		return h, 0, errShort
	}
	h.Major = src[0]
	if h.Major > currentMajor {
		return h, 0, fmt.Errorf("%w: version %d, this reads up to %d", ErrNewerFormat, h.Major, currentMajor)
	}
	if h.Major < 4 {
		return h, 1, nil
	}
	if len(src) < 2 {
		return h, 0, errShort
	}
	h.Minor = src[1]
	return h, 2, nil
}

// Append appends the header to dst.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, h.Major)
	if h.Major >= 4 {
		dst = append(dst, h.Minor)
	}
	return dst
}

// Standalone files begin with the magic, then have the header, and chunks up to a
// zero byte.
const (
	magic             = "pco!"
	standaloneVersion = 3
)

// fileHeader is the header of a standalone file.
type fileHeader struct {
	standalone uint8
	typ        Type // of all chunks; 0 if they may differ
	hint       uint64
	wrapped    Header
}

// readFileHeader reads the header of a standalone file ("4.1 Standalone file").
func readFileHeader(src []byte) (h fileHeader, n int, err error) {
	if len(src) < len(magic)+1 || string(src[:len(magic)]) != magic {
		return h, 0, malformed("it does not begin with %q", magic)
	}
	n = len(magic)
	// In versions 0 and 1 the byte is also the version of the wrapped form.
	if h.standalone = src[n]; h.standalone >= 2 {
		n++
		if n, err = h.readRest(src, n); err != nil {
			return h, 0, at(n, err)
		}
	}
	h.wrapped, _, err = ReadHeader(src[n:])
	if err != nil {
		return h, 0, at(n, err)
	}
	_, size, _ := ReadHeader(src[n:])
	return h, n + size, nil
}

func (h *fileHeader) readRest(src []byte, n int) (int, error) {
	if h.standalone > standaloneVersion {
		return n, fmt.Errorf("%w: file version %d, this reads up to %d", ErrNewerFormat, h.standalone, standaloneVersion)
	}
	if h.standalone >= 3 {
		if n == len(src) {
			return n, errShort
		}
		if h.typ = Type(src[n]); h.typ != 0 && !h.typ.valid() {
			return n, malformed("there is no type %d", src[n])
		}
		n++
	}
	r := bitReader{data: src, pos: uint(n) * 8}
	h.hint = r.read(int(r.read(6)) + 1)
	if err := r.align(); err != nil {
		return n, err
	}
	return r.byte(), nil
}

// append appends the header of a file with n numbers.
func (h *fileHeader) append(dst []byte) []byte {
	dst = append(append(dst, magic...), standaloneVersion, byte(h.typ))
	w := newBitWriter(dst)
	size := max(bits.Len64(h.hint), 1)
	w.write(uint64(size-1), 6)
	w.write(h.hint, size)
	w.align()
	return h.wrapped.Append(w.bytes())
}
