package pco

import "math/bits"

// Interleaved tANS: value i of a page is coded with state i mod 4. A table has
// 2^log slots, over which symbols are spread by their weights.

// spread returns the symbol of each slot of the table.
func spread(log int, bins []bin) []uint16 {
	size := 1 << log
	stride := 3 * size / 5
	if stride%2 == 0 {
		stride++
	}
	slots := make([]uint16, size)
	step := 0
	for symbol, b := range bins {
		for range b.weight {
			slots[stride*step&(size-1)] = uint16(symbol)
			step++
		}
	}
	return slots
}

// ansNode is what a decoder does in a state: it emits a latent in the bin that
// begins at lower, and goes to the state base + the next bits.
type ansNode[L latent] struct {
	lower  L
	base   uint16
	bits   uint8
	offset uint8 // bits of the offset in the bin
}

// ansDecoder decodes one latent variable. It is immutable.
type ansDecoder[L latent] struct {
	log       int
	maxOffset int // bits
	nodes     []ansNode[L]
}

func newANSDecoder[L latent](v *varMeta) *ansDecoder[L] {
	d := &ansDecoder[L]{log: v.log, nodes: make([]ansNode[L], 1<<v.log)}
	if len(v.bins) == 0 {
		return d
	}
	next := make([]uint32, len(v.bins))
	for i, b := range v.bins {
		next[i] = b.weight
		d.maxOffset = max(d.maxOffset, int(b.bits))
	}
	for slot, symbol := range spread(v.log, v.bins) {
		b := &v.bins[symbol]
		x := next[symbol]
		next[symbol]++
		n := v.log - (bits.Len32(x) - 1)
		d.nodes[slot] = ansNode[L]{lower: L(b.lower), base: uint16(x<<n - 1<<v.log), bits: uint8(n), offset: b.bits}
	}
	return d
}

// varDecoder decodes the values of a latent variable in a page.
type varDecoder[L latent] struct {
	*ansDecoder[L]
	states  [4]uint32
	offsets [batchSize]uint8 // bits of the offsets of a batch
}

// begin reads the first states, which are in the header of a page.
func (d *varDecoder[L]) begin(r *bitReader) {
	for i := range d.states {
		d.states[i] = uint32(r.read(d.log))
	}
}

// batch decodes the next values, up to batchSize: first the symbols of all, then
// their offsets.
func (d *varDecoder[L]) batch(r *bitReader, dst []L) {
	if len(dst) == 0 {
		return
	}
	if d.log == 0 {
		d.constant(r, dst)
		return
	}
	d.symbols(r, dst)
	switch {
	case d.maxOffset == 0:
	case d.maxOffset <= 56:
		addOffsets(r, dst, &d.offsets)
	default:
		for i := range dst {
			dst[i] += L(r.read(int(d.offsets[i])))
		}
	}
}

// constant is batch for one symbol.
func (d *varDecoder[L]) constant(r *bitReader, dst []L) {
	n := d.nodes[0]
	for i := range dst {
		dst[i] = n.lower
	}
	if n.offset == 0 {
		return
	}
	if n.offset > 56 {
		for i := range dst {
			dst[i] += L(r.read(int(n.offset)))
		}
		return
	}
	pos, mask, step := r.pos, uint64(1)<<n.offset-1, uint(n.offset)
	for i := range dst {
		r.pos = pos
		dst[i] += L(r.peek() & mask)
		pos += step
	}
	r.pos = pos
}

// symbols puts the lower ends of the bins of the next values into dst, and notes
// the bits of their offsets. Four states are independent of each other, which
// lets the processor work on four values at a time.
func (d *varDecoder[L]) symbols(r *bitReader, dst []L) {
	nodes := d.nodes
	mask := uint32(len(nodes) - 1)
	s0, s1, s2, s3 := d.states[0], d.states[1], d.states[2], d.states[3]
	i := 0
	for ; i+4 <= len(dst); i += 4 {
		// Four times at most 14 bits are within one peek.
		word, used := r.peek(), uint(0)
		out, off := dst[i:i+4:i+4], d.offsets[i:i+4:i+4]

		n := &nodes[s0&mask]
		out[0], off[0] = n.lower, n.offset
		s0 = uint32(n.base) + uint32(word&(1<<(n.bits&31)-1))
		word >>= n.bits & 31
		used += uint(n.bits)

		n = &nodes[s1&mask]
		out[1], off[1] = n.lower, n.offset
		s1 = uint32(n.base) + uint32(word&(1<<(n.bits&31)-1))
		word >>= n.bits & 31
		used += uint(n.bits)

		n = &nodes[s2&mask]
		out[2], off[2] = n.lower, n.offset
		s2 = uint32(n.base) + uint32(word&(1<<(n.bits&31)-1))
		word >>= n.bits & 31
		used += uint(n.bits)

		n = &nodes[s3&mask]
		out[3], off[3] = n.lower, n.offset
		s3 = uint32(n.base) + uint32(word&(1<<(n.bits&31)-1))
		used += uint(n.bits)
		r.pos += used
	}
	d.states = [4]uint32{s0, s1, s2, s3}
	for ; i < len(dst); i++ {
		n := &nodes[d.states[i&3]&mask]
		dst[i], d.offsets[i] = n.lower, n.offset
		d.states[i&3] = uint32(n.base) + uint32(r.read(int(n.bits)))
	}
}

// addOffsets adds to each value an offset of so many bits, up to 56.
func addOffsets[L latent](r *bitReader, dst []L, offsets *[batchSize]uint8) {
	pos := r.pos
	for i := range dst {
		n := uint(offsets[i&(batchSize-1)])
		r.pos = pos
		dst[i] += L(r.peek() & (1<<(n&63) - 1))
		pos += n
	}
	r.pos = pos
}
