package pco

import (
	"math"
	"math/bits"
	"slices"
)

// A histogram is finer than the bins that are stored: its buckets are chosen by a
// sample, so that each has about as many latents, and neighbours are then joined
// where that makes the chunk smaller.

// bucket is a range of latents and how many there are.
type bucket[L latent] struct {
	low, high L // that occur
	count     int
}

// sampleSize is how many latents choose the buckets.
const sampleSize = 1 << 15

// histogram puts latents into at most 2^level buckets, some more for those that
// occur often.
type histogram[L latent] struct {
	lows    []L // smallest latent of each bucket, for the search
	buckets []bucket[L]
	total   int
}

func newHistogram[L latent](pages [][]L, level int) *histogram[L] {
	h := &histogram[L]{}
	for _, p := range pages {
		h.total += len(p)
	}
	if h.total == 0 {
		return h
	}
	h.chooseLows(sampleOf(pages, h.total), level)
	h.buckets = make([]bucket[L], len(h.lows))
	return h
}

// sampleOf returns latents from all over the pages, sorted.
func sampleOf[L latent](pages [][]L, total int) []L {
	step := max(1, total/sampleSize)
	sample := make([]L, 0, total/step+len(pages))
	for _, p := range pages {
		for i := 0; i < len(p); i += step {
			// Not always the first of a step: numbers may have a period.
			sample = append(sample, p[min(i+int(uint32(i)*2654435761>>16)%step, len(p)-1)])
		}
	}
	slices.Sort(sample)
	return sample
}

// chooseLows chooses where buckets begin. A latent that fills a bucket gets one
// for itself.
func (h *histogram[L]) chooseLows(sample []L, level int) {
	want := 1 << level
	step := max(1, len(sample)/want)
	h.lows = append(h.lows, 0)
	for i := 0; i < len(sample); {
		low := sample[i]
		run := 1
		for i+run < len(sample) && sample[i+run] == low {
			run++
		}
		h.begin(low)
		if run >= step {
			if i += run; i < len(sample) {
				h.begin(low + 1)
			}
			continue
		}
		i += max(step, run)
	}
}

// begin makes a bucket begin at low, unless one does already.
func (h *histogram[L]) begin(low L) {
	if low > h.lows[len(h.lows)-1] {
		h.lows = append(h.lows, low)
	}
}

// find returns the bucket of a latent.
func (h *histogram[L]) find(x L) int {
	i, n := 0, len(h.lows)
	for n > 1 {
		half := n >> 1
		if h.lows[i+half] <= x { // compiled to a conditional move
			i += half
		}
		n -= half
	}
	return i
}

// count counts latents and notes the bucket of each.
func (h *histogram[L]) count(latents []L, symbols []uint16) {
	if len(h.lows) == 1 {
		h.countAll(latents)
		return
	}
	for i, x := range latents {
		s := h.find(x)
		symbols[i] = uint16(s)
		b := &h.buckets[s]
		if b.count == 0 {
			b.low, b.high = x, x
		}
		b.low, b.high = min(b.low, x), max(b.high, x)
		b.count++
	}
}

// countAll is count with one bucket.
func (h *histogram[L]) countAll(latents []L) {
	if len(latents) == 0 {
		return
	}
	b := &h.buckets[0]
	if b.count == 0 {
		b.low, b.high = latents[0], latents[0]
	}
	for _, x := range latents {
		b.low, b.high = min(b.low, x), max(b.high, x)
	}
	b.count += len(latents)
}

// bins joins buckets so that metadata and latents together take the fewest bits,
// which it returns, and for each bucket the bin that it is in.
func (h *histogram[L]) bins(level int) (v varMeta, of []uint16, cost float64) {
	v.width = widthOf[L]()
	used := make([]int, 0, len(h.buckets))
	for i := range h.buckets {
		if h.buckets[i].count > 0 {
			used = append(used, i)
		}
	}
	of = make([]uint16, len(h.buckets))
	if len(used) == 0 {
		return v, of, 0
	}
	v.log = min(level+2, 12, max(bits.Len(uint(h.total-1)), 0))
	cuts, cost := h.partition(used, v.log)
	counts := make([]int, 0, len(cuts))
	for i, from := range cuts {
		to := len(used)
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		count := 0
		for _, s := range used[from:to] {
			of[s] = uint16(i)
			count += h.buckets[s].count
		}
		low, high := h.buckets[used[from]].low, h.buckets[used[to-1]].high
		v.bins = append(v.bins, bin{lower: uint64(low), bits: uint8(bits.Len64(uint64(high - low)))})
		counts = append(counts, count)
	}
	v.weigh(counts, h.total)
	return v, of, cost
}

// partition returns where bins begin among the used buckets, by dynamic
// programming over all ways to join neighbours, but for bins of very many buckets.
func (h *histogram[L]) partition(used []int, log int) (cuts []int, cost float64) {
	width := widthOf[L]()
	perBin := float64(log + width + lengthBits(width))
	n := len(used)
	best := make([]float64, n+1)
	from := make([]int, n+1)
	before := make([]int, n+1) // latents in the buckets before
	for i, s := range used {
		before[i+1] = before[i] + h.buckets[s].count
	}
	total := float64(h.total)
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		high := h.buckets[used[j-1]].high
		for i := j - 1; i >= 0; i-- {
			count := float64(before[j] - before[i])
			c := best[i] + perBin
			offset := float64(bits.Len64(uint64(high - h.buckets[used[i]].low)))
			c += count * (offset + max(0, fastLog2(total/count)))
			if c < best[j] {
				best[j], from[j] = c, i
			}
		}
	}
	for j := n; j > 0; j = from[j] {
		cuts = append(cuts, from[j])
	}
	slices.Reverse(cuts)
	return cuts, best[n]
}

// fastLog2 is the logarithm to about 0.01, which is enough to choose bins.
func fastLog2(x float64) float64 {
	b := math.Float64bits(x)
	exp := float64(int(b>>52) - 1023)
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52) // in [1, 2)
	return exp + (2.024658-0.344845*m)*m - 1.674873
}

// weigh gives each bin a weight in proportion to its count, at least 1, which add
// up to 2^log.
func (v *varMeta) weigh(counts []int, total int) {
	if len(v.bins) == 1 {
		v.log, v.bins[0].weight = 0, 1
		return
	}
	for 1<<v.log < len(v.bins) {
		v.log++
	}
	size := 1 << v.log
	sum := 0
	for i, c := range counts {
		w := max(1, int(math.Round(float64(c)*float64(size)/float64(total))))
		v.bins[i].weight = uint32(w)
		sum += w
	}
	for sum != size {
		sum += v.adjust(counts, size-sum)
	}
	shared := v.log
	for _, b := range v.bins {
		shared = min(shared, bits.TrailingZeros32(b.weight))
	}
	v.log -= shared
	for i := range v.bins {
		v.bins[i].weight >>= shared
	}
}

// adjust changes the weight for which that costs least, up or down by one, and
// returns the change.
func (v *varMeta) adjust(counts []int, missing int) int {
	best, loss := -1, math.Inf(1)
	step := 1
	if missing < 0 {
		step = -1
	}
	for i, c := range counts {
		w := float64(v.bins[i].weight)
		if step < 0 && w == 1 {
			continue
		}
		if l := float64(c) * math.Log2(w/(w+float64(step))); l < loss {
			best, loss = i, l
		}
	}
	v.bins[best].weight += uint32(step)
	return step
}
