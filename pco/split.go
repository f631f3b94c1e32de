package pco

import (
	"math"
	"slices"
)

// split takes ordered latents apart into the variables of a mode; secondary is nil
// if it has one. It may use the memory of latents for primary.
func split[L latent](t Type, mode *modeSpec, latents []L) (primary, secondary []L) {
	switch mode.kind {
	case IntMult:
		return splitIntMult(L(mode.base), latents)
	case FloatMult:
		return splitFloatMult(t, L(mode.base), latents)
	case FloatQuant:
		return splitFloatQuant(mode.bits, latents)
	}
	return latents, nil
}

func splitIntMult[L latent](base L, latents []L) (primary, secondary []L) {
	secondary = make([]L, len(latents))
	for i, x := range latents {
		q := x / base
		latents[i], secondary[i] = q, x-q*base
	}
	return latents, secondary
}

func splitFloatMult[L latent](t Type, ordered L, latents []L) (primary, secondary []L) {
	mid := middle[L]()
	a := newArithmetic[L](t)
	base := a.value(unorderFloat(ordered))
	secondary = make([]L, len(latents))
	if wide, ok := any(latents).([]uint64); ok {
		split64(wide, any(secondary).([]uint64), base)
		return latents, secondary
	}
	for i, x := range latents {
		l := a.latent(math.RoundToEven(a.value(unorderFloat(x)) / base))
		product := orderFloat(a.bits(a.integer(l) * base))
		latents[i], secondary[i] = l, x-product-mid
	}
	return latents, secondary
}

// split64 is splitFloatMult for floats of 64 bits, without steps between.
func split64(latents, secondary []uint64, base float64) {
	const mid, exact = 1 << 63, 1 << 53
	a := newArithmetic[uint64](Float64)
	for i, x := range latents {
		f := math.RoundToEven(math.Float64frombits(unorderFloat(x)) / base)
		n := math.Abs(f)
		l := uint64(int64(n))
		if !(n < exact) {
			l = a.latent(n) - mid
			f = math.Copysign(a.magnitude(l), f)
		}
		below := uint64(int64(math.Float64bits(f)) >> 63)
		latents[i] = l ^ below ^ mid
		secondary[i] = x - orderFloat(math.Float64bits(f*base)) - mid
	}
}

// latent is the inverse of integer; floats that are no integers are 0.
func (a *arithmetic[L]) latent(f float64) L {
	mid := middle[L]()
	n := math.Abs(f)
	var l L
	switch {
	case n < float64(a.exact):
		l = L(n)
	case math.IsInf(a.value(a.bits(n)), 0) || n != n:
		return mid
	default:
		l = a.bits(n) - a.exactBit + a.exact
	}
	if math.Signbit(f) {
		return mid - 1 - l
	}
	return mid + l
}

func splitFloatQuant[L latent](k int, latents []L) (primary, secondary []L) {
	mask := L(1)<<k - 1
	positive := middle[L]() >> k
	secondary = make([]L, len(latents))
	for i, x := range latents {
		high, low := x>>k, x&mask
		if high < positive {
			low = mask - low
		}
		latents[i], secondary[i] = high, low
	}
	return latents, secondary
}

// splitDict returns the distinct latents, rising, and for each its index. It
// reports false if there are too many.
func splitDict[L latent](latents []L) (dict []L, indexes []uint32, ok bool) {
	dict = slices.Clone(latents)
	slices.Sort(dict)
	dict = slices.Compact(dict)
	if len(dict) > maxDict {
		return nil, nil, false
	}
	indexes = make([]uint32, len(latents))
	for i, x := range latents {
		j, _ := slices.BinarySearch(dict, x)
		indexes[i] = uint32(j)
	}
	return dict, indexes, true
}
