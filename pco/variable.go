package pco

// variable is a latent variable of a chunk on its way to be written. Its latents
// are coded in pages.
type variable[L latent] struct {
	meta   varMeta
	pages  [][]L // the coded ones: without those that are states
	states [][]L // of the delta encoding, by page

	encoder *ansEncoder
	widest  uint8      // bits of the offsets of a bin
	symbols [][]uint16 // bin of each latent, by page; nil if there is one bin
	// Of the page that is being written.
	page   int
	bits   []ansBits
	finals [4]uint32
}

// coder is a variable without the type of its latents.
type coder interface {
	describe() *varMeta
	begin(page int)
	header(w *bitWriter)
	batch(w *bitWriter, from, to int)
	length(page int) int
}

// newVariable chooses bins for latents.
func newVariable[L latent](pages, states [][]L, level int) *variable[L] {
	v := &variable[L]{pages: pages, states: states}
	total := lengthOf(pages)
	var bins []bucket[L]
	if level > 0 {
		bins, _ = joinBuckets(bucketsOf(sampleOf(pages), level), total, tableLog(level, total))
	}
	c := newClassifier(bins, total)
	for _, p := range pages {
		v.symbols = append(v.symbols, make([]uint16, len(p)))
		c.classify(p, v.symbols[len(v.symbols)-1])
	}
	v.number(c, level, total)
	v.encoder = newANSEncoder(&v.meta)
	for _, b := range v.meta.bins {
		v.widest = max(v.widest, b.bits)
	}
	return v
}

// number takes the bins that were found and numbers the symbols by them.
func (v *variable[L]) number(c *classifier[L], level, total int) {
	meta, of := c.finish(level, total)
	v.meta = meta
	if len(meta.bins) == len(of) && len(of) > 1 {
		return // they have these numbers
	}
	for i, symbols := range v.symbols {
		if len(meta.bins) <= 1 {
			v.symbols[i] = nil
			continue
		}
		for j, s := range symbols {
			symbols[j] = of[s]
		}
	}
}

func (v *variable[L]) describe() *varMeta  { return &v.meta }
func (v *variable[L]) length(page int) int { return len(v.pages[page]) }

// begin encodes the symbols of a page.
func (v *variable[L]) begin(page int) {
	v.page = page
	v.finals = [4]uint32{}
	symbols := v.symbols[page]
	if symbols == nil {
		return
	}
	if cap(v.bits) < len(symbols) {
		v.bits = make([]ansBits, len(symbols))
	}
	v.bits = v.bits[:len(symbols)]
	v.finals = v.encoder.encode(symbols, v.bits)
}

// header writes what begins the page: states of the delta encoding and of tANS.
func (v *variable[L]) header(w *bitWriter) {
	if v.states != nil {
		for _, s := range v.states[v.page] {
			w.write(uint64(s), v.meta.width)
		}
	}
	for _, s := range v.finals {
		w.write(uint64(s), v.meta.log)
	}
}

// batch writes the latents of the page from one index to before another: the
// symbols of all, then their offsets.
func (v *variable[L]) batch(w *bitWriter, from, to int) {
	latents := v.pages[v.page][from:to]
	symbols := v.symbols[v.page]
	w.reserve(3 * len(latents))
	if symbols == nil {
		v.constant(w, latents)
		return
	}
	out := *w // in registers
	codes := v.bits[from:to]
	for ; len(codes) >= 4; codes = codes[4:] {
		// Four times at most 14 bits.
		a, b, c, d := codes[0], codes[1], codes[2], codes[3]
		low := uint64(a.value) | uint64(b.value)<<(a.n&63)
		high := uint64(c.value) | uint64(d.value)<<(c.n&63)
		n := a.n + b.n
		out.put(low|high<<(n&63), n+c.n+d.n)
	}
	for _, b := range codes {
		out.put(uint64(b.value), b.n)
	}
	v.offsets(&out, latents, symbols[from:to])
	*w = out
}

// offsets writes the offsets of latents in the bins of their symbols.
func (v *variable[L]) offsets(w *bitWriter, latents []L, symbols []uint16) {
	bins := v.meta.bins
	out := *w
	if v.widest <= 14 {
		for ; len(symbols) >= 4 && len(latents) >= 4; symbols, latents = symbols[4:], latents[4:] {
			a, b, c, d := &bins[symbols[0]], &bins[symbols[1]], &bins[symbols[2]], &bins[symbols[3]]
			low := uint64(latents[0]) - a.lower | (uint64(latents[1])-b.lower)<<(a.bits&63)
			high := uint64(latents[2]) - c.lower | (uint64(latents[3])-d.lower)<<(c.bits&63)
			n := a.bits + b.bits
			out.put(low|high<<(n&63), n+c.bits+d.bits)
		}
	}
	for i, s := range symbols {
		b := &bins[s]
		x := uint64(latents[i]) - b.lower
		if b.bits > 56 {
			out.put(x&(1<<32-1), 32)
			out.put(x>>32, b.bits-32)
			continue
		}
		out.put(x, b.bits)
	}
	*w = out
}

// constant is batch for one bin.
func (v *variable[L]) constant(w *bitWriter, latents []L) {
	if len(latents) == 0 || v.meta.bins[0].bits == 0 {
		return
	}
	b := v.meta.bins[0]
	for _, x := range latents {
		w.write(uint64(x)-b.lower, int(b.bits))
	}
}
