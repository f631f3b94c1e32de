package version

import (
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

func TestBounds(t *testing.T) {
	bounds := func(s string) Bounds { return file(1, s, 1).Bounds() }
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a-c", "c-d", true}, {"a-c)", "c-d", false}, {"a-c)", "b-b", true}, {"a-", "z-z", true},
		{"b-", "a-a", false}, {"b-", "a-b)", false}, {"b-", "a-b", true}, {"a-", "b-", true}, {"a-b", "c-d", false},
	} {
		a, b := bounds(c.a), bounds(c.b)
		if a.Overlaps(b) != c.want || b.Overlaps(a) != c.want {
			t.Errorf("%v and %v: overlap is not %v", a, b, c.want)
		}
		u := a.union(b)
		if u.String() != b.union(a).String() || !u.Overlaps(a) || u.endsFirst(a) || u.endsFirst(b) {
			t.Errorf("union of %v and %v is %v", a, b, u)
		}
	}
	for s, want := range map[string]string{"a-c": "c\x00", "a-c)": "c", "a-": ""} {
		if got := bounds(s).Upper(); string(got) != want || (got == nil) != (want == "") {
			t.Errorf("%s: Upper is %q", s, got)
		}
	}
}

func TestLookups(t *testing.T) {
	v := levels{
		0: {file(1, "a-z", 1), file(2, "c-d", 2), file(3, "m-p)", 3)},
		5: {file(4, "b-d)", 10), file(5, "d-f", 20), file(6, "m-", 30)},
	}.make(t)
	for key, want := range map[string]uint64{"a": 0, "b": 4, "c": 4, "d": 5, "f": 5, "g": 0, "m": 6, "zzz": 6} {
		var got uint64
		if f := v.FileFor(5, []byte(key)); f != nil {
			got = f.Number
		}
		if got != want {
			t.Errorf("FileFor(%q) = %d, want %d", key, got, want)
		}
	}
	for _, c := range []struct {
		level        int
		lower, upper string
		want         string
	}{
		{0, "", "-", "3 2 1"}, {0, "p", "q", "1"}, {0, "e", "m", "1"}, {0, "e", "n", "3 1"},
		{5, "", "-", "4 5 6"}, {5, "d", "e", "5"}, {5, "c", "d", "4"}, {5, "g", "m", ""}, {5, "x", "-", "6"}, {5, "", "b", ""},
		{5, "e", "c", ""}, {6, "", "-", ""},
	} {
		upper := []byte(c.upper)
		if c.upper == "-" {
			upper = nil
		}
		var got []string
		for _, f := range v.Overlapping(c.level, []byte(c.lower), upper) {
			got = append(got, string(rune('0'+f.Number)))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("Overlapping(%d, %q, %q) = %q, want %q", c.level, c.lower, c.upper, s, c.want)
		}
	}
	if got := v.BytesBelow(0, []byte("b"), []byte("e")); got != 20 {
		t.Errorf("BytesBelow = %d", got)
	}
	if v.NumFiles() != 6 || v.TotalSize() != 66 || v.Size(5) != 60 {
		t.Errorf("%d files, %d bytes, %d in level 5", v.NumFiles(), v.TotalSize(), v.Size(5))
	}
	key := []byte("e")
	if n := testing.AllocsPerRun(100, func() { v.FileFor(5, key) }); n != 0 {
		t.Errorf("FileFor allocates")
	}
}

func TestApplyRefusesWhatCannotBe(t *testing.T) {
	v := levels{0: {file(1, "a-z", 1)}, 5: {file(2, "b-d)", 1), file(3, "k-m", 1)}}.make(t)
	text := v.String()
	add := func(level int, f *File) *Edit { return &Edit{Added: []LeveledFile{{level, f}}} }
	for name, e := range map[string]*Edit{
		"remove what is not there":    {Removed: []LeveledNumber{{0, 9}}},
		"remove from another level":   {Removed: []LeveledNumber{{1, 2}}},
		"remove twice":                {Removed: []LeveledNumber{{5, 2}, {5, 2}}},
		"remove from no level":        {Removed: []LeveledNumber{{7, 2}}},
		"remove from a full edit":     {Full: true, Removed: []LeveledNumber{{5, 2}}},
		"add to no level":             add(7, file(9, "a-b", 1)),
		"add to a negative level":     add(-1, file(9, "a-b", 1)),
		"add nothing":                 add(1, nil),
		"add what is there":           add(1, file(2, "b-d)", 1)),
		"add twice":                   {Added: []LeveledFile{{1, file(9, "a-b", 1)}, {2, file(9, "a-b", 1)}}},
		"overlap an entry":            add(5, file(9, "m-n", 1)),
		"overlap without end":         add(5, file(9, "a-", 1)),
		"overlap the same start":      add(5, file(9, "b-b", 1)),
		"overlap each other":          {Added: []LeveledFile{{1, file(8, "a-c", 1)}, {1, file(9, "c-d", 1)}}},
		"inverted bounds":             add(1, file(9, "c-b", 1)),
		"empty bounds":                add(1, file(9, "c-c)", 1)),
		"an end and none":             add(1, file(9, "c-", 1, func(f *File) { f.Largest = []byte("d") })),
		"no number":                   add(1, file(0, "c-d", 1)),
		"negative size":               add(1, file(9, "c-d", -1)),
		"more deletes than entries":   add(1, file(9, "c-d", 1, func(f *File) { f.Deletes = 101 })),
		"nothing in it":               add(1, file(9, "c-d", 1, func(f *File) { f.Entries = 0 })),
		"sequence numbers inverted":   add(1, file(9, "c-d", 1, func(f *File) { f.MinSeq = 10 })),
		"sequence number too large":   add(1, file(9, "c-d", 1, func(f *File) { f.MaxSeq = entry.MaxSeq + 1 })),
		"negative tombstones":         add(1, file(9, "c-d", 1, func(f *File) { f.Tombstones = -1 })),
		"negative cover":              add(1, file(9, "c-d", 1, func(f *File) { f.Covers = -1 })),
		"the last number there could": add(1, file(1<<64-1, "c-d", 1)),
	} {
		if _, err := v.Apply(e); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if v.String() != text {
		t.Error("the Version changed")
	}
	if _, err := v.Apply(add(5, file(9, "d-k)", 1))); err != nil {
		t.Errorf("neighbours do not fit: %v", err)
	}
}

func TestAnEditTwiceIsRefused(t *testing.T) {
	var s State
	e := &Edit{Added: []LeveledFile{{0, file(1, "a-c", 1)}}}
	move := &Edit{Removed: []LeveledNumber{{0, 1}}, Added: []LeveledFile{{6, file(1, "a-c", 1)}}}
	for _, e := range []*Edit{e, move} {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		before := s.Version.String()
		if s.Apply(e) == nil {
			t.Errorf("applied twice:\n%v", e)
		}
		if s.Version.String() != before {
			t.Error("a refused edit changed the state")
		}
	}
	if s.Apply(e) == nil {
		t.Error("a table came back")
	}
}

// A stale compaction must not bring back what another one replaced meanwhile.
func TestAStaleCompactionIsRefused(t *testing.T) {
	v := levels{5: {file(1, "a-c", 500)}, 6: {file(2, "b-d", 50)}}.make(t)
	p := Picker{Options: small}
	c := p.Pick(v, nil, nil)
	next, err := v.Apply(c.Edit([]*File{file(3, "a-d", 500)}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := next.Apply(c.Edit([]*File{file(4, "e-f", 500)})); err == nil {
		t.Error("no error")
	}
}

func TestReplayKeepsTriviallyMovedFiles(t *testing.T) {
	var s State
	edits := []*Edit{{Added: []LeveledFile{{0, file(1, "a-c", 1)}, {5, file(2, "d-f", 1)}}}}
	for level, to := range map[int]int{0: 4, 5: 6} {
		number := map[int]uint64{0: 1, 5: 2}[level]
		bounds := map[int]string{0: "a-c", 5: "d-f"}[level]
		edits = append(edits, &Edit{Removed: []LeveledNumber{{level, number}}, Added: []LeveledFile{{to, file(number, bounds, 1)}}})
	}
	for _, e := range edits {
		e, err := DecodeEdit(e.Encode(nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	if v := s.Version; v.FileFor(4, []byte("b")) == nil || v.FileFor(6, []byte("e")) == nil || v.NumFiles() != 2 {
		t.Errorf("after replay:\n%v", v)
	}
}

func TestLevel0IsOrderedFromTheNewest(t *testing.T) {
	v := levels{0: {file(7, "a-b", 1, func(f *File) { f.MaxSeq = 50 }), file(9, "a-b", 1, func(f *File) { f.MaxSeq = 40 }), file(8, "a-b", 1, func(f *File) { f.MaxSeq = 50 })}}.make(t)
	for i, want := range []uint64{8, 7, 9} {
		if got := v.Levels[0][i].Number; got != want {
			t.Errorf("place %d: table %d, want %d", i, got, want)
		}
	}
}

func TestApplySharesWhatItDoesNotTouch(t *testing.T) {
	v := levels{0: {file(1, "a-c", 1)}, 5: {file(2, "a-c", 1)}}.make(t)
	next, err := v.Apply(&Edit{Added: []LeveledFile{{0, file(3, "a-c", 1)}}})
	if err != nil {
		t.Fatal(err)
	}
	if &next.Levels[5][0] != &v.Levels[5][0] || len(v.Levels[0]) != 1 {
		t.Error("levels are not shared, or v changed")
	}
}

func TestStateRemembersWhatEditsSay(t *testing.T) {
	var s State
	apply := func(e *Edit) {
		t.Helper()
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	apply(&Edit{FirstLog: new(uint64(4)), NextFile: new(uint64(10)), LastSeq: new(kv.Seq(100))})
	apply(&Edit{NextFile: new(uint64(8)), LastSeq: new(kv.Seq(90))})
	apply(&Edit{Added: []LeveledFile{{0, file(20, "a-b", 1, func(f *File) { f.MaxSeq = 200 })}}})
	if s.FirstLog != 4 || s.NextFile != 21 || s.LastSeq != 200 || s.Clean {
		t.Errorf("%+v", s)
	}
	if s.Apply(&Edit{FirstLog: new(uint64(3))}) == nil {
		t.Error("the first log went back")
	}
	apply(&Edit{LogEnd: &LogEnd{1, 2}})
	if s.Clean || *s.LogEnd != (LogEnd{1, 2}) {
		t.Error("the end of an open log was not noted")
	}
	apply(&Edit{Clean: new(true), LogEnd: &LogEnd{7, 4096}})
	if !s.Clean || *s.LogEnd != (LogEnd{7, 4096}) {
		t.Errorf("%+v", s)
	}
	var again State
	if err := again.Apply(s.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if got, want := again.Snapshot().String(), s.Snapshot().String(); got != want {
		t.Errorf("a snapshot gave\n%s, want\n%s", got, want)
	}
	apply(&Edit{})
	if s.Clean || *s.LogEnd != (LogEnd{7, 4096}) {
		t.Error("an edit after a close left the state clean")
	}
	if err := new(State).Apply(new(State).Snapshot()); err != nil {
		t.Error(err)
	}
}

func TestVersionPrintsALineForEachTable(t *testing.T) {
	v := levels{0: {file(1, "a-c)", 5)}, 6: {file(2, "b-", 7)}}.make(t)
	want := "L0 000001 [\"a\", \"c\") seq 1..1 size 5 entries 100 deletes 0 tombstones 0\n" +
		"L6 000002 [\"b\", ∞) seq 2..2 size 7 entries 100 deletes 0 tombstones 0\n"
	if got := v.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestCheckFindsABrokenVersion(t *testing.T) {
	for name, breakIt := range map[string]func(*Version){
		"order":  func(v *Version) { v.Levels[0][0], v.Levels[0][1] = v.Levels[0][1], v.Levels[0][0] },
		"double": func(v *Version) { v.Levels[4] = v.Levels[5] },
		"size":   func(v *Version) { v.sizes[5]++ },
		"file":   func(v *Version) { v.Levels[5][0].Number = 0 },
		"overlap": func(v *Version) {
			v.Levels[5] = append(v.Levels[5], file(9, "a-c", 0))
		},
	} {
		v := levels{0: {file(1, "a-c", 1), file(2, "a-c", 1)}, 5: {file(3, "a-c", 1)}}.make(t)
		breakIt(v)
		if v.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
