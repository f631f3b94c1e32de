package kvbench

import "math/bits"

// hist is a log-linear histogram of nanoseconds: 32 buckets per power of two,
// each 3 % wide.
type hist struct {
	b   [64 * 32]uint64
	n   uint64
	max int64
}

func bucketOf(v int64) int {
	if v < 32 {
		return int(max(v, 0))
	}
	e := bits.Len64(uint64(v)) - 6 // v>>e is in [32,64)
	return (e+1)*32 + int(uint64(v)>>uint(e)) - 32
}

func bucketMid(i int) int64 {
	if i < 32 {
		return int64(i)
	}
	e := i/32 - 1
	return (int64(i%32+32) << uint(e)) + (int64(1)<<uint(e))/2
}

func (h *hist) add(v int64) {
	h.b[bucketOf(v)]++
	h.n++
	h.max = max(h.max, v)
}

func (h *hist) merge(o *hist) {
	for i := range h.b {
		h.b[i] += o.b[i]
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

func (h *hist) quantile(q float64) int64 {
	want := max(1, uint64(q*float64(h.n)+0.5))
	var c uint64
	for i, x := range h.b {
		if c += x; c >= want {
			return min(bucketMid(i), h.max)
		}
	}
	return h.max
}
