package pco

// variable is a latent variable of a chunk on its way to be written. Its latents
// are coded in pages.
type variable[L latent] struct {
	meta   varMeta
	pages  [][]L // the coded ones: without those that are states
	states [][]L // of the delta encoding, by page

	encoder *ansEncoder
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
	h := newHistogram(pages, level)
	single := len(h.lows) <= 1
	for _, p := range pages {
		var symbols []uint16
		if !single {
			symbols = make([]uint16, len(p))
		}
		if h.total > 0 {
			h.count(p, symbols)
		}
		v.symbols = append(v.symbols, symbols)
	}
	var of []uint16
	v.meta, of, _ = h.bins(level)
	if len(v.meta.bins) <= 1 {
		clear(v.symbols)
	}
	for _, symbols := range v.symbols {
		for i, s := range symbols {
			symbols[i] = of[s]
		}
	}
	v.encoder = newANSEncoder(&v.meta)
	return v
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

// batch writes the latents of the page from one index to before another.
func (v *variable[L]) batch(w *bitWriter, from, to int) {
	latents := v.pages[v.page][from:to]
	symbols := v.symbols[v.page]
	if symbols == nil {
		if len(latents) > 0 {
			b := v.meta.bins[0]
			for _, x := range latents {
				w.write(uint64(x)-b.lower, int(b.bits))
			}
		}
		return
	}
	for _, b := range v.bits[from:to] {
		w.write(uint64(b.value), int(b.n))
	}
	for i, s := range symbols[from:to] {
		b := &v.meta.bins[s]
		w.write(uint64(latents[i])-b.lower, int(b.bits))
	}
}
