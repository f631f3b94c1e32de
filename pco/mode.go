package pco

import "math"

// join puts the variables of a batch together again, as ordered latents, in
// primary ("4.7 Modes"). FloatMult has multiply for it.
func join[L latent](mode *modeSpec, primary, secondary []L) {
	switch mode.kind {
	case IntMult:
		base := L(mode.base)
		for i, s := range secondary[:len(primary)] {
			primary[i] = primary[i]*base + s
		}
	case FloatQuant:
		joinFloatQuant(mode.bits, primary, secondary)
	}
}

func joinFloatQuant[L latent](k int, primary, secondary []L) {
	positive := middle[L]() >> k
	mask := L(1)<<k - 1
	for i, low := range secondary[:len(primary)] {
		if primary[i] < positive {
			low = mask - low
		}
		primary[i] = primary[i]<<k + low
	}
}

// multiply puts the variables of a batch of FloatMult together again, as the bits
// of numbers, in primary. It multiplies in the precision of the numbers.
func multiply[L latent](m *chunkMeta, primary, secondary []L) {
	mid := middle[L]()
	a := newArithmetic[L](m.typ)
	base := a.value(unorderFloat(L(m.mode.base)))
	if wide, ok := any(primary).([]uint64); ok {
		multiply64(wide, any(secondary).([]uint64), base)
		return
	}
	for i, s := range secondary[:len(primary)] {
		product := orderFloat(a.bits(a.integer(primary[i]) * base))
		primary[i] = unorderFloat(product + s + mid)
	}
}

// multiply64 is multiply for floats of 64 bits, without steps between.
func multiply64(primary, secondary []uint64, base float64) {
	const mid, exact = 1 << 63, 1 << 53
	a := arithmetic[uint64]{width: 64, exact: exact, exactBit: math.Float64bits(exact)}
	for i, s := range secondary[:len(primary)] {
		n := int64(primary[i] ^ mid)
		below := n >> 63 // all ones for what is below the middle
		n ^= below
		f := float64(n)
		if n >= exact {
			f = a.magnitude(uint64(n))
		}
		product := int64(math.Float64bits(f*base) ^ uint64(below)&mid)
		// Of a negative float the bits rise as it falls.
		negative := product >> 63
		x := product + (int64(s^mid) ^ negative) - negative
		if x^product < 0 {
			x = int64(unorderFloat(orderFloat(uint64(product)) + s + mid))
		}
		primary[i] = uint64(x)
	}
}

// arithmetic calculates with floats of the width of L, in float64. The product of
// two floats of up to 32 bits is exact in a float64, so that rounding it once more
// gives the product in their own precision.
type arithmetic[L latent] struct {
	width    int
	exact    L // integers below are exact, from here on they go on in ulps
	exactBit L // the bits of that float
}

func newArithmetic[L latent](t Type) arithmetic[L] {
	a := arithmetic[L]{width: t.Bits()}
	a.exact = L(1) << (mantissa(a.width) + 1)
	a.exactBit = a.bits(float64(a.exact))
	return a
}

// value returns the float with the bits x.
func (a *arithmetic[L]) value(x L) float64 {
	switch a.width {
	case 16:
		return float64(halfToFloat(uint16(x)))
	case 32:
		return float64(math.Float32frombits(uint32(x)))
	}
	return math.Float64frombits(uint64(x))
}

// bits returns the bits of f, rounded to the width.
func (a *arithmetic[L]) bits(f float64) L {
	switch a.width {
	case 16:
		return L(halfFromFloat(f))
	case 32:
		return L(math.Float32bits(float32(f)))
	}
	return L(math.Float64bits(f))
}

// integer returns the integer float that a latent stands for: the middle is 0,
// and the one below it −0.
func (a *arithmetic[L]) integer(l L) float64 {
	mid := middle[L]()
	if l >= mid {
		return a.magnitude(l - mid)
	}
	return -a.magnitude(mid - 1 - l)
}

func (a *arithmetic[L]) magnitude(n L) float64 {
	if n < a.exact {
		return float64(n)
	}
	return a.value(a.exactBit + n - a.exact)
}

// halfToFloat widens a half-precision float.
func halfToFloat(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp > 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	f := float32(frac) * 0x1p-24
	return math.Float32frombits(sign | math.Float32bits(f))
}

// halfFromFloat rounds to half precision, ties to even.
func halfFromFloat(f float64) uint16 {
	sign := uint16(math.Float64bits(f) >> 63 << 15)
	f = math.Abs(f)
	switch {
	case f != f:
		return sign | 0x7e00
	case f >= 65520:
		return sign | 0x7c00
	case f < 0x1p-14:
		return sign | uint16(math.RoundToEven(f*0x1p24))
	}
	frac, exp := math.Frexp(f) // frac in [0.5, 1)
	m := math.RoundToEven(frac * 2048)
	return sign | uint16((exp+14)<<10+int(m)-1024)
}
