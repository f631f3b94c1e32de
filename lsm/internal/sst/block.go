package sst

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// block is the content of a sorted block, cut into its parts. Its bytes are
// immutable. Nothing in it is trusted: whoever reads an entry checks that it is
// within the block.
type block struct {
	entries  []byte
	restarts []byte // 4 bytes each
	buckets  []byte // of the hash index; empty if there is none
	count    int    // entries
}

// parseBlock cuts content into its parts, in constant time.
func parseBlock(content []byte) (b block, ok bool) {
	le := binary.LittleEndian
	n := len(content) - blockTailSize
	if n < 0 {
		return b, false
	}
	tail := content[n:]
	count, restarts, buckets := int64(le.Uint32(tail)), int64(le.Uint32(tail[4:])), int64(le.Uint16(tail[8:]))
	end := int64(n) - buckets - 4*restarts
	if end < 0 || restarts > count || (count == 0) != (end == 0) || count > 0 && restarts == 0 || count*(3+trailerSize) > end {
		return b, false
	}
	cut := n - int(buckets)
	return block{entries: content[:end:end], restarts: content[end:cut:cut], buckets: content[cut:n:n], count: int(count)}, true
}

// intervals is the number of restarts.
func (b *block) intervals() int { return len(b.restarts) / 4 }

// restart returns the offset of the i-th restart, which may be anything.
func (b *block) restart(i int) int { return int(binary.LittleEndian.Uint32(b.restarts[4*i:])) }

// header decodes the head of the entry at off, from 0 to len(p): lengths of the
// shared key, of its rest and of the value, and the offset of the rest. at is 0
// if the entry does not fit in p.
func header(p []byte, off int) (shared, rest, value, at int) {
	if off+3 <= len(p) {
		h := p[off : off+3 : off+3]
		if h[0]|h[1]|h[2] < 0x80 && len(p)-off >= int(h[1])+int(h[2])+3+trailerSize {
			return int(h[0]), int(h[1]), int(h[2]), off + 3
		}
	}
	return longHeader(p, off)
}

func longHeader(p []byte, off int) (shared, rest, value, at int) {
	var v [3]uint64
	at = off
	for i := range v {
		x, n := binary.Uvarint(p[at:])
		if n <= 0 || x > uint64(max(len(p), MaxKey)) {
			return 0, 0, 0, 0
		}
		v[i] = x
		at += n
	}
	if uint64(len(p)-at) < v[1]+v[2]+trailerSize {
		return 0, 0, 0, 0
	}
	return int(v[0]), int(v[1]), int(v[2]), at
}

func trailerAt(p []byte, at int) entry.Trailer {
	return entry.Trailer(binary.LittleEndian.Uint64(p[at:]))
}

// searchRestarts returns the first restart whose entry is at or after (key, t),
// or their number.
func (b *block) searchRestarts(key []byte, t entry.Trailer) (int, error) {
	p, r := b.entries, b.restarts
	lo, hi := 0, b.intervals()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		off := int(binary.LittleEndian.Uint32(r[4*mid:]))
		if uint(off) >= uint(len(p)) {
			return 0, errRestart
		}
		shared, rest, _, at := header(p, off)
		if at == 0 || shared != 0 {
			return 0, errRestart
		}
		c := bytes.Compare(p[at:at+rest], key)
		if c < 0 || c == 0 && trailerAt(p, at+rest) > t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}

// hit is the entry at which a scan of a block arrived.
type hit struct {
	off, next int  // of the entry and of the one after it
	shared    int  // so many leading bytes are those of the key that was sought
	equal     bool // the key is the one that was sought
	rest      []byte
	trailer   entry.Trailer
	value     []byte
}

// scan goes from the restart at off to the first entry at or after (key, t). ok
// is false if there is none.
//
// It compares no byte twice and puts no key together: what an entry shares with
// the one before decides most comparisons. As long as the entries are below the
// key, matched is how many leading bytes of key the last of them has; one that
// shares more than that differs from key in the same byte, and is below, too.
func (b *block) scan(off int, key []byte, t entry.Trailer, h *hit) (ok bool, err error) {
	p := b.entries
	matched, length := 0, 0 // length is that of the key before
	for off < len(p) {
		shared, rest, value, at := header(p, off)
		if at == 0 || shared > length {
			return false, errEntry
		}
		length = shared + rest
		end := at + rest + trailerSize + value
		if shared <= matched {
			n := commonPrefix(p[at:at+rest], key[shared:])
			matched = shared + n
			equal := n == rest && matched == len(key)
			var after bool
			switch {
			case equal:
				after = trailerAt(p, at+rest) <= t
			case n == rest:
				after = false
			default:
				after = matched == len(key) || p[at+n] > key[matched]
			}
			if after {
				*h = hit{off, end, shared, equal, p[at : at+rest], trailerAt(p, at+rest), p[end-value : end : end]}
				return true, nil
			}
		}
		off = end
	}
	return false, nil
}

// find sets h to the first entry at or after (key, t).
func (b *block) find(key []byte, t entry.Trailer, h *hit) (ok bool, err error) {
	i, err := b.searchRestarts(key, t)
	if err != nil || b.count == 0 {
		return false, err
	}
	off := b.restart(max(i-1, 0))
	if off >= len(b.entries) || off < 0 {
		return false, errRestart
	}
	return b.scan(off, key, t, h)
}

// get sets h to the first entry at or after (key, t); ok is false if it is of
// another key. The block must be the one that has an entry there. It uses the
// hash index if there is one.
func (b *block) get(key []byte, hash uint64, t entry.Trailer, h *hit) (ok bool, err error) {
	i := bucketShared
	if len(b.buckets) > 0 {
		i = int(b.buckets[bucketOf(hash, len(b.buckets))])
	}
	switch i {
	case bucketEmpty:
		return false, nil
	case bucketShared:
		ok, err = b.find(key, t, h)
	default:
		if i >= b.intervals() || uint(b.restart(i)) >= uint(len(b.entries)) {
			return false, errRestart
		}
		ok, err = b.scan(b.restart(i), key, t, h)
	}
	if err == nil && !ok {
		return false, errMisled
	}
	return ok && h.equal, err
}

// commonPrefix returns how many leading bytes a and b have in common.
func commonPrefix(a, b []byte) int {
	n, i := min(len(a), len(b)), 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
