package pco

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestWideFloatsAreMultipliedAsTheOthersAre compares the loops for 64 bits with the
// steps that floats of any width go through.
func TestWideFloatsAreMultipliedAsTheOthersAre(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const mid = uint64(1) << 63
	a := newArithmetic[uint64](Float64)
	latents := []uint64{0, 1, mid - 1, mid, mid + 1, mid + 1<<53, mid - 1<<53, mid + 1<<53 - 1, ^uint64(0)}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 0.07, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, 5e-324} {
		latents = append(latents, orderFloat(math.Float64bits(f)))
	}
	for range 2000 {
		latents = append(latents, rng.Uint64()>>rng.IntN(64), mid+rng.Uint64()>>(12+rng.IntN(52)), mid-rng.Uint64()>>(12+rng.IntN(52)))
	}
	for _, base := range []float64{0.01, -0.01, 3, 1e300, 5e-324, -1.7e308} {
		primary, rest := make([]uint64, len(latents)), make([]uint64, len(latents))
		for i, x := range latents {
			rest[i] = []uint64{mid, mid + 1, mid - 1, rng.Uint64()}[rng.IntN(4)]
			primary[i] = x
		}
		multiply64(primary, rest, base)
		for i, x := range latents {
			want := unorderFloat(orderFloat(a.bits(a.integer(x)*base)) + rest[i] + mid)
			if primary[i] != want && !math.IsNaN(a.integer(x)*base) {
				t.Fatalf("%#x times %v and %#x: %#x, want %#x", x, base, rest[i], primary[i], want)
			}
		}
		copy(primary, latents)
		split64(primary, rest, base)
		for i, x := range latents {
			if want := a.latent(math.RoundToEven(a.value(unorderFloat(x)) / base)); primary[i] != want && a.integer(want) != 0 {
				t.Fatalf("%#x by %v: %#x, want %#x", x, base, primary[i], want)
			}
		}
		multiply64(primary, rest, base)
		for i, x := range latents {
			if got := orderFloat(primary[i]); got != x {
				t.Fatalf("%#x in multiples of %v: %#x", x, base, got)
			}
		}
	}
}
