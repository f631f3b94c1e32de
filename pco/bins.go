package pco

import (
	"math"
	"math/bits"
	"slices"
)

// Bins are chosen in three steps. A sorted sample of the latents is cut into
// buckets of about as many each. Neighbours among these are joined to bins where
// that makes the chunk smaller. Then all latents are put into the bins, which
// tells how many each has and how wide it really is.

// bucket is a range of latents and how many of the sample are in it.
type bucket[L latent] struct {
	low, high L
	count     int
}

// sampleSize is how many latents choose the bins.
const sampleSize = 1 << 14

// sampleOf returns latents from all over the pages, sorted.
func sampleOf[L latent](pages [][]L) []L {
	total := lengthOf(pages)
	step := max(1, total/sampleSize)
	sample := make([]L, 0, total/step+len(pages))
	for _, p := range pages {
		if step == 1 {
			sample = append(sample, p...)
			continue
		}
		for i := 0; i < len(p); i += step {
			// Not always the first of a step: numbers may have a period.
			sample = append(sample, p[min(i+int(uint32(i)*2654435761>>16)%step, len(p)-1)])
		}
	}
	sortLatents(sample)
	return sample
}

// sortLatents sorts by digits of eight bits, from the lowest, as many as the
// latents differ in.
func sortLatents[L latent](list []L) {
	if len(list) < 256 {
		slices.Sort(list)
		return
	}
	low, high := slices.Min(list), slices.Max(list)
	from, to := list, make([]L, len(list))
	for shift := 0; shift < bits.Len64(uint64(high-low)); shift += 8 {
		var at [257]int // where the next with each digit goes
		for _, x := range from {
			at[int(uint8(uint64(x-low)>>shift))+1]++
		}
		for d := range 256 {
			at[d+1] += at[d]
		}
		for _, x := range from {
			d := uint8(uint64(x-low) >> shift)
			to[at[d]] = x
			at[d]++
		}
		from, to = to, from
	}
	copy(list, from)
}

// bucketsOf cuts a sorted sample into about 2^level buckets. A latent that fills
// one gets it for itself.
func bucketsOf[L latent](sample []L, level int) (list []bucket[L]) {
	size := max(1, len(sample)>>level)
	var open bucket[L]
	closeOpen := func() {
		if open.count > 0 {
			list = append(list, open)
		}
		open = bucket[L]{}
	}
	for i := 0; i < len(sample); {
		x := sample[i]
		run := 1
		for i+run < len(sample) && sample[i+run] == x {
			run++
		}
		i += run
		if run >= size {
			closeOpen()
		}
		if open.count == 0 {
			open.low = x
		}
		open.high = x
		open.count += run
		if open.count >= size {
			closeOpen()
		}
	}
	closeOpen()
	widen(list)
	return list
}

// widen extends buckets of several latents by about the distance that these have
// from each other: what is not in the sample lies between and beside.
func widen[L latent](list []bucket[L]) {
	for i := range list {
		b := &list[i]
		room := ^L(0) - b.high
		if i+1 < len(list) {
			room = list[i+1].low - b.high - 1
		}
		b.high += min(room, L(uint64(b.high-b.low)/uint64(b.count)))
	}
}

// joinBuckets joins neighbours to bins so that metadata and latents take the
// fewest bits together, by dynamic programming over all ways to do it. It returns
// the bins, and the bits for total latents of which the buckets are a sample.
func joinBuckets[L latent](list []bucket[L], total, log int) (bins []bucket[L], cost float64) {
	width := widthOf[L]()
	perBin := float64(log + width + lengthBits(width))
	n := len(list)
	best := make([]float64, n+1)
	from := make([]int, n+1)
	before := make([]int, n+1) // of the sample in the buckets before
	for i := range list {
		before[i+1] = before[i] + list[i].count
	}
	sample := float64(before[n])
	scale := float64(total) / max(sample, 1)
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		high := list[j-1].high
		for i := j - 1; i >= 0; i-- {
			count := float64(before[j] - before[i])
			offset := float64(bits.Len64(uint64(high - list[i].low)))
			c := best[i] + perBin + scale*count*(offset+max(0, fastLog2(sample/count)))
			if c < best[j] {
				best[j], from[j] = c, i
			}
		}
	}
	for j := n; j > 0; j = from[j] {
		i := from[j]
		bins = append(bins, bucket[L]{list[i].low, list[j-1].high, before[j] - before[i]})
	}
	slices.Reverse(bins)
	return bins, best[n]
}

// fastLog2 is the logarithm to about 0.01, which is enough to choose bins.
func fastLog2(x float64) float64 {
	b := math.Float64bits(x)
	exp := float64(int(b>>52) - 1023)
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52) // in [1, 2)
	return exp + (2.024658-0.344845*m)*m - 1.674873
}

// tableLog is the size of the tANS table for so many latents.
func tableLog(level, total int) int { return min(level+2, 12, bits.Len(uint(max(total-1, 0)))) }

// classifier puts latents into bins.
type classifier[L latent] struct {
	lows  []L // where bins begin; the first is 0
	bins  []bucket[L]
	table []uint16 // bins of the latents from lows[1] on to lows of the last, if these are few
}

// newClassifier returns a classifier of total latents into bins, with two more for
// latents below and above all of the sample.
func newClassifier[L latent](bins []bucket[L], total int) *classifier[L] {
	c := &classifier[L]{lows: []L{0}}
	for _, b := range bins {
		if b.low > 0 {
			c.lows = append(c.lows, b.low)
		}
	}
	if n := len(bins); n > 0 && bins[n-1].high < ^L(0) {
		c.lows = append(c.lows, bins[n-1].high+1)
	}
	c.bins = make([]bucket[L], len(c.lows))
	for i := range c.bins {
		c.bins[i].low = ^L(0)
	}
	if last := len(c.lows) - 1; last > 1 && uint64(c.lows[last]-c.lows[1]) <= uint64(min(total, maxTable)) {
		for i := 1; i < last; i++ {
			for range uint64(c.lows[i+1] - c.lows[i]) {
				c.table = append(c.table, uint16(i))
			}
		}
	}
	return c
}

// maxTable is how long a table of bins may be.
const maxTable = 1 << 12

// classify notes the bin of each latent.
func (c *classifier[L]) classify(latents []L, symbols []uint16) {
	table := c.table
	var near L // where the table begins
	if table != nil {
		near = c.lows[1]
	}
	for i, x := range latents {
		var at int
		if k := uint64(x - near); k < uint64(len(table)) {
			at = int(table[k])
		} else {
			at = c.find(x)
		}
		symbols[i] = uint16(at)
		b := &c.bins[at]
		b.low, b.high = min(b.low, x), max(b.high, x)
		b.count++
	}
}

// find returns the bin of a latent.
func (c *classifier[L]) find(x L) int {
	lows := c.lows
	at, n := 0, len(lows)
	for n > 1 {
		// Without a branch, of which one in two would be foretold wrong.
		half := n >> 1
		_, below := bits.Sub64(uint64(x), uint64(lows[at+half]), 0)
		at += half & (int(below) - 1)
		n -= half
	}
	return at
}

// finish returns the bins that have latents, and for each bin that was tried the
// number of its own.
func (c *classifier[L]) finish(level, total int) (v varMeta, of []uint16) {
	v.width = widthOf[L]()
	of = make([]uint16, len(c.bins))
	var counts []int
	for i, b := range c.bins {
		of[i] = uint16(len(v.bins))
		if b.count > 0 {
			v.bins = append(v.bins, bin{lower: uint64(b.low), bits: uint8(bits.Len64(uint64(b.high - b.low)))})
			counts = append(counts, b.count)
		}
	}
	v.weigh(counts, total, tableLog(level, total))
	return v, of
}

// weigh gives each bin a weight in proportion to its count, at least 1, which add
// up to the size of the table.
func (v *varMeta) weigh(counts []int, total, log int) {
	if len(v.bins) <= 1 {
		for i := range v.bins {
			v.bins[i].weight = 1
		}
		return
	}
	v.log = max(log, bits.Len(uint(len(v.bins)-1)))
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
