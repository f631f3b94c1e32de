package leaf

import (
	"bytes"
	"slices"
	"sort"

	"github.com/varvedb/varve/kv"
)

// Horizon says which versions somebody may still read.
type Horizon struct {
	// Cut was the newest visible number before the states were read.
	Cut kv.Seq
	// States are the numbers of the open snapshots, rising.
	States []kv.Seq
	// Held says that a snapshot is being opened of which the number is not known:
	// then nothing is dropped.
	Held bool
}

// oldest is the lowest number that somebody may read.
func (h *Horizon) oldest() kv.Seq {
	if len(h.States) > 0 {
		return min(h.States[0], h.Cut)
	}
	return h.Cut
}

// stripe returns which of the states is the oldest that sees number seq: versions
// of a key in one stripe hide each other. It is -1 beyond the cut.
func (h *Horizon) stripe(seq kv.Seq) int {
	if seq > h.Cut {
		return -1
	}
	i, _ := slices.BinarySearch(h.States, seq)
	return i
}

// Limits say how large a leaf may be.
type Limits struct {
	Keys  int // versions, at least 1
	Bytes int
}

// Result is what became of a sealed leaf.
type Result struct {
	Left, Right *Image // Right is nil if one is enough
	// Forgotten is the highest number of a deletion that was dropped, so that one
	// cannot tell any more that its key was written then.
	Forgotten kv.Seq
}

// Consolidate returns the images of a sealed leaf with its deltas, and with carried
// if it is not nil, without what nobody can read. Operands are merged where what is
// below them is known.
func (l *Leaf) Consolidate(carried *Delta, h Horizon, m kv.Mergers, lim Limits) Result {
	l.kill()
	c := &consolidation{horizon: h, mergers: m}
	c.gather(l, carried)
	upTo := max(l.base.upTo, h.Cut)
	low, high := l.base.low, l.base.high
	b := &c.out
	if at := b.split(lim); at > 0 {
		separator := b.keys[at]
		return Result{Left: b.build(0, at, low, separator, upTo), Right: b.build(at, len(b.keys), separator, high, upTo), Forgotten: c.forgotten}
	}
	return Result{Left: b.build(0, len(b.keys), low, high, upTo), Forgotten: c.forgotten}
}

// Absorb returns the image of two sealed leaves, of which right is the one right of
// l, as Consolidate does.
func (l *Leaf) Absorb(right *Leaf, h Horizon, m kv.Mergers) Result {
	l.kill()
	right.kill()
	c := &consolidation{horizon: h, mergers: m}
	c.gather(l, nil)
	c.gather(right, nil)
	upTo := max(min(l.base.upTo, right.base.upTo), h.Cut)
	return Result{Left: c.out.build(0, len(c.out.keys), l.base.low, right.base.high, upTo), Forgotten: c.forgotten}
}

// At returns the image of what the leaf held at a number from the key low on,
// without what was written later. Everything up to the number must be visible, and
// the number one that somebody may read. The leaf may be one that is still written
// to.
func (l *Leaf) At(low []byte, seq kv.Seq, m kv.Mergers) *Image {
	c := &consolidation{horizon: Horizon{Cut: seq}, mergers: m, only: true}
	c.gather(l, nil)
	from := sort.Search(len(c.out.keys), func(i int) bool { return bytes.Compare(c.out.keys[i], low) >= 0 })
	return c.out.build(from, len(c.out.keys), low, l.base.high, seq)
}

// split returns before which version to split, 0 for not at all: between two keys,
// so that both sides are about equal.
func (b *builder) split(lim Limits) int {
	if len(b.keys) <= lim.Keys && b.bytes <= lim.Bytes {
		return 0
	}
	best, sum := 0, 0
	for i := 1; i < len(b.keys); i++ {
		sum += versionCost + len(b.keys[i-1]) + len(b.list[i-1].value)
		if bytes.Equal(b.keys[i], b.keys[i-1]) {
			continue
		}
		best = i
		if 2*sum >= b.bytes || len(b.keys) > lim.Keys && b.bytes <= lim.Bytes && 2*i >= len(b.keys) {
			break
		}
	}
	return best
}

// consolidation is one call of Consolidate or At.
type consolidation struct {
	horizon   Horizon
	mergers   kv.Mergers
	only      bool // drop what is beyond the cut
	walk      Walk
	out       builder
	forgotten kv.Seq
}

// gather merges image and deltas, key by key.
func (c *consolidation) gather(l *Leaf, carried *Delta) {
	w := &c.walk
	w.collect(l, ^kv.Seq(0))
	if carried != nil && carried.Seq > l.base.upTo {
		if carried.Kind == kv.OpDeleteRange {
			w.ranges = append(w.ranges, carried)
		} else {
			w.deltas = append(w.deltas, carried)
			slices.SortStableFunc(w.deltas, func(a, b *Delta) int { return bytes.Compare(a.Key, b.Key) })
		}
	}
	next := 0
	for i := 0; i < l.base.n || next < len(w.deltas); {
		w.list = w.list[:0]
		var key []byte
		if i < l.base.n {
			rest, _ := l.base.rest(i)
			if next == len(w.deltas) || compareParts(l.base.prefix, rest, w.deltas[next].Key) <= 0 {
				key = append(append(make([]byte, 0, len(l.base.prefix)+len(rest)), l.base.prefix...), rest...)
				i = w.takeBase(l.base, i, ^kv.Seq(0))
			}
		}
		if key == nil {
			key = w.deltas[next].Key
		}
		for ; next < len(w.deltas) && bytes.Equal(w.deltas[next].Key, key); next++ {
			w.list = append(w.list, w.deltas[next].version())
		}
		for _, d := range w.ranges {
			if d.covers(key) {
				w.list = append(w.list, version{seq: d.Seq, kind: kv.OpDelete})
			}
		}
		c.keep(key, unique(w.list))
	}
}

// keep adds the versions of a key that somebody may read, stripe by stripe.
func (c *consolidation) keep(key []byte, list []version) {
	if c.horizon.Held {
		for _, v := range list {
			c.out.add(key, v)
		}
		return
	}
	start := len(c.out.keys)
	for from := 0; from < len(list); {
		stripe := c.horizon.stripe(list[from].seq)
		to := from + 1
		for to < len(list) && stripe >= 0 && c.horizon.stripe(list[to].seq) == stripe {
			to++
		}
		switch {
		case stripe >= 0:
			c.keepStripe(key, list[from:to], to == len(list))
		case !c.only:
			c.out.add(key, list[from])
		}
		from = to
	}
	c.dropDeletes(start)
}

// keepStripe adds what is to be kept of versions that hide each other. Last says
// that no older version is there.
func (c *consolidation) keepStripe(key []byte, list []version, last bool) {
	if list[0].kind != kv.OpMerge {
		c.out.add(key, list[0])
		return
	}
	n := 0
	for n < len(list) && list[n].kind == kv.OpMerge {
		n++
	}
	if n < len(list) || last {
		if val, _, err := fold(list, 0, c.mergers); err == nil && len(val) <= kv.MaxValue {
			c.out.add(key, version{seq: list[0].seq, kind: kv.OpPut, value: val})
			return
		}
	}
	for _, v := range list[:min(n+1, len(list))] {
		c.out.add(key, v)
	}
}

// dropDeletes takes deletions off the end of what was added of a key from start
// on: nothing is below them, and nobody will ask whether the key was written then.
func (c *consolidation) dropDeletes(start int) {
	b := &c.out
	for n := len(b.list); n > start; n-- {
		v := b.list[n-1]
		if v.kind != kv.OpDelete || v.seq > c.horizon.oldest() {
			return
		}
		b.bytes -= versionCost + len(b.keys[n-1])
		b.keys, b.list = b.keys[:n-1], b.list[:n-1]
		c.forgotten = max(c.forgotten, v.seq)
	}
}
