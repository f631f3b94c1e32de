package pco

import (
	"math"
	"math/bits"
)

// deltas takes differences of the latents of a page, in place, as spec says. It
// returns the coded ones and the states; lookbacks only of Lookback.
func takeDeltas[L latent](spec *deltaSpec, latents []L, lookbacks []uint32) (coded, states []L) {
	n := spec.states()
	switch spec.kind {
	case Consecutive:
		return differences(latents, n)
	case Lookback:
		return lookDifferences(latents, n, lookbacks)
	case Conv1:
		return residuals(spec, latents)
	}
	return latents, nil
}

// differences takes differences of neighbours order times. A page that is shorter
// than that has states only; those that are missing are zero.
func differences[L latent](latents []L, order int) (coded, states []L) {
	for range order {
		if len(latents) == 0 {
			states = append(states, 0)
			continue
		}
		states = append(states, latents[0])
		for i := range latents[1:] {
			latents[i] = latents[i+1] - latents[i]
		}
		latents = latents[:len(latents)-1]
	}
	toggle(latents)
	return latents, states
}

// toggle moves differences around 0 to the middle, so that small ones of both
// signs are neighbours.
func toggle[L latent](deltas []L) {
	mid := middle[L]()
	for i := range deltas {
		deltas[i] ^= mid
	}
}

// padded returns the first n latents, zeros if there are not so many.
func padded[L latent](latents []L, n int) []L {
	states := make([]L, n)
	copy(states, latents)
	return states
}

func lookDifferences[L latent](latents []L, n int, lookbacks []uint32) (coded, states []L) {
	states = padded(latents, n)
	if len(latents) <= n {
		return nil, states
	}
	for i := len(latents) - 1; i >= n; i-- {
		from := i - int(lookbacks[i-n])
		if from >= 0 { // before the first there are zeros
			latents[i] -= latents[from]
		}
	}
	coded = latents[n:]
	toggle(coded)
	return coded, states
}

func residuals[L latent](spec *deltaSpec, latents []L) (coded, states []L) {
	n := len(spec.weights)
	states = padded(latents, n)
	if len(latents) <= n {
		return nil, states
	}
	for i := len(latents) - 1; i >= n; i-- {
		sum := spec.bias
		for j, w := range spec.weights {
			sum += int64(w) * int64(latents[i-n+j])
		}
		latents[i] -= L(max(sum, 0) >> spec.shift)
	}
	coded = latents[n:]
	toggle(coded)
	return coded, states
}

// Lookbacks are found by hashing: a latent, and the upper half of its bits, are
// looked for where they were last.
const (
	lookWindowLog = 12
	lookHashLog   = 13
)

// findLookbacks chooses for each latent from n on how far to look back, within
// the window: to what makes the smallest difference, and in doubt as far as the
// one before.
func findLookbacks[L latent](latents []L, n, windowLog int) []uint32 {
	if len(latents) <= n {
		return nil
	}
	window := 1 << windowLog
	out := make([]uint32, len(latents)-n)
	var exact, rough [1 << lookHashLog]int32 // index + 1
	half := widthOf[L]() / 2
	last := 1
	for i, x := range latents {
		if i >= n {
			best, cost := last, lookCost(latents, i, last)
			for _, from := range [...]int{int(exact[hashOf(uint64(x))]), int(rough[hashOf(uint64(x)>>half)]), i} {
				back := i + 1 - from
				if from == 0 || back > window || back < 1 {
					continue
				}
				if c := lookCost(latents, i, back) + 3; c < cost {
					best, cost = back, c
				}
			}
			last = best
			out[i-n] = uint32(best)
		}
		exact[hashOf(uint64(x))] = int32(i + 1)
		rough[hashOf(uint64(x)>>half)] = int32(i + 1)
	}
	return out
}

// lookCost is about how many bits the difference to a latent so far back takes.
func lookCost[L latent](latents []L, i, back int) int {
	x := latents[i]
	if i >= back {
		x -= latents[i-back]
	}
	mid := middle[L]()
	if x >= mid {
		x = -x
	}
	return bits.Len64(uint64(x))
}

func hashOf(x uint64) uint64 { return x * 0x9E3779B97F4A7C15 >> (64 - lookHashLog) }

// fitConv returns the linear combination of order latents that predicts the next
// one best, by least squares. It is nil if there is none that the format allows.
func fitConv[L latent](latents []L, order int) *deltaSpec {
	width := widthOf[L]()
	if len(latents) < 4*order+4 {
		return nil
	}
	solution := leastSquares(latents, order)
	if solution == nil {
		return nil
	}
	sum := 0.0
	for _, w := range solution[:order] {
		sum += math.Abs(w)
	}
	// Predictions with |bias| + 2^width·Σ|weights| must be below 2^(2·width−1).
	shift := min(31, 2*width-1)
	for ; shift > 0; shift-- {
		scale := math.Exp2(float64(shift))
		need := math.Abs(solution[order])*scale + math.Exp2(float64(width))*(sum*scale+float64(order))
		if need < math.Exp2(float64(2*width-2)) && maxAbs(solution[:order])*scale < 1<<31-1 {
			break
		}
	}
	spec := &deltaSpec{kind: Conv1, shift: shift}
	scale := math.Exp2(float64(shift))
	for _, w := range solution[:order] {
		spec.weights = append(spec.weights, int32(math.Round(w*scale)))
	}
	spec.bias = int64(math.Round((solution[order] + .5) * scale))
	m := chunkMeta{delta: *spec, primary: varMeta{width: width}}
	if m.checkConv() != nil {
		return nil
	}
	return spec
}

func maxAbs(list []float64) (most float64) {
	for _, x := range list {
		most = max(most, math.Abs(x))
	}
	return most
}

// leastSquares returns order weights and a bias; nil if the equations have no
// single solution. Latents are taken relative to the first, which keeps the sums
// small.
func leastSquares[L latent](latents []L, order int) []float64 {
	const most = 1 << 14 // latents that are looked at
	latents = latents[:min(len(latents), most)]
	origin := float64(latents[0])
	n := order + 1
	a := make([][]float64, n)
	for i := range a {
		a[i] = make([]float64, n+1)
	}
	row := make([]float64, n+1)
	for i := order; i < len(latents); i++ {
		for j := range order {
			row[j] = float64(latents[i-order+j]) - origin
		}
		row[order], row[n] = 1, float64(latents[i])-origin
		for j := range n {
			for k := range n + 1 {
				a[j][k] += row[j] * row[k]
			}
		}
	}
	x := solve(a)
	if x == nil {
		return nil
	}
	sum := 0.0
	for _, w := range x[:order] {
		sum += w
	}
	x[order] += origin * (1 - sum)
	return x
}

// solve solves linear equations by elimination with pivots; nil if they are
// singular.
func solve(a [][]float64) []float64 {
	n := len(a)
	for i := range n {
		pivot := i
		for j := i + 1; j < n; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[pivot][i]) {
				pivot = j
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if math.Abs(a[i][i]) < 1e-9 {
			return nil
		}
		for j := range n {
			if j == i {
				continue
			}
			f := a[j][i] / a[i][i]
			for k := i; k <= n; k++ {
				a[j][k] -= f * a[i][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		if x[i] = a[i][n] / a[i][i]; math.IsNaN(x[i]) || math.IsInf(x[i], 0) {
			return nil
		}
	}
	return x
}
