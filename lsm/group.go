package lsm

import (
	"slices"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// group is the entries of one key, newest first, that are about to be rewritten.
type group struct {
	w        *rewriter
	key      []byte
	trailers []entry.Trailer
	values   [][]byte

	first    bool // nothing of the key was written yet
	operands [][]byte
}

func (g *group) begin(key []byte) {
	g.key = append(g.key[:0], key...)
	g.trailers, g.values = g.trailers[:0], g.values[:0]
	g.first = true
}

func (g *group) add(t entry.Trailer, val []byte) {
	g.trailers, g.values = append(g.trailers, t), append(g.values, val)
}

// write writes what of the group some reader can see, stripe by stripe.
func (g *group) write() error {
	for from := 0; from < len(g.trailers); {
		stripe := g.w.stripe(g.trailers[from].Seq())
		to := from + 1
		for to < len(g.trailers) && g.w.stripe(g.trailers[to].Seq()) == stripe {
			to++
		}
		if err := g.writeStripe(from, to, stripe); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// writeStripe writes the entries from to before to, which lie in one stripe.
func (g *group) writeStripe(from, to, stripe int) error {
	deleted := g.w.tombstones.Covering(g.key, g.w.top(stripe))
	n := from // behind the operands
	for n < to && g.trailers[n].Seq() >= deleted && g.trailers[n].Kind() == entry.Merge {
		n++
	}
	gone := n < to && g.trailers[n].Seq() < deleted // by a tombstone
	switch {
	case n > from:
		return g.writeOperands(from, n, to, gone)
	case gone:
		return nil
	}
	return g.writeOne(n, stripe)
}

// writeOne writes a put or a delete, unless the delete has nothing to delete.
func (g *group) writeOne(i, stripe int) error {
	t := g.trailers[i]
	base := stripe == 0 && g.w.base(g.key)
	if base && t.Kind() == entry.Delete {
		return nil
	}
	val := g.values[i]
	if base && g.w.store.opt.Filter != nil {
		keep := false
		if keep, val = g.w.filter(g.key, val); !keep {
			return nil
		}
	}
	if base && (g.w.compaction.Bottommost || g.w.tombstones.Covering(g.key, entry.MaxSeq) == 0) {
		// All readers see it, and nothing is older: neither an entry, nor a
		// tombstone that is kept for what is elsewhere in its range.
		t = entry.MakeTrailer(0, t.Kind())
	}
	return g.put(t, val)
}

// writeOperands writes the operands from to before n: combined, if it is known
// what is below them, else as they are with what is.
func (g *group) writeOperands(from, n, to int, gone bool) error {
	var below []byte
	present := n < to && !gone && g.trailers[n].Kind() == entry.Put
	if present {
		below = g.values[n]
	}
	last := n == to && to == len(g.trailers) // no older entry is here
	known := n < to || last && g.w.base(g.key)
	if known {
		if val, err := g.combine(below, present, g.values[from:n]); err == nil {
			return g.put(entry.MakeTrailer(g.trailers[from].Seq(), entry.Put), val)
		}
	}
	if n < to && !gone {
		n++ // with the put or delete
	}
	for i := from; i < n; i++ {
		if err := g.put(g.trailers[i], g.values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) combine(below []byte, present bool, operands [][]byte) ([]byte, error) {
	g.operands = append(g.operands[:0], operands...)
	slices.Reverse(g.operands)
	val, err := combine(g.w.store.opt.Mergers, below, present, g.operands)
	if err == nil && len(val) > kv.MaxValue {
		err = kv.ErrTooLarge
	}
	return val, err
}

func (g *group) put(t entry.Trailer, val []byte) error {
	first := g.first
	g.first = false
	return g.w.put(g.key, t, val, first)
}
