package pco

import (
	"math"
	"math/bits"
	"slices"
)

// Mode and delta encoding are chosen by what a sample takes with each: groups of
// neighbours from all over the chunk, so that differences can be taken in them.

const (
	groupSize    = 256
	sampleGroups = 8 // at least, if there are so many
)

// groupsOf returns copies of groups of neighbours.
func groupsOf[L latent](latents []L) [][]L {
	if len(latents) <= groupSize*sampleGroups {
		return [][]L{slices.Clone(latents)}
	}
	n := sampleGroups + len(latents)/groupSize/256
	groups := make([][]L, n)
	for i := range groups {
		from := i * (len(latents) - groupSize) / (n - 1)
		groups[i] = slices.Clone(latents[from : from+groupSize])
	}
	return groups
}

func cloneGroups[L latent](groups [][]L) [][]L {
	clone := make([][]L, len(groups))
	for i, g := range groups {
		clone[i] = slices.Clone(g)
	}
	return clone
}

func lengthOf[L latent](groups [][]L) (n int) {
	for _, g := range groups {
		n += len(g)
	}
	return n
}

// estimateLevel is the highest level that estimates are made for.
const estimateLevel = 6

// estimate returns about how many bits a latent of the groups takes at a level.
func estimate[L latent](groups [][]L, level int) float64 {
	total := lengthOf(groups)
	if total == 0 {
		return 0
	}
	level = min(level, estimateLevel)
	_, cost := joinBuckets(bucketsOf(sampleOf(groups), level), total, tableLog(level, total))
	return cost / float64(total)
}

// chooseDelta returns the delta encoding with which a variable takes the fewest
// bits, and how many.
func chooseDelta[L latent](groups [][]L, level int) (best deltaSpec, cost float64) {
	cost = estimate(groups, level)
	before := math.Inf(1)
	for order := 1; order <= 7; order++ {
		spec := deltaSpec{kind: Consecutive, order: order}
		c := estimateDelta(&spec, groups, level)
		if c < cost-0.05 {
			best, cost = spec, c
		}
		if c > before {
			break
		}
		before = c
	}
	spec := deltaSpec{kind: Lookback, windowLog: lookWindowLog}
	if c := estimateDelta(&spec, groups, level); c < cost-2 {
		best, cost = spec, c
	}
	return best, cost
}

// estimateDelta is estimate of differences.
func estimateDelta[L latent](spec *deltaSpec, groups [][]L, level int) float64 {
	var coded [][]L
	var looks [][]uint32
	for _, g := range cloneGroups(groups) {
		var look []uint32
		if spec.kind == Lookback {
			look = findLookbacks(g, spec.states(), spec.windowLog)
			looks = append(looks, look)
		}
		c, _ := takeDeltas(spec, g, look)
		coded = append(coded, c)
	}
	return estimate(coded, level) + estimate(looks, level)
}

// chooseMode returns the mode with which numbers take the fewest bits, and the
// delta encoding that goes with it.
func chooseMode[L latent](t Type, groups [][]L, o *Options) (modeSpec, deltaSpec) {
	var bestMode modeSpec
	var bestDelta deltaSpec
	level, best := o.Level, math.Inf(1)
	for _, m := range candidates(t, groups, o.Mode) {
		primary, secondary := splitGroups(t, &m, groups)
		d, cost := deltaSpec{}, 0.0
		if o.Delta.forced {
			cost = estimate(primary, level)
		} else {
			d, cost = chooseDelta(primary, level)
		}
		if secondary != nil {
			cost += estimate(secondary, level) + 0.5 // it must pay
		}
		if cost < best {
			bestMode, bestDelta, best = m, d, cost
		}
	}
	return bestMode, bestDelta
}

func splitGroups[L latent](t Type, m *modeSpec, groups [][]L) (primary, secondary [][]L) {
	for _, g := range cloneGroups(groups) {
		p, s := split(t, m, g)
		primary = append(primary, p)
		if s != nil {
			secondary = append(secondary, s)
		}
	}
	return primary, secondary
}

// candidates returns the modes that may be good, or the one that was chosen.
func candidates[L latent](t Type, groups [][]L, choice ModeChoice) []modeSpec {
	if choice.forced {
		m := modeSpec{kind: choice.kind, base: choice.base, bits: choice.bits}
		if m.kind == FloatMult {
			m.base = floatBase(t, choice.float)
		}
		return []modeSpec{m}
	}
	list := []modeSpec{{}}
	if t.class() != float {
		if base := commonBase(groups); base > 1 {
			list = append(list, modeSpec{kind: IntMult, base: uint64(base)})
		}
		return list
	}
	if k := trailingZeros(t, groups); k > 0 {
		list = append(list, modeSpec{kind: FloatQuant, bits: k})
	}
	for _, base := range floatBases(t, groups) {
		list = append(list, modeSpec{kind: FloatMult, base: base})
	}
	return list
}

// commonBase returns a number of which differences of many latents are multiples,
// at most 1 if there is none: the divisor that triples share most often.
func commonBase[L latent](groups [][]L) L {
	votes := make(map[L]int)
	triples := 0
	for _, g := range groups {
		for i := 0; i+2 < len(g); i += 3 {
			a, b, c := g[i], g[i+1], g[i+2]
			low, high := min(a, b, c), max(a, b, c)
			mid := a ^ b ^ c ^ low ^ high
			if d := gcd(high-low, mid-low); d > 1 {
				votes[d]++
			}
			triples++
		}
	}
	var best L
	most := 0
	for d, n := range votes {
		if n > most || n == most && d < best {
			best, most = d, n
		}
	}
	if most*4 < triples { // chance alone gives a divisor of 2 to one in six
		return 1
	}
	return best
}

func gcd[L latent](a, b L) L {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// trailingZeros returns how many of the lowest bits of most floats are zero.
func trailingZeros[L latent](t Type, groups [][]L) int {
	limit := mantissa(t.Bits())
	var counts [65]int
	total := 0
	for _, g := range groups {
		for _, x := range g {
			raw := unorderFloat(x)
			if raw<<1 == 0 {
				continue // zero tells nothing
			}
			counts[min(bits.TrailingZeros64(uint64(raw)), limit)]++
			total++
		}
	}
	enough := total - total/20
	sum := 0
	for k := limit; k > 0; k-- {
		if sum += counts[k]; sum >= enough && total > 0 {
			return k
		}
	}
	return 0
}

// floatBases returns bases of which the floats may be multiples: powers of ten and
// of two, and the difference that neighbours in order have most often.
func floatBases[L latent](t Type, groups [][]L) (list []uint64) {
	a := newArithmetic[L](t)
	var values []float64
	for _, g := range groups {
		for i := 0; i < len(g) && len(values) < 1000; i++ {
			if f := math.Abs(a.value(unorderFloat(g[i]))); f > 0 && !math.IsInf(f, 0) {
				values = append(values, f)
			}
		}
	}
	if len(values) < 4 {
		return nil
	}
	slices.Sort(values)
	typical := values[len(values)/2]
	rough := uint64(0) // a base of floats that were of single precision once
	for _, base := range []float64{1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.25, 0.5, 1, 10, 100, 1000, smallestStep(values)} {
		switch {
		case base <= 0 || base >= typical:
		case isMultiple(values, base, typical*math.Exp2(-float64(mantissa(a.width)-3))):
			list = append(list, floatBase(t, base))
		case a.width == 64 && isMultiple(values, base, typical*math.Exp2(-22)):
			rough = floatBase(t, base)
		}
	}
	// The largest is best: the others have it as a multiple.
	list = list[max(0, len(list)-2):]
	if rough != 0 {
		list = append(list, rough)
	}
	return list
}

// isMultiple reports whether most values are multiples of base, but for an error.
func isMultiple(values []float64, base, tolerance float64) bool {
	if base < 4*tolerance {
		return false
	}
	hits := 0
	for _, v := range values {
		if math.Abs(v-math.RoundToEven(v/base)*base) <= tolerance {
			hits++
		}
	}
	return hits*4 >= len(values)*3
}

// smallestStep returns the base that the values seem to be multiples of: their
// divisor by Euclid's algorithm on floats, 0 if there is none.
func smallestStep(values []float64) float64 {
	a, b := values[len(values)-1], values[len(values)/2]
	tolerance := a * 1e-9
	for range 64 {
		if b <= tolerance {
			break
		}
		a, b = b, math.Mod(a, b)
		if a-b < tolerance {
			b = 0
		}
	}
	if inverse := math.Round(1 / a); math.Abs(1/a-inverse) < 1e-6*inverse {
		return 1 / inverse
	}
	return a
}
