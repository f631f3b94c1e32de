package pco

// Delta encodings work in place on the latents of a batch, with wrapping
// arithmetic. A page has one decoder for each variable that is encoded.

// deltaDecoder turns differences back into latents. Order is how many latents the
// header of a page has, its states.
type deltaDecoder[L latent] struct {
	spec *deltaSpec

	moments []L // of Consecutive: the next differences of each order
	past    []L // of the others: the last latents, at least those of the window
	emitted int // of past, those that were given out
}

// begin reads the states from the header of a page.
func (d *deltaDecoder[L]) begin(r *bitReader) {
	n, width := d.spec.states(), widthOf[L]()
	switch d.spec.kind {
	case Consecutive:
		d.moments = d.moments[:0]
		for range n {
			d.moments = append(d.moments, L(r.read(width)))
		}
	case Lookback, Conv1:
		d.past, d.emitted = d.past[:0], 0
		for range n {
			d.past = append(d.past, L(r.read(width)))
		}
	}
}

// window is how many latents back a difference may refer to.
func (d *deltaDecoder[L]) window() int {
	if d.spec.kind == Lookback {
		return 1 << d.spec.windowLog
	}
	return len(d.spec.weights)
}

// decode replaces the first n differences in batch by the latents of the whole
// batch. Lookbacks are those of Lookback, as many as differences.
func (d *deltaDecoder[L]) decode(batch []L, n int, lookbacks []uint32) error {
	switch d.spec.kind {
	case Consecutive:
		clear(batch[n:])
		d.sum(batch)
		return nil
	case Lookback:
		d.trim()
		if err := d.look(batch[:n], lookbacks); err != nil {
			return err
		}
	case Conv1:
		d.trim()
		d.predict(batch[:n])
	}
	copy(batch, d.past[d.emitted:])
	d.emitted += len(batch)
	return nil
}

// sum takes running sums, of the highest order first.
func (d *deltaDecoder[L]) sum(batch []L) {
	for k := len(d.moments) - 1; k >= 0; k-- {
		next := d.moments[k]
		for i, x := range batch {
			batch[i] = next
			next += x
		}
		d.moments[k] = next
	}
}

// trim forgets what is too far back to be referred to.
func (d *deltaDecoder[L]) trim() {
	keep := max(d.window(), len(d.past)-d.emitted)
	if len(d.past) < 2*keep+batchSize {
		return
	}
	cut := len(d.past) - keep
	d.past = d.past[:copy(d.past, d.past[cut:])]
	d.emitted -= cut
}

// look adds to each difference the latent so far back. Before the first there are
// zeros, as far as the window reaches.
func (d *deltaDecoder[L]) look(deltas []L, lookbacks []uint32) error {
	window := uint32(d.window())
	for i, x := range deltas {
		back := lookbacks[i]
		if back-1 >= window { // 0 too
			return malformed("a look back of %d in a window of %d", back, window)
		}
		if from := len(d.past) - int(back); from >= 0 {
			x += d.past[from]
		}
		d.past = append(d.past, x)
	}
	return nil
}

// predict adds to each difference what the last latents let expect. Predictions
// fit an int64, as the metadata was checked for that.
func (d *deltaDecoder[L]) predict(deltas []L) {
	weights := d.spec.weights
	for _, x := range deltas {
		sum := d.spec.bias
		for j, l := range d.past[len(d.past)-len(weights):] {
			sum += int64(weights[j]) * int64(l)
		}
		d.past = append(d.past, x+L(max(sum, 0)>>d.spec.shift))
	}
}
