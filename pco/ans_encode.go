package pco

import "math/bits"

// ansEncoder encodes the symbols of a latent variable. It is immutable.
type ansEncoder struct {
	log     int
	symbols []ansSymbol
	next    []uint16 // of each symbol, the states after it
}

// ansSymbol is how a symbol is encoded in a state: the lowest min bits of the
// state are written, one more if it is not below cutoff; the next state is then
// next[first + what is left of the state].
type ansSymbol struct {
	cutoff uint32
	first  int32 // of the symbol in next, less its weight
	min    uint8
}

func newANSEncoder(v *varMeta) *ansEncoder {
	e := &ansEncoder{log: v.log, symbols: make([]ansSymbol, len(v.bins)), next: make([]uint16, 1<<v.log)}
	at := make([]int, len(v.bins))
	begin := 0
	for i, b := range v.bins {
		small := v.log - (bits.Len32(2*b.weight-1) - 1)
		e.symbols[i] = ansSymbol{cutoff: 2 * b.weight << small, first: int32(begin) - int32(b.weight), min: uint8(small)}
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
	for i := len(symbols) - 1; i >= 0; i-- {
		s := &e.symbols[symbols[i]]
		state := states[i&3]
		n := s.min
		if state >= s.cutoff {
			n++
		}
		out[i] = ansBits{uint16(state & (1<<n - 1)), n}
		states[i&3] = uint32(e.next[s.first+int32(state>>n)])
	}
	for i := range states {
		states[i] -= 1 << e.log
	}
	return states
}
