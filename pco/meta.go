package pco

import (
	"math"
	"math/bits"
)

// Limits of the format.
const (
	maxANSLog    = 14
	maxChunk     = 1 << 24
	maxDict      = 1<<25 - 1
	maxWindowLog = 24
	batchSize    = 256
)

var errShort = &FormatError{What: "the data end too early"}

// Mode is how numbers are split into latent variables.
type Mode uint8

// The modes.
const (
	Classic    Mode = iota // one variable: the number itself
	IntMult                // multiples of a base, and the rest
	FloatMult              // multiples of a float, and the error in units of the last place
	FloatQuant             // the upper bits, and the lower ones
	Dict                   // indexes into a list of distinct numbers
)

var modeNames = [...]string{"classic", "int mult", "float mult", "float quant", "dict"}

// String names the mode.
func (m Mode) String() string { return modeNames[min(int(m), len(modeNames)-1)] }

// Delta is how differences are taken.
type Delta uint8

// The delta encodings.
const (
	NoDelta     Delta = iota
	Consecutive       // differences of neighbours, several times
	Lookback          // differences to one of the last numbers, chosen for each
	Conv1             // differences to what a linear combination of the last numbers predicts
)

var deltaNames = [...]string{"none", "consecutive", "lookback", "conv1"}

// String names the encoding.
func (d Delta) String() string { return deltaNames[min(int(d), len(deltaNames)-1)] }

// modeSpec is a mode with its parameters.
type modeSpec struct {
	kind Mode
	base uint64   // latent; of a float the ordered one
	bits int      // of FloatQuant
	dict []uint64 // ordered latents
}

// deltaSpec is a delta encoding with its parameters.
type deltaSpec struct {
	kind      Delta
	order     int  // of Consecutive
	secondary bool // the secondary variable is encoded too
	windowLog int
	stateLog  int
	shift     int // quantization of Conv1
	bias      int64
	weights   []int32
}

// states returns how many numbers a page has in its header instead of deltas.
func (d *deltaSpec) states() int {
	switch d.kind {
	case Consecutive:
		return d.order
	case Lookback:
		return 1 << d.stateLog
	case Conv1:
		return len(d.weights)
	}
	return 0
}

// bin is a range of latents that share a symbol.
type bin struct {
	weight uint32
	lower  uint64
	bits   uint8 // of the offset
}

// varMeta describes the bins of a latent variable.
type varMeta struct {
	width int // bits of the latents
	log   int // of the size of the tANS table
	bins  []bin
}

// chunkMeta is the metadata of a chunk.
type chunkMeta struct {
	typ   Type
	mode  modeSpec
	delta deltaSpec
	// The variables in the order of the format. Those that are not there have
	// width 0.
	lookbacks, primary, secondary varMeta
}

// hasSecondary reports whether the mode has two variables.
func (m *chunkMeta) hasSecondary() bool {
	return m.mode.kind == IntMult || m.mode.kind == FloatMult || m.mode.kind == FloatQuant
}

// setWidths says how wide the variables are.
func (m *chunkMeta) setWidths() {
	m.primary.width = m.typ.Bits()
	if m.mode.kind == Dict {
		m.primary.width = 32
	}
	if m.delta.kind == Lookback {
		m.lookbacks.width = 32
	}
	if m.hasSecondary() {
		m.secondary.width = m.typ.Bits()
	}
}

// vars returns the variables that are there.
func (m *chunkMeta) vars() []*varMeta {
	list := make([]*varMeta, 0, 3)
	for _, v := range []*varMeta{&m.lookbacks, &m.primary, &m.secondary} {
		if v.width > 0 {
			list = append(list, v)
		}
	}
	return list
}

// readMeta reads the metadata of a chunk ("4.3 Chunk meta" of the format's notes).
func readMeta(r *bitReader, h Header, t Type) (*chunkMeta, error) {
	m := &chunkMeta{typ: t}
	if err := m.readMode(r, h); err != nil {
		return nil, err
	}
	if err := m.readDelta(r, h); err != nil {
		return nil, err
	}
	m.setWidths()
	for _, v := range m.vars() {
		if err := v.read(r); err != nil {
			return nil, err
		}
	}
	if err := r.align(); err != nil {
		return nil, err
	}
	return m, m.check()
}

func (m *chunkMeta) readMode(r *bitReader, h Header) error {
	width := m.typ.Bits()
	kind := r.read(4)
	if kind > uint64(Dict) {
		return malformed("there is no mode %d", kind)
	}
	m.mode.kind = Mode(kind)
	switch m.mode.kind {
	case IntMult:
		if h.Major == 0 {
			return malformed("mode 1 of version 0 is not supported")
		}
		m.mode.base = r.read(width)
	case FloatMult:
		m.mode.base = r.read(width)
	case FloatQuant:
		m.mode.bits = int(r.read(8))
	case Dict:
		return m.readDict(r, width)
	}
	return nil
}

func (m *chunkMeta) readDict(r *bitReader, width int) error {
	n := int(r.read(25))
	if err := r.align(); err != nil {
		return err
	}
	if n*width > len(r.data)*8-int(r.pos) {
		return errShort
	}
	m.mode.dict = make([]uint64, n)
	for i := range m.mode.dict {
		m.mode.dict[i] = r.read(width)
	}
	return nil
}

func (m *chunkMeta) readDelta(r *bitReader, h Header) error {
	d := &m.delta
	if h.Major < 3 {
		if d.order = int(r.read(3)); d.order > 0 {
			d.kind = Consecutive
		}
		return nil
	}
	kind := r.read(4)
	if kind > uint64(Conv1) {
		return malformed("there is no delta encoding %d", kind)
	}
	switch d.kind = Delta(kind); d.kind {
	case Consecutive:
		d.order, d.secondary = int(r.read(3)), r.read(1) == 1
	case Lookback:
		d.windowLog, d.stateLog, d.secondary = int(r.read(5))+1, int(r.read(4)), r.read(1) == 1
	case Conv1:
		d.shift = int(r.read(5))
		d.bias = int64(r.read(64) ^ 1<<63)
		d.weights = make([]int32, r.read(5)+1)
		for i := range d.weights {
			d.weights[i] = int32(uint32(r.read(32)) ^ 1<<31)
		}
	}
	return nil
}

func (v *varMeta) read(r *bitReader) error {
	v.log = int(r.read(4))
	n := int(r.read(15))
	if v.log > maxANSLog {
		return malformed("a tANS table of 2^%d", v.log)
	}
	if n > 1<<v.log {
		return malformed("%d bins in a table of 2^%d", n, v.log)
	}
	if n*(v.log+v.width) > len(r.data)*8 {
		return errShort
	}
	v.bins = make([]bin, n)
	for i := range v.bins {
		v.bins[i] = bin{weight: uint32(r.read(v.log)) + 1, lower: r.read(v.width), bits: uint8(r.read(lengthBits(v.width)))}
	}
	return v.check()
}

func (v *varMeta) check() error {
	total := uint32(0)
	for _, b := range v.bins {
		if int(b.bits) > v.width {
			return malformed("offsets of %d bits in numbers of %d", b.bits, v.width)
		}
		total += b.weight
	}
	if len(v.bins) == 0 {
		total = 1
	}
	if total != 1<<v.log {
		return malformed("weights add up to %d in a table of 2^%d", total, v.log)
	}
	return nil
}

func (m *chunkMeta) check() error {
	if err := m.checkMode(); err != nil {
		return err
	}
	switch d := &m.delta; d.kind {
	case Consecutive:
		if d.order == 0 {
			return malformed("differences taken 0 times")
		}
	case Lookback:
		return m.checkLookback()
	case Conv1:
		return m.checkConv()
	}
	return nil
}

func (m *chunkMeta) checkMode() error {
	c, width := m.typ.class(), m.typ.Bits()
	switch m.mode.kind {
	case IntMult:
		if c == float || m.mode.base == 0 {
			return malformed("mode %v with base %d on %v", m.mode.kind, m.mode.base, m.typ)
		}
	case FloatMult:
		if c != float || !finite(m.typ, m.mode.base) {
			return malformed("mode %v with base %#x on %v", m.mode.kind, m.mode.base, m.typ)
		}
	case FloatQuant:
		if c != float || m.mode.bits == 0 || m.mode.bits > mantissa(width) {
			return malformed("mode %v with %d bits on %v", m.mode.kind, m.mode.bits, m.typ)
		}
	}
	return nil
}

// finite reports whether an ordered latent is a finite float other than zero.
func finite(t Type, ordered uint64) bool {
	width := t.Bits()
	x := unorderFloat(ordered<<(64-width)) >> (64 - width)
	x &= 1<<(width-1) - 1
	return x != 0 && x>>mantissa(width) != 1<<(width-1-mantissa(width))-1
}

// mantissa returns the explicit mantissa bits of floats of a width.
func mantissa(width int) int {
	switch width {
	case 16:
		return 10
	case 32:
		return 23
	}
	return 52
}

func (m *chunkMeta) checkLookback() error {
	d := &m.delta
	if d.windowLog > maxWindowLog || d.stateLog > d.windowLog {
		return malformed("a window of 2^%d with 2^%d states", d.windowLog, d.stateLog)
	}
	for _, b := range m.lookbacks.bins {
		if b.lower == 0 || b.lower > 1<<d.windowLog {
			return malformed("a look back of %d in a window of 2^%d", b.lower, d.windowLog)
		}
	}
	return nil
}

// checkConv makes sure that predictions fit integers of twice the width.
func (m *chunkMeta) checkConv() error {
	d, width := &m.delta, m.primary.width
	if width > 32 || d.shift >= 2*width {
		return malformed("delta %v with shift %d on latents of %d bits", d.kind, d.shift, width)
	}
	sum := uint64(0)
	for _, w := range d.weights {
		sum += uint64(max(int64(w), -int64(w)))
	}
	bias := uint64(d.bias)
	if d.bias < 0 {
		bias = -bias
	}
	hi, lo := bits.Mul64(sum, 1<<width)
	lo, carry := bits.Add64(lo, bias, 0)
	if limit := uint64(1) << (2*width - 1); hi+carry > 0 || lo >= limit || d.bias == math.MinInt64 {
		return malformed("predictions may overflow %d bits", 2*width)
	}
	return nil
}
