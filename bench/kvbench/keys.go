package kvbench

import (
	"encoding/binary"
	"math"
	"math/bits"
)

const numPrefixes = 1000

const keySize = 16

// keySpace maps indexes to keys. A key is a prefix of 8 bytes (one of 1,000,
// equal for n/1000 neighbouring indexes) and a suffix of 8; both grow with the
// index but look random in all their bytes, so that neither radix trees nor
// prefix compression see unnaturally regular keys.
type keySpace struct {
	n, prefixes uint64
	pstep, step uint64
}

func newKeySpace(n uint64) *keySpace {
	p := min(n, numPrefixes)
	return &keySpace{n: n, prefixes: p, pstep: math.MaxUint64 / (p + 1), step: math.MaxUint64 / (n + 1)}
}

func (s *keySpace) prefixOf(i uint64) uint64 { return i * s.prefixes / s.n }

// prefixRange gives the indexes [lo,hi) of prefix p.
func (s *keySpace) prefixRange(p uint64) (lo, hi uint64) {
	lo = (p*s.n + s.prefixes - 1) / s.prefixes
	hi = ((p+1)*s.n + s.prefixes - 1) / s.prefixes
	return lo, hi
}

func (s *keySpace) prefixWord(p uint64) uint64 {
	h, _ := bits.Mul64(mix64(p^0x5bd1e995), s.pstep/2)
	return p*s.pstep + h
}

func (s *keySpace) build(dst []byte, i, add uint64) []byte {
	h, _ := bits.Mul64(mix64(i), s.step/4)
	dst = binary.BigEndian.AppendUint64(dst[:0], s.prefixWord(s.prefixOf(i)))
	return binary.BigEndian.AppendUint64(dst, i*s.step+h&^15+add)
}

// key is that of index i < n (loaded), or of the (i-n)th inserted record, which
// lies between two loaded neighbours at a pseudo-random place.
func (s *keySpace) key(dst []byte, i uint64) []byte {
	if i < s.n {
		return s.build(dst, i, 0)
	}
	return s.build(dst, s.parent(i-s.n), 16+i-s.n)
}

// parent is the loaded index just below the jth inserted record.
func (s *keySpace) parent(j uint64) uint64 { return mix64(j) % s.n }

// missing is a key that is never written, between i and i+1.
func (s *keySpace) missing(dst []byte, i uint64) []byte { return s.build(dst, i, 1) }
