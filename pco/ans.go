package pco

import (
	"encoding/binary"
	"math/bits"
)

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
	lower      L
	base, mask uint16 // mask has as many bits as come next
	bits       uint8
	offset     uint8 // bits of the offset in the bin
}

// next returns the state after the node; word begins with its bits.
func (n *ansNode[L]) next(word uint64) uint32 { return uint32(n.base) + uint32(word)&uint32(n.mask) }

// ansDecoder decodes one latent variable. It is immutable.
type ansDecoder[L latent] struct {
	log       int
	maxOffset int // bits
	nodes     []ansNode[L]
}

// newANSDecoder returns a decoder of latents, or of differences, which are stored
// around the middle: it gives them around 0.
func newANSDecoder[L latent](v *varMeta, differences bool) *ansDecoder[L] {
	d := &ansDecoder[L]{log: v.log, nodes: make([]ansNode[L], 1<<v.log)}
	var shift L
	if differences {
		shift = middle[L]()
	}
	if len(v.bins) == 0 {
		d.nodes[0].lower = shift
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
		d.nodes[slot] = ansNode[L]{
			lower: L(b.lower) + shift, base: uint16(x<<n - 1<<v.log), mask: 1<<n - 1,
			bits: uint8(n), offset: b.bits,
		}
	}
	return d
}

// varDecoder decodes the values of a latent variable in a page.
type varDecoder[L latent] struct {
	*ansDecoder[L]
	states [4]uint32
	passed [batchSize]uint16 // states of the values of a batch
}

// begin reads the first states, which are in the header of a page.
func (d *varDecoder[L]) begin(r *bitReader) {
	for i := range d.states {
		d.states[i] = uint32(r.read(d.log))
	}
}

// batch decodes the next values, up to batchSize: first the states of all, then
// their offsets.
func (d *varDecoder[L]) batch(r *bitReader, dst []L) {
	if len(dst) == 0 {
		return
	}
	if d.log == 0 {
		d.constant(r, dst)
		return
	}
	if d.maxOffset == 0 {
		d.lowers(r, dst)
		return
	}
	d.pass(r, len(dst))
	switch {
	case d.maxOffset <= 14:
		d.addShort(r, dst)
	case d.maxOffset <= 56:
		d.addOffsets(r, dst)
	default:
		d.addWide(r, dst, 0)
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

// pass notes the states of the next n values. Four are independent of each other,
// which lets the processor work on four values at a time.
func (d *varDecoder[L]) pass(r *bitReader, n int) {
	nodes, data, pos := d.nodes, r.data, r.pos
	s0, s1, s2, s3 := d.states[0], d.states[1], d.states[2], d.states[3]
	i := 0
	for ; i+4 <= n && pos>>3+8 <= uint(len(data)); i += 4 {
		// Four times at most 14 bits are within one word.
		word := binary.LittleEndian.Uint64(data[pos>>3:]) >> (pos & 7)
		out := d.passed[i&(batchSize-4):]
		out[0], out[1], out[2], out[3] = uint16(s0), uint16(s1), uint16(s2), uint16(s3)

		n := &nodes[s0]
		s0 = n.next(word)
		word >>= n.bits & 63
		pos += uint(n.bits)

		n = &nodes[s1]
		s1 = n.next(word)
		word >>= n.bits & 63
		pos += uint(n.bits)

		n = &nodes[s2]
		s2 = n.next(word)
		word >>= n.bits & 63
		pos += uint(n.bits)

		n = &nodes[s3]
		s3 = n.next(word)
		pos += uint(n.bits)
	}
	r.pos = pos
	d.states = [4]uint32{s0, s1, s2, s3}
	for ; i < n; i++ {
		s := &d.states[i&3]
		d.passed[i&(batchSize-1)] = uint16(*s)
		n := &nodes[*s]
		*s = uint32(n.base) + uint32(r.read(int(n.bits)))
	}
}

// lowers is pass for a variable without offsets, whose values the states are.
func (d *varDecoder[L]) lowers(r *bitReader, dst []L) {
	nodes, data, pos := d.nodes, r.data, r.pos
	s0, s1, s2, s3 := d.states[0], d.states[1], d.states[2], d.states[3]
	i := 0
	for ; i+4 <= len(dst) && pos>>3+8 <= uint(len(data)); i += 4 {
		word := binary.LittleEndian.Uint64(data[pos>>3:]) >> (pos & 7)
		out := dst[i : i+4 : i+4]

		n := &nodes[s0]
		out[0], s0 = n.lower, n.next(word)
		word >>= n.bits & 63
		pos += uint(n.bits)

		n = &nodes[s1]
		out[1], s1 = n.lower, n.next(word)
		word >>= n.bits & 63
		pos += uint(n.bits)

		n = &nodes[s2]
		out[2], s2 = n.lower, n.next(word)
		word >>= n.bits & 63
		pos += uint(n.bits)

		n = &nodes[s3]
		out[3], s3 = n.lower, n.next(word)
		pos += uint(n.bits)
	}
	r.pos = pos
	d.states = [4]uint32{s0, s1, s2, s3}
	for ; i < len(dst); i++ {
		s := &d.states[i&3]
		n := &nodes[*s]
		dst[i], *s = n.lower, uint32(n.base)+uint32(r.read(int(n.bits)))
	}
}

// lowBits has masks of the lowest bits, by how many.
var lowBits = func() (masks [64]uint64) {
	for n := range masks {
		masks[n] = 1<<n - 1
	}
	return masks
}()

// addOffsets makes values of the states that were passed, with offsets of up to 56
// bits.
func (d *varDecoder[L]) addOffsets(r *bitReader, dst []L) {
	nodes, data, pos := d.nodes, r.data, r.pos
	i := 0
	for ; i < len(dst) && pos>>3+8 <= uint(len(data)); i++ {
		n := &nodes[d.passed[i&(batchSize-1)]]
		word := binary.LittleEndian.Uint64(data[pos>>3:]) >> (pos & 7)
		dst[i] = n.lower + L(word&lowBits[n.offset&63])
		pos += uint(n.offset)
	}
	r.pos = pos
	d.addWide(r, dst, i)
}

// addShort is addOffsets for offsets of up to 14 bits, of which a word has four.
func (d *varDecoder[L]) addShort(r *bitReader, dst []L) {
	nodes, data, pos := d.nodes, r.data, r.pos
	i := 0
	for ; i+4 <= len(dst) && pos>>3+8 <= uint(len(data)); i += 4 {
		word := binary.LittleEndian.Uint64(data[pos>>3:]) >> (pos & 7)
		from, out := d.passed[i&(batchSize-4):], dst[i:i+4:i+4]

		n := &nodes[from[0]]
		out[0] = n.lower + L(word&lowBits[n.offset&63])
		word >>= n.offset & 63
		pos += uint(n.offset)

		n = &nodes[from[1]]
		out[1] = n.lower + L(word&lowBits[n.offset&63])
		word >>= n.offset & 63
		pos += uint(n.offset)

		n = &nodes[from[2]]
		out[2] = n.lower + L(word&lowBits[n.offset&63])
		word >>= n.offset & 63
		pos += uint(n.offset)

		n = &nodes[from[3]]
		out[3] = n.lower + L(word&lowBits[n.offset&63])
		pos += uint(n.offset)
	}
	r.pos = pos
	d.addWide(r, dst, i)
}

// addWide is addOffsets for offsets of any width and for the end of a page, from
// one value on.
func (d *varDecoder[L]) addWide(r *bitReader, dst []L, from int) {
	for i := from; i < len(dst); i++ {
		n := &d.nodes[d.passed[i&(batchSize-1)]]
		dst[i] = n.lower + L(r.read(int(n.offset)))
	}
}
