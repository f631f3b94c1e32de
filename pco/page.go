package pco

// page decodes pages of one chunk, with latents of the width of L. It is not for
// concurrent use.
type page[L latent] struct {
	chunk *chunk[L]
	r     bitReader

	left    int // numbers that are still to be given out
	decoded int // numbers of out that were not
	out     [batchSize]L

	lookbacks varDecoder[uint32]
	primary   varDecoder[L]
	indexes   varDecoder[uint32] // instead of primary, of Dict
	secondary varDecoder[L]

	primaryDelta, secondaryDelta deltaDecoder[L]
	indexDelta                   deltaDecoder[uint32]

	back [batchSize]uint32
	dict [batchSize]uint32
	low  [batchSize]L
}

// chunk is the metadata of a chunk, ready to decode with. It is immutable.
type chunk[L latent] struct {
	meta      *chunkMeta
	lookbacks *ansDecoder[uint32]
	primary   *ansDecoder[L]
	indexes   *ansDecoder[uint32]
	secondary *ansDecoder[L]
}

func newChunk[L latent](m *chunkMeta) *chunk[L] {
	c := &chunk[L]{meta: m}
	if m.mode.kind == Dict {
		c.indexes = newANSDecoder[uint32](&m.primary, m.encodesPrimary())
	} else {
		c.primary = newANSDecoder[L](&m.primary, m.encodesPrimary())
	}
	if m.delta.kind == Lookback {
		c.lookbacks = newANSDecoder[uint32](&m.lookbacks, false)
	}
	if m.hasSecondary() {
		c.secondary = newANSDecoder[L](&m.secondary, m.encodesSecondary())
	}
	return c
}

// encodesPrimary and encodesSecondary report whether differences are stored.
func (m *chunkMeta) encodesPrimary() bool   { return m.delta.kind != NoDelta }
func (m *chunkMeta) encodesSecondary() bool { return m.hasSecondary() && m.delta.secondary }

func (c *chunk[L]) newPage() *page[L] {
	p := &page[L]{chunk: c}
	p.lookbacks.ansDecoder, p.primary.ansDecoder = c.lookbacks, c.primary
	p.indexes.ansDecoder, p.secondary.ansDecoder = c.indexes, c.secondary
	p.primaryDelta.spec, p.secondaryDelta.spec, p.indexDelta.spec = &c.meta.delta, &c.meta.delta, &c.meta.delta
	return p
}

// reset begins a page of n numbers: it reads its header ("4.4 Page").
func (p *page[L]) reset(src []byte, n int) error {
	m := p.chunk.meta
	p.r = bitReader{data: src}
	p.left, p.decoded = n, 0
	if m.delta.kind == Lookback {
		p.lookbacks.begin(&p.r)
	}
	switch {
	case m.mode.kind == Dict:
		if m.encodesPrimary() {
			p.indexDelta.begin(&p.r)
		}
		p.indexes.begin(&p.r)
	default:
		if m.encodesPrimary() {
			p.primaryDelta.begin(&p.r)
		}
		p.primary.begin(&p.r)
	}
	if m.hasSecondary() {
		if m.encodesSecondary() {
			p.secondaryDelta.begin(&p.r)
		}
		p.secondary.begin(&p.r)
	}
	return p.r.align()
}

// read decodes the next numbers of the page into dst, as many as there are.
func (p *page[L]) read(dst []L) (n int, err error) {
	for n < len(dst) && p.left > 0 {
		if p.decoded == 0 && len(dst)-n >= min(p.left, batchSize) {
			size := min(p.left, batchSize)
			if err := p.batch(dst[n : n+size]); err != nil {
				return n, err
			}
			p.left -= size
			n += size
			continue
		}
		if p.decoded == 0 {
			p.decoded = min(p.left, batchSize)
			if err := p.batch(p.out[:p.decoded]); err != nil {
				return n, err
			}
		}
		size := min(p.left, batchSize)
		k := copy(dst[n:], p.out[size-p.decoded:size])
		n += k
		p.decoded -= k
		if p.decoded == 0 {
			p.left -= size
		}
	}
	if p.left == 0 {
		return n, p.r.align()
	}
	return n, nil
}

// batch decodes a batch of numbers.
func (p *page[L]) batch(dst []L) error {
	m := p.chunk.meta
	coded := min(len(dst), max(0, p.left-m.delta.states()))
	if m.delta.kind == Lookback {
		p.lookbacks.batch(&p.r, p.back[:coded])
	}
	if err := p.first(dst, coded); err != nil {
		return p.placed(err)
	}
	if m.hasSecondary() {
		if err := p.second(len(dst), coded); err != nil {
			return p.placed(err)
		}
	}
	if p.r.over() {
		return p.placed(errShort)
	}
	if m.mode.kind == FloatMult {
		multiply(m, dst, p.low[:])
		return nil
	}
	join(&m.mode, dst, p.low[:])
	unorder(dst, m.typ.class())
	return nil
}

func (p *page[L]) placed(err error) error { return at(min(p.r.byte(), len(p.r.data)), err) }

// first decodes the primary variable into dst.
func (p *page[L]) first(dst []L, coded int) error {
	m := p.chunk.meta
	if m.mode.kind == Dict {
		return p.look(dst, coded)
	}
	if !m.encodesPrimary() {
		p.primary.batch(&p.r, dst)
		return nil
	}
	p.primary.batch(&p.r, dst[:coded])
	return p.primaryDelta.decode(dst, coded, p.back[:coded])
}

// look decodes indexes and looks the numbers up.
func (p *page[L]) look(dst []L, coded int) error {
	m := p.chunk.meta
	indexes := p.dict[:len(dst)]
	if m.encodesPrimary() {
		p.indexes.batch(&p.r, indexes[:coded])
		if err := p.indexDelta.decode(indexes, coded, p.back[:coded]); err != nil {
			return err
		}
	} else {
		p.indexes.batch(&p.r, indexes)
	}
	for i, index := range indexes {
		if int64(index) >= int64(len(m.mode.dict)) {
			return malformed("index %d in a list of %d numbers", index, len(m.mode.dict))
		}
		dst[i] = L(m.mode.dict[index])
	}
	return nil
}

// second decodes the secondary variable of n numbers into low.
func (p *page[L]) second(n, coded int) error {
	low := p.low[:n]
	if !p.chunk.meta.encodesSecondary() {
		p.secondary.batch(&p.r, low)
		return nil
	}
	p.secondary.batch(&p.r, low[:coded])
	return p.secondaryDelta.decode(low, coded, p.back[:coded])
}
