package rangedel

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
)

// check compares l with the model at all keys and states.
func check(t *testing.T, l List, m model) {
	t.Helper()
	if err := l.Validate(); err != nil {
		t.Fatalf("%v\n%v", err, l)
	}
	for _, key := range allKeys() {
		for at := kv.Seq(0); at <= 20; at++ {
			if got, want := l.Covering(key, at), m.covering(key, at); got != want {
				t.Fatalf("Covering(%q, %d) = %d, want %d\ntombstones %v\nfragments %v", key, at, got, want, m, l)
			}
		}
	}
}

// checkAround checks what Around says: the key lies in the Cover, which holds for
// each key in it.
func checkAround(t *testing.T, around func([]byte, kv.Seq) Cover, m model, at kv.Seq) {
	t.Helper()
	keys := allKeys()
	for _, key := range keys {
		c := around(key, at)
		if !(kv.Span{Start: c.Start, End: c.End}).Contains(key) {
			t.Fatalf("Around(%q) = %v does not hold it", key, c)
		}
		for _, k := range keys {
			if (kv.Span{Start: c.Start, End: c.End}).Contains(k) && m.covering(k, at) != c.Seq {
				t.Fatalf("Around(%q, %d) = %v, but %q is covered by %d\n%v", key, at, c, k, m.covering(k, at), m)
			}
		}
	}
}

func TestFragmentsCoverWhatTheirTombstonesDo(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := randomTombstones(r, 12)
		l := Fragmented(m)
		check(t, l, m)
		checkAround(t, l.Around, m, kv.Seq(r.IntN(21)))
	}
}

func TestFragmentedJoinsNeighbours(t *testing.T) {
	l := Fragmented([]Tombstone{{k("a"), k("c"), 5}, {k("c"), k("e"), 5}, {k("b"), k("d"), 5}, {k("e"), nil, 4}, {k("g"), nil, 4}})
	want := List{{k("a"), k("e"), []kv.Seq{5}}, {k("e"), nil, []kv.Seq{4}}}
	if !equal(l, want) {
		t.Fatalf("%v, want %v", l, want)
	}
}

func TestFragmentedDoesNotChangeItsInput(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := randomTombstones(r, 30)
	before := slices.Clone(m)
	Fragmented(m)
	if fmt.Sprint(m) != fmt.Sprint(before) {
		t.Fatal("changed")
	}
}

func TestMergeIsTheUnion(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		var all model
		var lists []List
		for range r.IntN(5) {
			m := randomTombstones(r, 6)
			all = append(all, m...)
			lists = append(lists, Fragmented(m))
		}
		l := Merge(lists...)
		check(t, l, all)
		if !equal(l, Fragmented(all)) {
			t.Fatalf("%v, want %v", l, Fragmented(all))
		}
	}
}

func TestVisibleKeepsTheNewestOfEachStripe(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		m, stripes := randomTombstones(r, 12), randomStripes(r)
		full := Fragmented(m)
		l := full.Visible(stripes)
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, key := range allKeys() {
			var got []kv.Seq
			if i := l.Find(key); i < len(l) && bytes.Compare(key, l[i].Start) >= 0 {
				got = l[i].Seqs
			}
			if want := m.visible(key, stripes); !slices.Equal(got, want) {
				t.Fatalf("%q has %v, want %v, of %v at %v", key, got, want, m, stripes)
			}
		}
		for i := 1; i < len(l); i++ {
			if bytes.Equal(l[i-1].End, l[i].Start) && slices.Equal(l[i-1].Seqs, l[i].Seqs) {
				t.Fatalf("neighbours are equal: %v", l)
			}
		}
		check(t, full, m) // Visible did not change it
	}
}

func TestClipKeepsExactlyTheRange(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		m := randomTombstones(r, 8)
		lower, upper := randomKey(r), randomKey(r)
		if r.IntN(4) == 0 {
			upper = nil
		}
		if r.IntN(4) == 0 {
			lower = nil
		}
		full := Fragmented(m)
		l := full.Clip(lower, upper)
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
		span := kv.Span{Start: lower, End: upper}
		for _, key := range allKeys() {
			want := kv.Seq(0)
			if span.Contains(key) {
				want = m.covering(key, 20)
			}
			if got := l.Covering(key, 20); got != want {
				t.Fatalf("clipped to [%q, %q): %q is covered by %d, want %d\n%v", lower, upper, key, got, want, full)
			}
		}
		check(t, full, m) // Clip did not change it
	}
}

func TestFindArrivesAtTheCoveringOrNextFragment(t *testing.T) {
	l := List{{k("b"), k("d"), []kv.Seq{1}}, {k("d"), k("e"), []kv.Seq{2}}, {k("g"), k("h"), []kv.Seq{3}}}
	for key, want := range map[string]int{"": 0, "a": 0, "b": 0, "c": 0, "d": 1, "e": 2, "f": 2, "g": 2, "h": 3, "z": 3} {
		if got := l.Find(k(key)); got != want {
			t.Errorf("Find(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	one := []kv.Seq{1}
	for name, l := range map[string]List{
		"empty fragment":    {{k("b"), k("b"), one}},
		"inverted fragment": {{k("b"), k("a"), one}},
		"empty end":         {{nil, []byte{}, one}},
		"overlap":           {{k("a"), k("c"), one}, {k("b"), k("d"), one}},
		"order":             {{k("c"), k("d"), one}, {k("a"), k("b"), one}},
		"after no end":      {{k("a"), nil, one}, {k("b"), k("d"), one}},
		"no numbers":        {{k("a"), k("b"), nil}},
		"ascending":         {{k("a"), k("b"), []kv.Seq{1, 2}}},
		"duplicate":         {{k("a"), k("b"), []kv.Seq{2, 2}}},
		"zero":              {{k("a"), k("b"), []kv.Seq{2, 0}}},
	} {
		if l.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (List{{nil, k("b"), one}, {k("b"), nil, one}}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestSearchDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	var s Set
	for i := range 200 {
		s.Add(randomKey(r), nil, kv.Seq(i))
	}
	l, key := s.List(), k("abc")
	allocs := testing.AllocsPerRun(100, func() {
		l.Covering(key, 10)
		l.Around(key, 10)
		s.Covering(key, 10)
		s.Around(key, 10)
	})
	if allocs != 0 {
		t.Fatalf("%v allocations", allocs)
	}
}

// distinctNumbers returns how many different places in memory the numbers of l
// take.
func distinctNumbers(l List) int {
	places := make(map[*kv.Seq]bool)
	for _, f := range l {
		for i := range f.Seqs {
			places[&f.Seqs[i]] = true
		}
	}
	return len(places)
}

func TestNumbersOfNeighboursAreShared(t *testing.T) {
	const n = 1000
	num := func(i int) []byte { return fmt.Appendf(nil, "%06d", i) }
	shapes := map[string]func(i int) Tombstone{
		"nested, newer inside":  func(i int) Tombstone { return Tombstone{num(i), num(2*n - i), kv.Seq(i + 1)} },
		"nested, newer outside": func(i int) Tombstone { return Tombstone{num(n - i), num(n + i + 1), kv.Seq(i + 1)} },
		"staggered":             func(i int) Tombstone { return Tombstone{num(i), num(i + n/2), kv.Seq(i + 1)} },
		"staggered backwards":   func(i int) Tombstone { return Tombstone{num(n - i), num(n - i + n/2), kv.Seq(i + 1)} },
		"stacked":               func(i int) Tombstone { return Tombstone{num(0), num(i + 1), kv.Seq(i + 1)} },
		"without end":           func(i int) Tombstone { return Tombstone{num(i), nil, kv.Seq(i + 1)} },
	}
	for name, shape := range shapes {
		var m []Tombstone
		for i := range n {
			m = append(m, shape(i))
		}
		l := Fragmented(m)
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := distinctNumbers(l); got > 8*n {
			t.Errorf("%s: %d numbers in memory for %d tombstones", name, got, n)
		}
	}
}

func k(s string) []byte { return []byte(s) }

func equal(a, b List) bool {
	return slices.EqualFunc(a, b, func(x, y Fragment) bool {
		return bytes.Equal(x.Start, y.Start) && bytes.Equal(x.End, y.End) && (x.End == nil) == (y.End == nil) && slices.Equal(x.Seqs, y.Seqs)
	})
}
