package version

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// point is an entry of a simulated table.
type point struct {
	key  string
	seq  kv.Seq
	kill bool // a deletion
}

// table is the content of a simulated table.
type table struct {
	points []point // by key, from the newest to the oldest
	dels   rangedel.List
}

// tree is a tree whose tables are in memory: enough of one to see whether what
// the Picker chooses keeps newer versions above older ones.
type tree struct {
	t       *testing.T
	state   State
	picker  Picker
	tables  map[uint64]table
	running []*Compaction
	model   map[string]kv.Seq // what is there
	next    uint64
	seq     kv.Seq
}

// pointSize is the simulated size of an entry.
const pointSize = 100

func newTree(t *testing.T, opt Options) *tree {
	return &tree{t: t, state: State{Version: &Version{}}, picker: Picker{Options: opt},
		tables: make(map[uint64]table), model: make(map[string]kv.Seq), next: 1}
}

// describe stores a table and returns its File.
func (s *tree) describe(tab table, level int) *File {
	f := &File{Number: s.next, Size: pointSize * int64(len(tab.points)+len(tab.dels)), Entries: int64(len(tab.points)), MinSeq: s.seq}
	s.next++
	s.tables[f.Number] = tab
	var bounds []Bounds
	for _, p := range tab.points {
		bounds = append(bounds, Bounds{Smallest: []byte(p.key), Largest: []byte(p.key)})
		f.MinSeq, f.MaxSeq = min(f.MinSeq, p.seq), max(f.MaxSeq, p.seq)
		if p.kill {
			f.Deletes++
		}
	}
	for _, d := range tab.dels {
		bounds = append(bounds, Bounds{Smallest: d.Start, Largest: d.End, LargestExclusive: d.End != nil, Unbounded: d.End == nil})
		f.Tombstones += int64(len(d.Seqs))
		f.MinSeq, f.MaxSeq = min(f.MinSeq, d.Seqs[len(d.Seqs)-1]), max(f.MaxSeq, d.Seqs[0])
		f.Covers += s.state.Version.BytesBelow(level, d.Start, d.End)
	}
	b := bounds[0]
	for _, o := range bounds[1:] {
		b = b.union(o)
	}
	f.Smallest, f.Largest, f.LargestExclusive, f.Unbounded = b.Smallest, b.Largest, b.LargestExclusive, b.Unbounded
	return f
}

// flush writes n random changes as a table of level 0.
func (s *tree) flush(r *rand.Rand, n int, keys int) {
	var set rangedel.Set
	newest := make(map[string]point)
	for range n {
		s.seq++
		key := fmt.Sprintf("%04d", r.IntN(keys))
		switch k := r.IntN(100); {
		case k == 0:
			end := fmt.Appendf(nil, "%04d", r.IntN(keys))
			if r.IntN(5) == 0 {
				end = nil
			}
			set.Add([]byte(key), end, s.seq)
			for k := range s.model {
				if k >= key && (end == nil || k < string(end)) {
					delete(s.model, k)
				}
			}
		case k < 30:
			newest[key] = point{key, s.seq, true}
			delete(s.model, key)
		default:
			newest[key] = point{key, s.seq, false}
			s.model[key] = s.seq
		}
	}
	tab := table{dels: set.Visible(nil)}
	for _, p := range newest {
		tab.points = append(tab.points, p)
	}
	slices.SortFunc(tab.points, func(a, b point) int { return cmp.Compare(a.key, b.key) })
	s.apply(&Edit{Added: []LeveledFile{{0, s.describe(tab, 0)}}})
}

// apply changes the state, by way of the encoding, and checks it.
func (s *tree) apply(e *Edit) {
	s.t.Helper()
	d, err := DecodeEdit(e.Encode(nil))
	if err == nil {
		err = s.state.Apply(d)
	}
	if err == nil {
		err = s.state.Version.Check()
	}
	if err != nil {
		s.t.Fatalf("%v\n%v\n%v", err, e, s.state.Version)
	}
}

// begin adds c to what is running, and checks that it may be.
func (s *tree) begin(c *Compaction) {
	s.t.Helper()
	s.picker.Advance(c)
	for _, r := range s.running {
		for _, in := range c.Inputs {
			for _, f := range in.Files {
				if r.has(f) {
					s.t.Fatalf("table %d is in %v and %v", f.Number, r, c)
				}
			}
		}
		if r.Output == c.Output && r.Bounds.Overlaps(c.Bounds) {
			s.t.Fatalf("%v and %v write to the same keys", r, c)
		}
	}
	s.running = append(s.running, c)
}

// finish carries out the i-th running compaction.
func (s *tree) finish(i int) {
	s.t.Helper()
	c := s.running[i]
	s.running = slices.Delete(s.running, i, i+1)
	if c.Trivial {
		s.apply(c.Edit(nil))
	} else {
		s.apply(c.Edit(s.merge(c)))
	}
	s.check()
}

// merge makes the output tables of c.
func (s *tree) merge(c *Compaction) []*File {
	var points []point
	var lists []rangedel.List
	for _, in := range c.Inputs {
		for _, f := range in.Files {
			points = append(points, s.tables[f.Number].points...)
			lists = append(lists, s.tables[f.Number].dels)
		}
	}
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.seq, a.seq))
	})
	points = slices.CompactFunc(points, func(a, b point) bool { return a.key == b.key })
	dels := rangedel.Merge(lists...).Visible(nil)
	points = slices.DeleteFunc(points, func(p point) bool {
		return dels.Covering([]byte(p.key), s.seq) > p.seq || p.kill && c.IsBaseFor([]byte(p.key))
	})
	dels = slices.DeleteFunc(slices.Clone(dels), func(f rangedel.Fragment) bool { return c.IsBaseForRange(f.Start, f.End) })
	return s.split(c, points, dels)
}

// split cuts the output of c into tables.
func (s *tree) split(c *Compaction, points []point, dels rangedel.List) []*File {
	var out []*File
	lower := []byte(nil)
	for len(points) > 0 || len(dels) > 0 {
		n := min(len(points), max(1, int(c.MaxOutputFileSize/pointSize)))
		var upper []byte
		if n < len(points) {
			upper = []byte(points[n].key)
		}
		tab := table{points[:n], dels.Clip(lower, upper)}
		out = append(out, s.describe(tab, c.Output))
		points, lower = points[n:], upper
		if upper == nil {
			break
		}
		dels = dels.Clip(upper, nil)
	}
	return out
}

// get returns the newest version of key as a reader would find it, 0 if deleted.
func (s *tree) get(key string) kv.Seq {
	v := s.state.Version
	var deleted kv.Seq
	look := func(f *File) (seq kv.Seq, done bool) {
		tab := s.tables[f.Number]
		deleted = max(deleted, tab.dels.Covering([]byte(key), s.seq))
		i, ok := slices.BinarySearchFunc(tab.points, key, func(p point, k string) int { return cmp.Compare(p.key, k) })
		switch {
		case !ok:
			return 0, deleted > 0
		case tab.points[i].kill || tab.points[i].seq < deleted:
			return 0, true
		}
		return tab.points[i].seq, true
	}
	for _, f := range v.Levels[0] {
		if f.Bounds().Contains([]byte(key)) {
			if seq, done := look(f); done {
				return seq
			}
		}
	}
	for level := 1; level < NumLevels; level++ {
		if f := v.FileFor(level, []byte(key)); f != nil {
			if seq, done := look(f); done {
				return seq
			}
		}
	}
	return 0
}

// check compares all keys with the model.
func (s *tree) check() {
	s.t.Helper()
	for i := range 1000 {
		key := fmt.Sprintf("%04d", i)
		if got, want := s.get(key), s.model[key]; got != want {
			s.t.Fatalf("%s has version %d, want %d\n%v", key, got, want, s.state.Version)
		}
	}
}

// drain compacts until the Picker is content.
func (s *tree) drain() {
	s.t.Helper()
	for len(s.running) > 0 {
		s.finish(0)
	}
	for n := 0; ; n++ {
		c := s.picker.Pick(s.state.Version, nil, nil)
		if c == nil {
			return
		}
		if n > 2000 {
			s.t.Fatalf("no end: %v\n%v", c, s.state.Version)
		}
		s.begin(c)
		s.finish(0)
	}
}

// simOptions are those of a tree small enough to have all levels.
var simOptions = Options{L0Trigger: 3, BaseBytes: 10 * pointSize, Multiplier: 3, TargetFileSize: 8 * pointSize}

func TestPickedCompactionsKeepTheTreeRight(t *testing.T) {
	levels := 0
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newTree(t, simOptions)
		s.picker.Options.MaxCompactionBytes = []int64{0, 1000, 5000}[r.IntN(3)]
		for range 150 {
			switch k := r.IntN(10); {
			case k < 4 && len(s.state.Version.Levels[0]) < 8:
				s.flush(r, 1+r.IntN(30), 1000)
			case k < 7 || len(s.running) == 0:
				if c := s.pick(r); c != nil {
					s.begin(c)
				}
			default:
				s.finish(r.IntN(len(s.running)))
			}
		}
		levels = max(levels, s.state.Version.deepest())
		s.drain()
		p := Measure(s.state.Version, s.picker.Options)
		for level, score := range p.Scores {
			if score >= 1 {
				t.Fatalf("level %d has score %v in the end", level, score)
			}
		}
		if p.Debt != 0 {
			t.Fatalf("debt %d in the end", p.Debt)
		}
		for _, f := range s.state.Version.Levels[bottom] {
			if f.dead() {
				t.Fatalf("%v is left", f)
			}
		}
	}
	if levels < 3 {
		t.Fatalf("the trees had only %d levels", levels)
	}
}

// pick asks for a compaction in one of the ways there are.
func (s *tree) pick(r *rand.Rand) *Compaction {
	v := s.state.Version
	var snapshots []kv.Seq
	if r.IntN(2) == 0 {
		snapshots = []kv.Seq{s.seq, kv.Seq(r.Uint64N(uint64(s.seq + 1)))}
	}
	level := r.IntN(NumLevels)
	switch r.IntN(6) {
	case 0:
		lower, upper := fmt.Appendf(nil, "%04d", r.IntN(1000)), fmt.Appendf(nil, "%04d", r.IntN(1000))
		c, _ := s.picker.PickRange(v, s.running, snapshots, level, lower, upper)
		return c
	case 1:
		if files := v.Levels[level]; len(files) > 0 {
			return s.picker.PickFile(v, s.running, snapshots, level, files[r.IntN(len(files))].Number)
		}
	}
	return s.picker.Pick(v, s.running, snapshots)
}

// deepest returns how many levels have tables.
func (v *Version) deepest() int {
	n := 0
	for _, files := range v.Levels {
		if len(files) > 0 {
			n++
		}
	}
	return n
}

func TestDeletingEverythingEmptiesTheTree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := newTree(t, simOptions)
	for range 30 {
		s.flush(r, 30, 1000)
		s.drain()
	}
	if s.state.Version.TotalSize() == 0 {
		t.Fatal("nothing to delete")
	}
	s.seq++
	clear(s.model)
	all := rangedel.Fragmented([]rangedel.Tombstone{{Seq: s.seq}})
	s.apply(&Edit{Added: []LeveledFile{{0, s.describe(table{dels: all}, 0)}}})
	s.drain()
	if n := s.state.Version.NumFiles(); n != 0 {
		t.Fatalf("%d tables are left\n%v", n, s.state.Version)
	}
}

func TestCompactingAllRangesLeavesTheLastLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	s := newTree(t, simOptions)
	for range 30 {
		s.flush(r, 30, 1000)
	}
	for level := range NumLevels {
		for lower := []byte(nil); ; {
			c, blocked := s.picker.PickRange(s.state.Version, nil, nil, level, lower, nil)
			if blocked {
				t.Fatal("blocked by nothing")
			}
			if c == nil {
				break
			}
			s.begin(c)
			s.finish(0)
			if lower = c.Next(); lower == nil {
				break
			}
		}
	}
	v := s.state.Version
	if got := v.TotalSize(); got != v.Size(bottom) || got != pointSize*int64(len(s.model)) {
		t.Fatalf("%d bytes, %d in the last level, for %d keys\n%v", got, v.Size(bottom), len(s.model), v)
	}
}

func TestSequentialLoadMovesTables(t *testing.T) {
	s := newTree(t, simOptions)
	moved := 0
	for i := range 40 {
		var tab table
		for j := range 8 {
			s.seq++
			key := fmt.Sprintf("%04d", i*8+j)
			s.model[key] = s.seq
			tab.points = append(tab.points, point{key: key, seq: s.seq})
		}
		s.apply(&Edit{Added: []LeveledFile{{0, s.describe(tab, 0)}}})
		for c := s.picker.Pick(s.state.Version, nil, nil); c != nil; c = s.picker.Pick(s.state.Version, nil, nil) {
			if !c.Trivial {
				t.Fatalf("%v rewrites", c)
			}
			moved++
			s.begin(c)
			s.finish(0)
		}
	}
	if moved == 0 || !bytes.Equal(s.state.Version.Levels[bottom][0].Smallest, []byte("0000")) {
		t.Fatalf("%d moves\n%v", moved, s.state.Version)
	}
}
