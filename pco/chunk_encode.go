package pco

import (
	"fmt"
	"slices"
)

// ChunkEncoder holds a chunk of the wrapped form, compressed but for its bytes.
// Those of its metadata and of each page are asked for, in any order. It is not
// for concurrent use.
type ChunkEncoder struct {
	meta  chunkMeta
	sizes []int // numbers in each page
	vars  []coder
}

// NewChunkEncoder chooses how to compress numbers, up to 2^24, which it does not
// keep. Pages have opt.PageSize numbers, the last one fewer; no numbers are one
// empty page.
func NewChunkEncoder[T Number](nums []T, opt *Options) (*ChunkEncoder, error) {
	o, err := opt.filled()
	if err != nil {
		return nil, err
	}
	if len(nums) > maxChunk {
		return nil, fmt.Errorf("pco: a chunk of %d numbers, at most %d", len(nums), maxChunk)
	}
	t := TypeOf[T]()
	if err := o.check(t); err != nil {
		return nil, err
	}
	c := &ChunkEncoder{meta: chunkMeta{typ: t}}
	for left := len(nums); ; left -= o.PageSize {
		c.sizes = append(c.sizes, min(left, o.PageSize))
		if left <= o.PageSize {
			break
		}
	}
	switch t.Bits() {
	case 8:
		return c, encodeChunk(c, slices.Clone(latentsOf[uint8](nums)), &o)
	case 16:
		return c, encodeChunk(c, slices.Clone(latentsOf[uint16](nums)), &o)
	case 32:
		return c, encodeChunk(c, slices.Clone(latentsOf[uint32](nums)), &o)
	}
	return c, encodeChunk(c, slices.Clone(latentsOf[uint64](nums)), &o)
}

// encodeChunk compresses numbers, whose memory it uses.
func encodeChunk[L latent](c *ChunkEncoder, nums []L, o *Options) error {
	m := &c.meta
	order(nums, m.typ.class())
	if o.Mode.kind == Dict {
		return encodeDict(c, nums, o)
	}
	m.mode, m.delta = chooseMode(m.typ, groupsOf(nums), o)
	primary, secondary := split(m.typ, &m.mode, nums)
	if err := chooseForced(m, o.Delta, primary); err != nil {
		return err
	}
	m.setWidths()
	addPrimary(c, primary, o.Level)
	if secondary != nil {
		c.vars = append(c.vars, newVariable(pagesOf(secondary, c.sizes), nil, o.Level))
	}
	c.takeMeta()
	return nil
}

// encodeDict is encodeChunk for indexes.
func encodeDict[L latent](c *ChunkEncoder, nums []L, o *Options) error {
	m := &c.meta
	dict, indexes, ok := splitDict(nums)
	if !ok {
		return fmt.Errorf("pco: more than %d distinct numbers", maxDict)
	}
	m.mode.kind = Dict
	for _, x := range dict {
		m.mode.dict = append(m.mode.dict, uint64(x))
	}
	if !o.Delta.forced {
		m.delta, _ = chooseDelta(groupsOf(indexes), o.Level)
	}
	if err := chooseForced(m, o.Delta, indexes); err != nil {
		return err
	}
	m.setWidths()
	addPrimary(c, indexes, o.Level)
	c.takeMeta()
	return nil
}

// chooseForced sets the delta encoding that was asked for.
func chooseForced[L latent](m *chunkMeta, choice DeltaChoice, primary []L) error {
	if !choice.forced {
		return nil
	}
	m.delta = deltaSpec{kind: choice.kind, order: choice.order}
	switch choice.kind {
	case Lookback:
		m.delta = deltaSpec{kind: Lookback, windowLog: lookWindowLog}
	case Conv1:
		spec := fitConv(primary, choice.order)
		if spec == nil {
			// Nothing predicts these numbers: the last one is as good.
			spec = &deltaSpec{kind: Conv1, weights: make([]int32, choice.order)}
		}
		m.delta = *spec
	}
	return nil
}

// pagesOf cuts latents into pages.
func pagesOf[L latent](latents []L, sizes []int) (pages [][]L) {
	for _, n := range sizes {
		pages = append(pages, latents[:n:n])
		latents = latents[n:]
	}
	return pages
}

// addPrimary takes differences in each page and adds what comes of them.
func addPrimary[L latent](c *ChunkEncoder, latents []L, level int) {
	d := &c.meta.delta
	var states [][]L
	var looks [][]uint32
	pages := pagesOf(latents, c.sizes)
	for i, p := range pages {
		var look []uint32
		if d.kind == Lookback {
			look = findLookbacks(p, d.states(), d.windowLog)
			looks = append(looks, look)
		}
		coded, s := takeDeltas(d, p, look)
		pages[i] = coded
		states = append(states, s)
	}
	if d.kind == Lookback {
		c.vars = append(c.vars, newVariable(looks, nil, level))
	}
	c.vars = append(c.vars, newVariable(pages, states, level))
}

// takeMeta takes the bins of the variables into the metadata.
func (c *ChunkEncoder) takeMeta() {
	for i, v := range c.meta.vars() {
		*v = *c.vars[i].describe()
	}
}

// PageSizes returns how many numbers each page has.
func (c *ChunkEncoder) PageSizes() []int { return slices.Clone(c.sizes) }

// AppendMeta appends the metadata of the chunk.
func (c *ChunkEncoder) AppendMeta(dst []byte) []byte {
	w := newBitWriter(dst)
	c.meta.write(w)
	return w.bytes()
}

// AppendPage appends a page.
func (c *ChunkEncoder) AppendPage(dst []byte, page int) []byte {
	w := newBitWriter(dst)
	for _, v := range c.vars {
		v.begin(page)
		v.header(w)
	}
	w.align()
	for from := 0; from < c.sizes[page]; from += batchSize {
		for _, v := range c.vars {
			n := v.length(page)
			v.batch(w, min(from, n), min(from+batchSize, n))
		}
	}
	w.align()
	return w.bytes()
}

// write writes the metadata of a chunk in the current version of the format.
func (m *chunkMeta) write(w *bitWriter) {
	width := m.typ.Bits()
	w.write(uint64(m.mode.kind), 4)
	switch m.mode.kind {
	case IntMult, FloatMult:
		w.write(m.mode.base, width)
	case FloatQuant:
		w.write(uint64(m.mode.bits), 8)
	case Dict:
		w.write(uint64(len(m.mode.dict)), 25)
		w.align()
		for _, x := range m.mode.dict {
			w.write(x, width)
		}
	}
	m.delta.write(w)
	for _, v := range m.vars() {
		w.write(uint64(v.log), 4)
		w.write(uint64(len(v.bins)), 15)
		for _, b := range v.bins {
			w.write(uint64(b.weight-1), v.log)
			w.write(b.lower, v.width)
			w.write(uint64(b.bits), lengthBits(v.width))
		}
	}
	w.align()
}

func (d *deltaSpec) write(w *bitWriter) {
	w.write(uint64(d.kind), 4)
	secondary := uint64(0)
	if d.secondary {
		secondary = 1
	}
	switch d.kind {
	case Consecutive:
		w.write(uint64(d.order), 3)
		w.write(secondary, 1)
	case Lookback:
		w.write(uint64(d.windowLog-1), 5)
		w.write(uint64(d.stateLog), 4)
		w.write(secondary, 1)
	case Conv1:
		w.write(uint64(d.shift), 5)
		w.write(uint64(d.bias)^1<<63, 64)
		w.write(uint64(len(d.weights)-1), 5)
		for _, x := range d.weights {
			w.write(uint64(uint32(x)^1<<31), 32)
		}
	}
}
