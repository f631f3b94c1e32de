package bwtree

import (
	"bytes"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/index"
	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/bwtree/pagecache"
	"github.com/varvedb/varve/kv"
)

type (
	page  = pagecache.Page[*leaf.Leaf]
	token = pagecache.Token[*leaf.Leaf]
	pages = index.Index[*page]
)

// tree is the versions of all keys. Its methods may be called concurrently, and
// none waits for another.
type tree struct {
	opt    *Options
	index  atomic.Pointer[pages]
	cache  *pagecache.Cache[*leaf.Leaf]
	states registry
	// visible returns the newest visible number.
	visible func() kv.Seq
	// forgotten is the highest number of a deletion that left no trace.
	forgotten atomic.Uint64
	ranges    atomic.Pointer[rangeNode] // recent deletions of ranges, newest first

	consolidations, merges atomic.Int64
}

func (t *tree) init(opt *Options, store *logstore.Store, visible func() kv.Seq) {
	t.opt, t.visible = opt, visible
	t.cache = pagecache.New(store, opt.Executor, materializer{opt.Deltas}, pagecache.Options{Capacity: opt.CacheBytes})
}

// clear makes the tree empty.
func (t *tree) clear() {
	t.index.Store(index.New(t.opt.Fanout, []byte{}, t.cache.Allocate(leaf.New(leaf.Empty(), t.opt.Deltas))))
}

// materializer says what the pages of the tree are.
type materializer struct{ deltas int }

// Recover makes a leaf of its image. Leaves have no fragments.
func (m materializer) Recover(image []byte, _ [][]byte) (*leaf.Leaf, error) {
	base, err := leaf.Decode(image)
	if err != nil {
		return nil, err
	}
	return leaf.New(base, m.deltas), nil
}

// Merge is not used: changes are deltas of the leaf.
func (m materializer) Merge(l *leaf.Leaf, _ []byte) (*leaf.Leaf, error) { return l, nil }

func (m materializer) Image(dst []byte, l *leaf.Leaf) []byte { return append(dst, l.Base().Bytes()...) }

func (m materializer) Size(l *leaf.Leaf) int64 { return l.Size() }

// Freeze lets go of a leaf without deltas. It becomes a sealed one whose successor
// is the same, so that a writer who has it goes on in any case.
func (m materializer) Freeze(l *leaf.Leaf) bool {
	return l.SealIfPure() && l.Succeed(&leaf.Successor{Left: leaf.New(l.Base(), m.deltas)})
}

// find returns the leaf that holds key, and where it hangs. All that was visible of
// key is there; of others it may lack what was written to the right half of a split
// that is being done, so who reads several keys wants newest.
func (t *tree) find(key []byte) (*page, *leaf.Leaf, token, error) {
	for {
		_, p := t.index.Load().Floor(key)
		step.At("route")
		l, tok, err := t.cache.Get(p)
		switch {
		case err != nil && !t.current(key, p):
			continue // it was merged into another
		case err != nil || l.Holds(key):
			return p, l, tok, err
		}
		// The index and the leaf are not of one time; one of them is being changed.
		if next := l.Next(); next != nil {
			if err := t.install(p, l, next); err != nil {
				return p, l, tok, err
			}
		}
	}
}

// current reports whether the index still leads from key to a page.
func (t *tree) current(key []byte, p *page) bool {
	_, now := t.index.Load().Floor(key)
	return now == p
}

// newest returns the leaf that holds key, and a number up to which it has all that
// is visible of any key within its bounds.
func (t *tree) newest(key []byte) (*leaf.Leaf, kv.Seq, error) {
	for {
		p, l, _, err := t.find(key)
		if err != nil {
			return nil, 0, err
		}
		at := t.visible()
		step.At("check for a successor")
		next := l.Next()
		if next == nil {
			return l, at, nil
		}
		if err := t.install(p, l, next); err != nil {
			return nil, 0, err
		}
	}
}

// add adds a change of one key, unless it is there.
func (t *tree) add(d *leaf.Delta) error {
	_, err := t.addTo(d.Key, d)
	return err
}

// addRange adds the deletion of a range to all leaves that it concerns.
func (t *tree) addRange(d *leaf.Delta) error {
	t.noteRange(kv.Span{Start: d.Key, End: d.Value}, d.Seq)
	for at := d.Key; ; {
		high, err := t.addTo(at, d)
		if err != nil || high == nil || d.Value != nil && bytes.Compare(high, d.Value) >= 0 {
			return err
		}
		at = high
	}
}

// addTo adds a change to the leaf that holds key, and returns the upper bound of
// that leaf.
func (t *tree) addTo(key []byte, d *leaf.Delta) (high []byte, err error) {
	for {
		p, l, tok, err := t.find(key)
		if err != nil {
			return nil, err
		}
		high := l.Base().High()
		if d.Seq <= l.Base().UpTo() {
			return high, nil // somebody else has added it
		}
		if l.Next() == nil && l.Add(d) {
			if len(d.Value) > t.opt.LeafBytes {
				l.Seal() // so that large values do not gather in one leaf
			}
			t.cache.Grow(p, tok, d.Size())
			return high, nil
		}
		carried, err := t.succeed(p, l, d)
		if carried || err != nil {
			return high, err
		}
	}
}

// succeed makes the successor of a sealed leaf, with a change carried into it, and
// installs it. If there is one already it installs that. It reports whether the
// change was carried.
func (t *tree) succeed(p *page, l *leaf.Leaf, carried *leaf.Delta) (made bool, err error) {
	next := l.Next()
	if next == nil {
		next, made = t.makeSuccessor(l, carried)
	}
	if err = t.install(p, l, next); made && err == nil && next.Right == nil {
		t.mergeIfSmall(p, next.Left)
	}
	return made, err
}

// makeSuccessor returns the successor of a sealed leaf, and whether it is the one
// made here, with the change carried.
func (t *tree) makeSuccessor(l *leaf.Leaf, carried *leaf.Delta) (*leaf.Successor, bool) {
	// The cut is fixed before the states are read.
	h := t.states.horizon(t.visible())
	r := l.Consolidate(carried, h, t.opt.Mergers, leaf.Limits{Keys: t.opt.Fanout, Bytes: t.opt.LeafBytes})
	t.forget(r.Forgotten)
	next := &leaf.Successor{Left: leaf.New(r.Left, t.opt.Deltas)}
	if r.Right != nil {
		next.Separator = bytes.Clone(r.Right.Low()) // which would hold on to all of it
		next.Right = t.cache.Allocate(leaf.New(r.Right, t.opt.Deltas))
	}
	if l.Succeed(next) {
		t.consolidations.Add(1)
		return next, true
	}
	if next.Right != nil {
		t.free(next.Right.(*page))
	}
	return l.Next(), false
}

// free gives up a page that nothing leads to.
func (t *tree) free(p *page) {
	for {
		_, tok, _ := t.cache.Peek(p)
		if t.cache.Free(p, tok) {
			return
		}
	}
}

// forget notes that deletions up to a number may have left no trace.
func (t *tree) forget(seq kv.Seq) {
	for {
		old := t.forgotten.Load()
		step.At("forget")
		if old >= uint64(seq) || t.forgotten.CompareAndSwap(old, uint64(seq)) {
			return
		}
	}
}

// install makes the successor of a leaf the one that counts: it enters the right
// half in the index, or takes the absorbed page out of it, and then swaps the page.
// Anybody may do it, in part or again. It reads the disk only where a leaf is merged
// into the one left of it.
func (t *tree) install(p *page, l *leaf.Leaf, next *leaf.Successor) error {
	if next.Left == nil {
		return t.mergeLeft(p, l)
	}
	for next.Separator != nil {
		x := t.index.Load()
		if now, _, ok := t.cache.Peek(p); !ok || now != l {
			return nil // it is done
		}
		if x.Has(next.Separator) == (next.Right != nil) {
			break
		}
		step.At("enter")
		if t.index.CompareAndSwap(x, t.changed(x, next)) {
			break
		}
	}
	for {
		now, tok, ok := t.cache.Peek(p)
		if !ok || now != l {
			return nil
		}
		if _, ok := t.cache.Replace(p, tok, next.Left); ok {
			break
		}
	}
	if next.Absorbed != nil {
		t.free(next.Absorbed.(*page))
	}
	return nil
}

// changed returns the index with what a successor changes of it.
func (t *tree) changed(x *pages, next *leaf.Successor) *pages {
	if next.Right != nil {
		return x.Insert(next.Separator, next.Right.(*page))
	}
	return x.Delete(next.Separator)
}

// below returns the lower bound of the page that holds the highest keys below a
// bound, which is above the lowest key; nil for none.
func (t *tree) below(bound []byte) []byte {
	x := t.index.Load()
	if bound == nil {
		low, _ := x.Last()
		return low
	}
	low, _, _ := x.Before(bound)
	return low
}
