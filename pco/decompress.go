package pco

import (
	"fmt"
	"slices"
)

// Decompress appends the numbers of a standalone file to dst. If there are more
// than limit of them it is ErrTooMany, so that a small hostile file cannot take
// all memory; 0 is no limit. If the file has numbers of another type it is
// ErrType; see FileType.
func Decompress[T Number](dst []T, src []byte, limit int) ([]T, error) {
	start := len(dst)
	h, n, err := readFileHeader(src)
	if err != nil {
		return dst, err
	}
	for {
		c, size, err := readChunkHeader(src, n)
		if err != nil || c.typ == 0 {
			return dst, err
		}
		if c.typ != TypeOf[T]() {
			return dst, fmt.Errorf("%w: the numbers are of type %v, not %v", ErrType, c.typ, TypeOf[T]())
		}
		if limit > 0 && len(dst)-start+c.n > limit {
			return dst, fmt.Errorf("%w: more than %d", ErrTooMany, limit)
		}
		n += size
		dst, size, err = appendChunk(dst, h.wrapped, src[n:], c.n)
		if err != nil {
			return dst, at(n, err)
		}
		n += size
	}
}

// appendChunk decodes a chunk with one page and returns how many bytes it has.
// Memory grows as numbers come out, so that a chunk that is cut off takes little.
func appendChunk[T Number](dst []T, h Header, src []byte, n int) ([]T, int, error) {
	c, size, err := NewChunkDecoder[T](h, src)
	if err != nil {
		return dst, 0, err
	}
	p := c.NewPage()
	if err := p.Reset(src[size:], n); err != nil {
		return dst, 0, at(size, err)
	}
	for n > 0 {
		piece := min(n, max(1<<16, len(dst)))
		dst = slices.Grow(dst, piece)
		k, err := p.Read(dst[len(dst) : len(dst)+piece])
		dst = dst[:len(dst)+k]
		if err != nil {
			return dst, 0, at(size, err)
		}
		n -= k
	}
	if _, err := p.Read(nil); err != nil {
		return dst, 0, at(size, err)
	}
	return dst, size + p.Size(), nil
}

// chunkHeader begins a chunk of a standalone file; typ is 0 at the end.
type chunkHeader struct {
	typ Type
	n   int
}

func readChunkHeader(src []byte, n int) (c chunkHeader, size int, err error) {
	if n >= len(src) {
		return c, 0, at(n, errShort)
	}
	if src[n] == 0 {
		return c, 1, nil
	}
	c.typ = Type(src[n])
	if !c.typ.valid() {
		return c, 0, at(n, malformed("there is no type %d", src[n]))
	}
	if n+4 > len(src) {
		return c, 0, at(n, errShort)
	}
	c.n = int(src[n+1]) | int(src[n+2])<<8 | int(src[n+3])<<16
	c.n++
	return c, 4, nil
}

// FileType returns the type of the numbers of a standalone file: of its first
// chunk, or the one that its header names; 0 if it is empty and names none.
func FileType(src []byte) (Type, error) {
	h, n, err := readFileHeader(src)
	if err != nil {
		return 0, err
	}
	c, _, err := readChunkHeader(src, n)
	if err == nil && c.typ == 0 {
		return h.typ, nil
	}
	return c.typ, err
}
