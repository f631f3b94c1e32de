package rangedel

import (
	"bytes"
	"cmp"
	"slices"
	"unsafe"

	"github.com/varvedb/varve/kv"
)

// tree is an immutable segment tree over some tombstones: it answers what a List
// of them does in O(log² n), and holds at most 2·log n sequence numbers for each
// tombstone where the List could hold n.
//
// The distinct bounds cut the keys into stretches: stretch i is bounds[i] to
// before bounds[i+1], the last one has no end. Stretch i is leaf len(bounds)+i
// of a binary tree in an array, whose root is 1 and in which the children of v
// are 2v and 2v+1. A tombstone has its number at the few nodes whose leaves are,
// together, the stretches that it covers; so what covers a stretch stands on the
// path from its leaf to the root.
type tree struct {
	tombstones []Tombstone // from the newest to the oldest
	bounds     [][]byte
	seqs       []kv.Seq // of all nodes, each descending
	ends       []uint32 // node v has seqs[ends[v-1]:ends[v]]
}

// makeTree returns the tree of tombstones, none of them empty. It keeps the
// slice, and sorts it.
func makeTree(tombstones []Tombstone) *tree {
	slices.SortFunc(tombstones, func(a, b Tombstone) int { return cmp.Compare(b.Seq, a.Seq) })
	t := &tree{tombstones: tombstones, bounds: boundsOf(tombstones)}
	t.ends = make([]uint32, 2*len(t.bounds))
	for _, ts := range tombstones {
		t.nodes(ts, func(v int) { t.ends[v]++ })
	}
	for v := 1; v < len(t.ends); v++ {
		t.ends[v] += t.ends[v-1]
	}
	t.seqs = make([]kv.Seq, t.ends[len(t.ends)-1])
	next := slices.Clone(t.ends[:len(t.ends)-1]) // where node v+1 goes on
	for _, ts := range tombstones {
		t.nodes(ts, func(v int) { t.seqs[next[v-1]] = ts.Seq; next[v-1]++ })
	}
	return t
}

// boundsOf returns the distinct bounds of tombstones, sorted.
func boundsOf(tombstones []Tombstone) [][]byte {
	bounds := make([][]byte, 0, 2*len(tombstones))
	for _, t := range tombstones {
		bounds = append(bounds, t.Start)
		if t.End != nil {
			bounds = append(bounds, t.End)
		}
	}
	slices.SortFunc(bounds, bytes.Compare)
	return slices.CompactFunc(bounds, bytes.Equal)
}

// nodes calls f for the nodes at which a tombstone has its number.
func (t *tree) nodes(ts Tombstone, f func(v int)) {
	l, r := len(t.bounds)+t.stretch(ts.Start), 2*len(t.bounds)
	if ts.End != nil {
		r = len(t.bounds) + t.stretch(ts.End)
	}
	for ; l < r; l, r = l/2, r/2 {
		if l&1 == 1 {
			f(l)
			l++
		}
		if r&1 == 1 {
			r--
			f(r)
		}
	}
}

// stretch returns the number of the stretch that key lies in, -1 if it is before
// all bounds.
func (t *tree) stretch(key []byte) int {
	lo, hi := 0, len(t.bounds)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); bytes.Compare(t.bounds[mid], key) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// node returns the numbers at a node.
func (t *tree) node(v int) []kv.Seq { return t.seqs[t.ends[v-1]:t.ends[v]] }

// at returns the newest number at most at of those that cover a stretch.
func (t *tree) at(stretch int, at kv.Seq) kv.Seq {
	if stretch < 0 {
		return 0
	}
	var seq kv.Seq
	for v := len(t.bounds) + stretch; v > 0; v /= 2 {
		seq = max(seq, newest(t.node(v), at))
	}
	return seq
}

// around narrows c, what covers key so far, by what the tree knows of it.
func (t *tree) around(c *Cover, key []byte, at kv.Seq) {
	i := t.stretch(key)
	c.Seq = max(c.Seq, t.at(i, at))
	if i >= 0 {
		c.after(t.bounds[i])
	}
	if i+1 < len(t.bounds) {
		c.before(t.bounds[i+1])
	}
}

// visible returns the fragments of all tombstones with the numbers of each
// stripe that List.Visible keeps. It takes O(n log n) for each stripe.
func (t *tree) visible(stripes []kv.Seq) List {
	kept := make([][]kv.Seq, len(t.bounds))
	best := make([]kv.Seq, 2*len(t.bounds))
	for i := len(stripes); i >= 0; i-- {
		low, high := kv.Seq(0), ^kv.Seq(0)
		if i > 0 {
			low = stripes[i-1]
		}
		if i < len(stripes) {
			high = stripes[i]
		}
		t.push(best, low, high)
		for j, seq := range best[len(t.bounds):] {
			if seq > 0 {
				kept[j] = append(kept[j], seq)
			}
		}
	}
	return t.list(kept)
}

// push sets best, for each node, to the newest number in (low, high] on the way
// from it to the root, 0 if there is none.
func (t *tree) push(best []kv.Seq, low, high kv.Seq) {
	for v := 1; v < len(best); v++ {
		best[v] = newest(t.node(v), high)
		if best[v] <= low {
			best[v] = 0
		}
		best[v] = max(best[v], best[v/2])
	}
}

// list returns the stretches with the given numbers as fragments.
func (t *tree) list(seqs [][]kv.Seq) List {
	var out List
	for i, start := range t.bounds {
		if len(seqs[i]) == 0 {
			continue
		}
		var end []byte
		if i+1 < len(t.bounds) {
			end = t.bounds[i+1]
		}
		out = out.join(Fragment{start, end, seqs[i]})
	}
	return out
}

// bytes returns the memory of the tree without the keys.
func (t *tree) bytes() int64 {
	return int64(len(t.tombstones))*int64(unsafe.Sizeof(Tombstone{})) +
		int64(len(t.bounds))*int64(unsafe.Sizeof([]byte(nil))) +
		int64(len(t.seqs))*int64(unsafe.Sizeof(kv.Seq(0))) +
		int64(len(t.ends))*int64(unsafe.Sizeof(uint32(0)))
}

// after and before narrow the keys of c to those from, and to before, a bound.
func (c *Cover) after(bound []byte) {
	if c.Start == nil || bytes.Compare(bound, c.Start) > 0 {
		c.Start = bound
	}
}

func (c *Cover) before(bound []byte) {
	if below(bound, c.End) {
		c.End = bound
	}
}
