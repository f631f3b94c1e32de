package pco

import "fmt"

// Options say how numbers are compressed. The zero value, and nil, are right for
// most.
type Options struct {
	// Level is how much work is spent on finding bins, from 1 to 12; 0 is 8, and
	// less than 0 is the format's level 0: one bin. Decoding is as fast at each.
	Level int
	// Mode and Delta are chosen by looking at a sample unless they are given.
	Mode  ModeChoice
	Delta DeltaChoice
	// ChunkSize is how many numbers a chunk of a standalone file has, up to 2^24.
	// 0 is 2^18. A chunk has modes and bins of its own.
	ChunkSize int
	// PageSize is how many numbers a page of the wrapped form has. 0 is 2^18.
	PageSize int
}

const (
	defaultLevel = 8
	defaultChunk = 1 << 18
)

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	switch {
	case o == nil:
	case o.Level > 12:
		return fmt.Errorf("pco: Level is %d, at most 12", o.Level)
	case o.ChunkSize < 0 || o.ChunkSize > maxChunk:
		return fmt.Errorf("pco: ChunkSize is %d, at most %d", o.ChunkSize, maxChunk)
	case o.PageSize < 0:
		return fmt.Errorf("pco: PageSize is %d", o.PageSize)
	}
	return nil
}

// filled returns the options with the defaults in place.
func (o *Options) filled() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	err := o.Validate()
	if c.Level == 0 {
		c.Level = defaultLevel
	}
	c.Level = max(c.Level, 0)
	if c.ChunkSize == 0 {
		c.ChunkSize = defaultChunk
	}
	if c.PageSize == 0 {
		c.PageSize = defaultChunk
	}
	return c, err
}

// ModeChoice is a mode to use. The zero value leaves the choice to Compress.
type ModeChoice struct {
	forced bool
	kind   Mode
	base   uint64
	float  float64
	bits   int
}

// UseClassic stores numbers as they are.
func UseClassic() ModeChoice { return ModeChoice{forced: true} }

// UseIntMult stores integers as multiples of base, and what is left.
func UseIntMult(base uint64) ModeChoice { return ModeChoice{forced: true, kind: IntMult, base: base} }

// UseFloatMult stores floats as multiples of base, and the error in units of the
// last place.
func UseFloatMult(base float64) ModeChoice {
	return ModeChoice{forced: true, kind: FloatMult, float: base}
}

// UseFloatQuant stores floats as their upper bits, and the lowest bits of the
// mantissa apart.
func UseFloatQuant(bits int) ModeChoice {
	return ModeChoice{forced: true, kind: FloatQuant, bits: bits}
}

// UseDict stores numbers as indexes into the list of those that occur.
func UseDict() ModeChoice { return ModeChoice{forced: true, kind: Dict} }

// DeltaChoice is a delta encoding to use. The zero value leaves the choice to
// Compress.
type DeltaChoice struct {
	forced bool
	kind   Delta
	order  int
}

// UseNoDelta takes no differences.
func UseNoDelta() DeltaChoice { return DeltaChoice{forced: true} }

// UseConsecutive takes differences of neighbours order times, from 1 to 7.
func UseConsecutive(order int) DeltaChoice {
	return DeltaChoice{forced: true, kind: Consecutive, order: order}
}

// UseLookback takes the difference to a similar number among the last ones.
func UseLookback() DeltaChoice { return DeltaChoice{forced: true, kind: Lookback} }

// UseConv1 takes the difference to what a linear combination of the last order
// numbers, from 1 to 32, predicts. It is for numbers of up to 32 bits.
func UseConv1(order int) DeltaChoice { return DeltaChoice{forced: true, kind: Conv1, order: order} }

// check says why the choices do not fit numbers of a type.
func (o *Options) check(t Type) error {
	m, d := &o.Mode, &o.Delta
	ok := true
	switch m.kind {
	case IntMult:
		ok = t.class() != float && m.base > 0 && (t.Bits() == 64 || m.base>>t.Bits() == 0)
	case FloatMult:
		ok = t.class() == float && finite(t, floatBase(t, m.float))
	case FloatQuant:
		ok = t.class() == float && m.bits > 0 && m.bits <= mantissa(t.Bits())
	}
	if !ok {
		return fmt.Errorf("pco: mode %v with these parameters does not fit numbers of type %v", m.kind, t)
	}
	switch d.kind {
	case Consecutive:
		ok = d.order >= 1 && d.order <= 7
	case Conv1:
		ok = d.order >= 1 && d.order <= 32 && (t.Bits() <= 32 || m.kind == Dict)
	}
	if !ok {
		return fmt.Errorf("pco: delta encoding %v of order %d does not fit numbers of type %v", d.kind, d.order, t)
	}
	return nil
}

// floatBase returns the ordered latent of a base.
func floatBase(t Type, base float64) uint64 {
	switch t.Bits() {
	case 16:
		a := newArithmetic[uint16](t)
		return uint64(orderFloat(a.bits(base)))
	case 32:
		a := newArithmetic[uint32](t)
		return uint64(orderFloat(a.bits(base)))
	}
	a := newArithmetic[uint64](t)
	return orderFloat(a.bits(base))
}
