package pco

import "math/bits"

// ansEncoder encodes the symbols of a latent variable. It is immutable.
type ansEncoder struct {
	log     int
	symbols []ansSymbol
	next    []uint16 // of each symbol, the states after it
}

// ansSymbol is how a symbol is encoded in a state: as many of the lowest bits of
// the state are written as (state + length) >> 16; the next state is then
// next[first + what is left of the state].
type ansSymbol struct {
	length uint32
	first  int32 // of the symbol in next, less its weight
}

func newANSEncoder(v *varMeta) *ansEncoder {
	e := &ansEncoder{log: v.log, symbols: make([]ansSymbol, len(v.bins)), next: make([]uint16, 1<<v.log)}
	at := make([]int, len(v.bins))
	begin := 0
	for i, b := range v.bins {
		small := v.log - (bits.Len32(2*b.weight-1) - 1)
		cutoff := 2 * b.weight << small // from this state on it is one bit more
		e.symbols[i] = ansSymbol{length: uint32(small+1)<<16 - cutoff, first: int32(begin) - int32(b.weight)}
		at[i] = begin
		begin += int(b.weight)
	}
	if len(v.bins) == 0 {
		return e
	}
	for slot, symbol := range spread(v.log, v.bins) {
		e.next[at[symbol]] = uint16(1<<v.log + slot)
		at[symbol]++
	}
	return e
}

// ansBits are bits that were taken from a state.
type ansBits struct {
	value uint16
	n     uint8
}

// encode encodes the symbols of a page from the last to the first, since decoding
// goes the other way. It fills out and returns the states to decode with.
func (e *ansEncoder) encode(symbols []uint16, out []ansBits) (states [4]uint32) {
	for i := range states {
		states[i] = 1 << e.log
	}
	i := len(symbols) - 1
	for ; i&3 != 3 && i >= 0; i-- {
		states[i&3], out[i] = e.step(states[i&3], symbols[i])
	}
	s0, s1, s2, s3 := states[0], states[1], states[2], states[3]
	for ; i >= 3; i -= 4 {
		in, out := symbols[i-3:i+1:i+1], out[i-3:i+1:i+1]
		s3, out[3] = e.step(s3, in[3])
		s2, out[2] = e.step(s2, in[2])
		s1, out[1] = e.step(s1, in[1])
		s0, out[0] = e.step(s0, in[0])
	}
	size := uint32(1) << e.log
	return [4]uint32{s0 - size, s1 - size, s2 - size, s3 - size}
}

// step encodes one symbol.
func (e *ansEncoder) step(state uint32, symbol uint16) (next uint32, out ansBits) {
	s := &e.symbols[symbol]
	n := (state + s.length) >> 16 & 31
	return uint32(e.next[s.first+int32(state>>n)]), ansBits{uint16(state) & uint16(lowBits[n]), uint8(n)}
}
