package version

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Sum is the fingerprint of a set of entries: the sum, modulo 2^128, of a keyed
// pseudorandom function of each. It depends on keys and values alone, not on
// the shape of the tree nor on who wrote the entries; so two trees of one map
// hold the same entries if and only if their counts and sums are equal, but for
// a chance of 2^-128 that nobody who does not know the map's secret can raise.
type Sum struct{ Hi, Lo uint64 }

// Add returns the fingerprint of two disjoint sets together.
func (s Sum) Add(t Sum) Sum {
	lo, carry := bits.Add64(s.Lo, t.Lo, 0)
	hi, _ := bits.Add64(s.Hi, t.Hi, carry)
	return Sum{hi, lo}
}

// Sub returns the fingerprint of s without its subset t.
func (s Sum) Sub(t Sum) Sum {
	lo, borrow := bits.Sub64(s.Lo, t.Lo, 0)
	hi, _ := bits.Sub64(s.Hi, t.Hi, borrow)
	return Sum{hi, lo}
}

const sumSize = 16

func appendSum(dst []byte, s Sum) []byte {
	dst = binary.BigEndian.AppendUint64(dst, s.Hi)
	return binary.BigEndian.AppendUint64(dst, s.Lo)
}

func takeSum(data []byte) (s Sum, rest []byte, ok bool) {
	if len(data) < sumSize {
		return s, nil, false
	}
	return Sum{binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:])}, data[sumSize:], true
}

// Secret is the key of the fingerprints of a map. Clones of the map share it,
// so that they can compare what they hold.
type Secret [32]byte

// summer computes fingerprints. It belongs to one goroutine.
type summer struct {
	secret Secret
	buf    []byte
}

// entry returns the fingerprint of one entry: the first half of SHA-256 over
// the secret, the length of the key, the key and the value. The secret fills a
// fixed part before all input, and half of the hash is kept back, so what
// others know of some sums tells nothing about others.
func (s *summer) entry(key, value []byte) Sum {
	s.buf = append(s.buf[:0], s.secret[:]...)
	s.buf = binary.LittleEndian.AppendUint32(s.buf, uint32(len(key)))
	s.buf = append(s.buf, key...)
	s.buf = append(s.buf, value...)
	h := sha256.Sum256(s.buf)
	if cap(s.buf) > 1<<20 {
		s.buf = nil // a large value passed through
	}
	return Sum{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}
