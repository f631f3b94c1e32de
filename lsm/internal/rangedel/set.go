package rangedel

import (
	"bytes"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/varvedb/varve/kv"
)

// tailMax is how many tombstones of a Set wait in a plain slice, which every
// search walks, before they are put into a tree.
const tailMax = 32

// Set is the tombstones of a memtable. The zero Set is empty and ready to use.
// All methods may be called concurrently; all but Add take no lock.
//
// Readers see an immutable state: a short tail of the newest tombstones, and
// trees of growing size of all others. As in a log-structured merge tree, the
// tail and all trees that are no larger than what is put together become one
// tree; so each tombstone is moved O(log n) times, adding n of them takes
// O(n log² n) however reads and adds alternate, and the memory is O(n log n)
// however they overlap. Covering takes O(log³ n), with no more than log n trees.
type Set struct {
	mu    sync.Mutex // serializes Add
	state atomic.Pointer[state]
}

// state is what a Set holds at one time. It is immutable; tails of following
// states share an array.
type state struct {
	trees []*tree // the oldest and largest first
	tail  []Tombstone
	len   int
	keys  int64 // bytes of all keys
	bytes int64 // of the trees

	once sync.Once
	list List // set by once
}

// Add adds a tombstone, in any order of sequence numbers. It copies the keys.
// One that deletes nothing is ignored. Readers that begin after Add returned
// see it.
func (s *Set) Add(start, end []byte, seq kv.Seq) {
	t := Tombstone{start, end, seq}
	if t.empty() {
		return
	}
	t.Start, t.End = bytes.Clone(start), bytes.Clone(end)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Store(s.state.Load().with(t))
}

// with returns s and t. The state nil is empty.
func (s *state) with(t Tombstone) *state {
	if s == nil {
		s = &state{}
	}
	n := &state{trees: s.trees, tail: s.tail, len: s.len + 1, bytes: s.bytes}
	n.keys = s.keys + int64(len(t.Start)+len(t.End))
	if n.tail == nil {
		n.tail = make([]Tombstone, 0, tailMax)
	}
	n.tail = append(n.tail, t) // at a place that no earlier state looks at
	if len(n.tail) == tailMax {
		n.plant()
	}
	return n
}

// plant makes a tree of the tail and of the trees that are no larger.
func (s *state) plant() {
	keep, sum := len(s.trees), len(s.tail)
	for keep > 0 && len(s.trees[keep-1].tombstones) <= sum {
		keep--
		sum += len(s.trees[keep].tombstones)
	}
	all := make([]Tombstone, 0, sum)
	for _, t := range s.trees[keep:] {
		all = append(all, t.tombstones...)
	}
	grown := makeTree(append(all, s.tail...))
	s.trees = append(s.trees[:keep:keep], grown)
	s.tail = nil
	s.bytes = 0
	for _, t := range s.trees {
		s.bytes += t.bytes()
	}
}

// all returns a copy of all tombstones.
func (s *state) all() []Tombstone {
	all := make([]Tombstone, 0, s.len)
	for _, t := range s.trees {
		all = append(all, t.tombstones...)
	}
	return append(all, s.tail...)
}

// Empty reports whether there are no tombstones, at the price of one atomic load.
func (s *Set) Empty() bool { return s.state.Load() == nil }

// Len returns the number of tombstones.
func (s *Set) Len() int {
	if st := s.state.Load(); st != nil {
		return st.len
	}
	return 0
}

// Bytes returns the memory that the tombstones take, without what List keeps.
func (s *Set) Bytes() int64 {
	st := s.state.Load()
	if st == nil {
		return 0
	}
	return st.keys + st.bytes + tailMax*int64(unsafe.Sizeof(Tombstone{}))
}

// Covering returns the sequence number of the newest tombstone over key that is
// at most at, 0 if there is none. It does not allocate.
func (s *Set) Covering(key []byte, at kv.Seq) kv.Seq {
	st := s.state.Load()
	if st == nil {
		return 0
	}
	var seq kv.Seq
	for _, t := range st.tail {
		if t.Seq > seq && t.Seq <= at && t.covers(key) {
			seq = t.Seq
		}
	}
	for _, t := range st.trees {
		seq = max(seq, t.at(t.stretch(key), at))
	}
	return seq
}

// Around returns what a reader of state at meets around key, as List.Around does;
// it is for iterators, which need nothing fragmented for it. Tombstones added
// later than at can only make the Cover narrower. It does not allocate.
func (s *Set) Around(key []byte, at kv.Seq) Cover {
	var c Cover
	st := s.state.Load()
	if st == nil {
		return c
	}
	for _, t := range st.tail {
		t.around(&c, key, at)
	}
	for _, t := range st.trees {
		t.around(&c, key, at)
	}
	return c
}

// around narrows c by what t says of key.
func (t Tombstone) around(c *Cover, key []byte, at kv.Seq) {
	if t.Seq > at {
		return
	}
	switch {
	case bytes.Compare(key, t.Start) < 0:
		c.before(t.Start)
	case !below(key, t.End):
		c.after(t.End)
	default:
		c.Seq = max(c.Seq, t.Seq)
		c.after(t.Start)
		if t.End != nil {
			c.before(t.End)
		}
	}
}

// Visible returns the fragments of all tombstones as [List.Visible] of List
// does, without making the latter: it is what a flush writes. The stripes are
// given by the open snapshots, ascending.
func (s *Set) Visible(stripes []kv.Seq) List {
	st := s.state.Load()
	if st == nil {
		return nil
	}
	return makeTree(st.all()).visible(stripes)
}

// List returns all tombstones, fragmented. It is made once for each state of the
// Set. Where tombstones overlap at random it takes much memory; iterators can do
// with Around, a flush with Visible.
func (s *Set) List() List {
	st := s.state.Load()
	if st == nil {
		return nil
	}
	st.once.Do(func() { st.list = Fragmented(st.all()) })
	return st.list
}
