package version

import (
	"fmt"
	"testing"

	"github.com/varvedb/varve/kv"
)

func TestTargetsFollowTheLargestLevel(t *testing.T) {
	for _, c := range []struct {
		name    string
		sizes   map[int]int64
		base    int
		targets map[int]int64
	}{
		{"empty", nil, 6, map[int]int64{6: 100}},
		{"less than the base may hold", map[int]int64{6: 90}, 6, map[int]int64{6: 100}},
		{"a level more", map[int]int64{6: 500}, 5, map[int]int64{5: 50, 6: 500}},
		{"two", map[int]int64{5: 100, 6: 5000}, 4, map[int]int64{4: 50, 5: 500, 6: 5000}},
		{"all levels", map[int]int64{6: 1e12}, 1, map[int]int64{1: 1e7, 2: 1e8, 6: 1e12}},
		{"shrunk: what is above stays the base until it is empty", map[int]int64{3: 20, 6: 500}, 3, map[int]int64{3: 10, 4: 10, 5: 50}},
		{"the largest is not the last", map[int]int64{4: 1000, 6: 10}, 4, map[int]int64{4: 10, 5: 100, 6: 1000}},
	} {
		l := levels{}
		for level, size := range c.sizes {
			l[level] = []*File{file(uint64(level), "a-b", size)}
		}
		p := Measure(l.make(t), Options{BaseBytes: 100})
		if p.Base != c.base {
			t.Errorf("%s: base %d, want %d", c.name, p.Base, c.base)
		}
		for level, want := range c.targets {
			if got := p.Targets[level]; got != want {
				t.Errorf("%s: target of level %d is %d, want %d", c.name, level, got, want)
			}
		}
	}
}

func TestPressureCountsDebt(t *testing.T) {
	v := levels{0: {file(1, "a-b", 40), file(2, "a-b", 40)}, 5: {file(3, "a-b", 60)}, 6: {file(4, "a-b", 500)}}.make(t)
	p := Measure(v, small)
	if p.L0Files != 2 || p.Scores[0] != 0.5 || p.Scores[5] != 1.2 {
		t.Errorf("%+v", p)
	}
	if p.Debt != 10+10*500/60 { // 10 too much in level 5, each meets 500/60 in level 6
		t.Errorf("debt %d", p.Debt)
	}
	o := small
	o.L0Trigger = 2
	if due := Measure(v, o); due.Debt <= p.Debt+80 {
		t.Errorf("debt %d with level 0 due", due.Debt)
	}
	if d := Measure(&Version{}, small).Debt; d != 0 {
		t.Errorf("debt %d of nothing", d)
	}
}

func TestPick(t *testing.T) {
	for _, c := range []struct {
		name   string
		levels levels
		want   string
	}{
		{"nothing", nil, "nothing"},
		{"level 0 below the trigger", levels{0: {file(1, "a-c", 10), file(2, "b-d", 10), file(3, "b-d", 10)}}, "nothing"},
		{"level 0 goes with what it overlaps", levels{
			0: {file(1, "c-f", 10), file(2, "d-g", 10), file(3, "d-g", 10), file(4, "d-h)", 10)},
			6: {file(5, "a-b", 10), file(6, "c-c", 10), file(7, "g-g", 10), file(8, "h-i", 10)},
		}, "L0 4 3 2 1 L6 6 7 > L6"},
		{"level 0 goes into the base level", levels{
			0: {file(1, "a-c", 1), file(2, "b-d", 1), file(3, "b-d", 1), file(4, "b-d", 1)}, 6: {file(7, "a-c", 500)},
		}, "L0 4 3 2 1 > L5"},
		{"level 0 goes not past older data", levels{
			0: {file(1, "a-c", 1), file(2, "b-d", 1), file(3, "b-d", 1), file(4, "b-d", 1)}, 3: {file(7, "a-c", 5)},
		}, "L0 4 3 2 1 L3 7 > L3"},
		{"disjoint tables of level 0 are moved", levels{
			0: {file(1, "a-b)", 10), file(2, "b-c", 10), file(3, "d-e", 10), file(4, "f-", 10)},
		}, "L0 4 3 2 1 > L6 trivial"},
		{"what level 0 has beside a table below it waits", levels{
			0: {file(1, "a-b", 10), file(2, "g-h", 10), file(3, "b-c", 10), file(4, "b-c", 10)}, 6: {file(7, "d-e", 50)},
		}, "L0 4 3 1 > L6"},
		{"what it has beside one that it overlaps does not", levels{
			0: {file(1, "a-b", 10), file(2, "g-h", 10), file(3, "b-d", 10), file(4, "b-c", 10)}, 6: {file(7, "d-e", 50)},
		}, "L0 4 3 2 1 L6 7 > L6"},
		{"the most urgent level first", levels{
			4: {file(1, "a-c", 100)}, 5: {file(2, "d-f", 900)}, 6: {file(3, "d-z", 5000)},
		}, "L4 1 > L5 trivial"},
		{"the least overlap first", levels{
			5: {file(1, "a-c", 300), file(2, "d-f", 300)}, 6: {file(3, "a-c", 2000), file(4, "d-f", 400)},
		}, "L5 2 L6 4 > L6"},
		{"overlap in proportion to the size", levels{
			5: {file(1, "a-c", 100), file(2, "d-f", 1000)}, 6: {file(3, "a-c", 1000), file(4, "d-f", 2000)},
		}, "L5 2 L6 4 > L6"},
		{"deletions count as weight", levels{
			5: {file(1, "a-c", 300), file(2, "d-f", 300, deletes)}, 6: {file(3, "a-c", 1000), file(4, "d-f", 1000)},
		}, "L5 2 L6 4 > L6"},
		{"a table with nothing below is moved", levels{
			5: {file(1, "a-c", 300), file(2, "d-f)", 300)}, 6: {file(3, "a-c", 1000), file(4, "f-z", 900)},
		}, "L5 2 > L6 trivial"},
		{"but not onto too many grandparents", levels{
			4: {file(1, "a-c", 300)}, 5: {file(2, "x-z", 10)}, 6: {file(3, "a-c", 1500)},
		}, "L4 1 > L5"},
		{"inputs grow while the output level gives no more", levels{
			5: {file(1, "a-b", 300), file(2, "c-d", 20), file(3, "k-l", 20)}, 6: {file(4, "b-d)", 600), file(5, "k-l", 600)},
		}, "L5 1 2 L6 4 > L6"},
		{"but not over another table of the output level", levels{
			5: {file(1, "a-b", 300), file(2, "c-e", 20)}, 6: {file(4, "b-d)", 600), file(5, "e-l", 600)},
		}, "L5 1 L6 4 > L6"},
		{"nor over what one compaction may have", levels{
			5: {file(1, "a-b", 300), file(2, "c-d", 200)}, 6: {file(4, "b-d)", 600)},
		}, "L5 1 L6 4 > L6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, (&Picker{Options: small}).Pick(c.levels.make(t), nil, nil), c.want)
		})
	}
}

func TestTablesThatAreMostlyDeletionsAreCompacted(t *testing.T) {
	covering := func(f *File) { f.Tombstones, f.Covers = 1, 1000 }
	for _, c := range []struct {
		name      string
		levels    levels
		snapshots []kv.Seq
		want      string
	}{
		{"in level 0", levels{0: {file(1, "a-c", 5, deletes)}, 6: {file(2, "b-c", 10)}}, nil, "L0 1 L6 2 > L6"},
		{"with what is older in level 0", levels{0: {file(1, "a-c", 5), file(2, "b-d", 10, deletes), file(3, "c-c", 1)}}, nil, "L0 2 1 > L6"},
		{"between", levels{5: {file(1, "a-c", 5, deletes)}, 6: {file(2, "b-c", 99)}}, nil, "L5 1 L6 2 > L6"},
		{"in the last level", levels{6: {file(1, "a-c", 5, deletes), file(2, "d-e", 10)}}, nil, "L6 1 > L6"},
		{"with nothing below they are rewritten, not moved", levels{4: {file(1, "a-c", 5, deletes)}}, nil, "L4 1 > L5"},
		{"with something further below they are moved", levels{4: {file(1, "a-c", 5, deletes)}, 6: {file(2, "a-c", 5)}}, nil, "L4 1 > L5 trivial"},
		{"a tombstone over much", levels{5: {file(1, "a-c", 5, covering)}, 6: {file(2, "b-c", 99)}}, nil, "L5 1 L6 2 > L6"},
		{"the one that frees most first", levels{5: {file(1, "a-c", 9, deletes), file(2, "d-e", 10, covering)}, 6: {file(3, "x-z", 500)}}, nil, "L5 2 > L6"},
		{"half is not most", levels{6: {file(1, "a-c", 5, func(f *File) { f.Deletes = 50 })}}, nil, "nothing"},
		{"a snapshot that does not see them", levels{6: {file(5, "a-c", 5, deletes)}}, []kv.Seq{9, 4}, "nothing"},
		{"a snapshot that does", levels{6: {file(5, "a-c", 5, deletes)}}, []kv.Seq{9, 5}, "L6 5 > L6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := (&Picker{Options: small}).Pick(c.levels.make(t), nil, c.snapshots)
			expect(t, got, c.want)
			if got != nil && got.Reason != Deletions {
				t.Errorf("because of %v", got.Reason)
			}
		})
	}
}

func TestEquallyGoodTablesTakeTurns(t *testing.T) {
	l := levels{}
	for i := range 5 {
		k := string(rune('a' + i))
		l[5] = append(l[5], file(uint64(i+1), k+"-"+k, 100))
		l[6] = append(l[6], file(uint64(i+11), k+"-"+k, 390+int64(i)))
	}
	v := l.make(t)
	p := Picker{Options: small}
	var got []uint64
	for range 7 {
		c := p.Pick(v, nil, nil)
		p.Advance(c)
		got = append(got, c.Inputs[0].Files[0].Number)
	}
	if fmt.Sprint(got) != "[1 2 3 4 5 1 2]" {
		t.Errorf("picked %v", got)
	}
}

func TestRunningCompactionsAreLeftAlone(t *testing.T) {
	v := levels{
		0: {file(20, "a-b", 5), file(21, "a-b", 5), file(22, "a-b", 5), file(23, "a-b", 5)},
		5: {file(1, "a-c", 300), file(2, "d-f", 300), file(3, "g-i", 300)},
		6: {file(4, "b-e", 450), file(5, "h-z", 450)},
	}.make(t)
	p := Picker{Options: small}
	var running []*Compaction
	for _, want := range []string{"L5 1 L6 4 > L6", "L5 3 L6 5 > L6", "nothing"} {
		c := p.Pick(v, running, nil) // 2 meets table 4, level 0 meets table 1
		expect(t, c, want)
		running = append(running, c)
	}
}

// An output of the running compaction may reach over the gap between its inputs,
// into which another one has put a table meanwhile.
func TestNothingIsWrittenAmongTheOutputsOfARunningCompaction(t *testing.T) {
	one := func(f *File) { f.Deletes = 1 }
	l := levels{5: {file(1, "a-b", 10, one), file(2, "k-l", 10)}}
	p := Picker{Options: small}
	c, _ := p.PickRange(l.make(t), nil, nil, 5, nil, nil)
	expect(t, c, "L5 1 2 > L6")
	l[5] = append(l[5], file(3, "e-f", 10))
	v := l.make(t)
	expect(t, p.PickFile(v, []*Compaction{c}, nil, 5, 3), "nothing")
	expect(t, p.PickFile(v, nil, nil, 5, 3), "L5 3 > L6 trivial")
}

func TestLevel0IsCompactedOnceAtATime(t *testing.T) {
	v := levels{0: {file(1, "a-b", 5), file(2, "a-b", 5), file(3, "a-b", 5), file(4, "a-b", 5)}}.make(t)
	p := Picker{Options: small}
	c := p.Pick(v, nil, nil)
	next, err := v.Apply(&Edit{Added: []LeveledFile{{0, file(5, "x-y", 5, deletes)}, {0, file(6, "x-y", 5)}, {0, file(7, "x-y", 5)}, {0, file(8, "x-y", 5)}}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, p.Pick(next, []*Compaction{c}, nil), "nothing")
	r, blocked := p.PickRange(next, []*Compaction{c}, nil, 0, nil, nil)
	if expect(t, r, "nothing"); !blocked {
		t.Error("not blocked")
	}
	expect(t, p.PickFile(next, []*Compaction{c}, nil, 0, 5), "nothing")
}

func TestLevel0IsNotStarvedByItsBaseLevel(t *testing.T) {
	v := levels{
		0: {file(20, "a-z", 5), file(21, "a-z", 5), file(22, "a-z", 5), file(23, "a-z", 5), file(24, "a-z", 5), file(25, "a-z", 5), file(26, "a-z", 5), file(27, "a-z", 5)},
		5: {file(1, "a-c", 40), file(2, "d-f", 40, deletes)},
		6: {file(4, "a-c", 500)},
	}.make(t)
	p := Picker{Options: small}
	running := []*Compaction{p.PickFile(v, nil, nil, 5, 1)}
	expect(t, running[0], "L5 1 L6 4 > L6")
	expect(t, p.Pick(v, running, nil), "nothing") // not table 2, which level 0 needs
	expect(t, p.Pick(v, nil, nil), "L0 27 26 25 24 23 22 21 20 L5 1 2 > L5")
}

func TestABacklogOfLevel0IsTakenFromTheOldest(t *testing.T) {
	l := levels{}
	for i := range uint64(30) {
		l[0] = append(l[0], file(i+1, "a-b", 100))
	}
	c := (&Picker{Options: small}).Pick(l.make(t), nil, nil)
	expect(t, c, "L0 10 9 8 7 6 5 4 3 2 1 > L6")
}

func TestCompactRangeTakesContiguousFiles(t *testing.T) {
	l := levels{6: {file(50, "a-z", 100)}}
	for i := range 10 {
		k := string(rune('a' + 2*i))
		l[5] = append(l[5], file(uint64(i+1), k+"-"+k, 300))
	}
	v := l.make(t)
	p := Picker{Options: small}
	pick := func(running []*Compaction, level int, lower, upper string) *Compaction {
		c, _ := p.PickRange(v, running, nil, level, []byte(lower), []byte(upper))
		return c
	}
	expect(t, pick(nil, 5, "c", "h"), "L5 2 3 4 L6 50 > L6") // c, e and g
	expect(t, pick(nil, 5, "b", "c"), "nothing")
	c := pick(nil, 5, "a", "z")
	expect(t, c, "L5 1 2 3 L6 50 > L6") // as far as the limit allows, without a gap
	if got := string(c.Next()); got != "e\x00" {
		t.Errorf("goes on at %q", got)
	}
	running := []*Compaction{{Inputs: []LevelFiles{{5, v.Levels[5][2:3]}}, Output: 6, Bounds: v.Levels[5][2].Bounds()}}
	if c, blocked := p.PickRange(v, running, nil, 5, []byte("c"), []byte("h")); c != nil || !blocked {
		t.Errorf("a range with a busy table in it: %v, %v", c, blocked)
	}
	if c, blocked := p.PickRange(v, nil, nil, 3, nil, nil); c != nil || blocked {
		t.Errorf("an empty level: %v, %v", c, blocked)
	}
	expect(t, pick(nil, 6, "a", "z"), "L6 50 > L6")
}

func TestCompactRangeTakesOlderTablesOfLevel0Along(t *testing.T) {
	v := levels{0: {file(1, "a-c", 1), file(2, "x-z", 1), file(3, "c-f", 1), file(4, "f-h", 1), file(5, "h-k", 1)}}.make(t)
	c, _ := (&Picker{}).PickRange(v, nil, nil, 0, []byte("g"), []byte("h"))
	expect(t, c, "L0 4 3 1 > L6") // 5 is newer than 4, 2 overlaps none
}

func TestManualCompactionsDropDeletions(t *testing.T) {
	one := func(f *File) { f.Deletes = 1 }
	v := levels{5: {file(1, "a-c", 10, one), file(2, "d-f", 10)}}.make(t)
	p := Picker{Options: small}
	c, _ := p.PickRange(v, nil, nil, 5, []byte("a"), []byte("b"))
	expect(t, c, "L5 1 > L6")
	c, _ = p.PickRange(v, nil, []kv.Seq{0}, 5, []byte("a"), []byte("b"))
	expect(t, c, "L5 1 > L6 trivial") // a snapshot needs what is deleted
	c, _ = p.PickRange(v, nil, nil, 5, []byte("d"), nil)
	expect(t, c, "L5 2 > L6 trivial")
}

func TestPickFile(t *testing.T) {
	v := levels{0: {file(1, "a-c", 1), file(2, "c-d", 1)}, 5: {file(3, "a-c", 1)}, 6: {file(4, "c-d", 1)}}.make(t)
	p := Picker{Options: small}
	for _, c := range []struct {
		level  int
		number uint64
		want   string
	}{
		{0, 1, "L0 1 L5 3 > L5"}, {0, 2, "L0 2 1 L5 3 > L5"}, {5, 3, "L5 3 L6 4 > L6"},
		{6, 4, "nothing"}, {5, 4, "nothing"}, {-1, 4, "nothing"}, {9, 4, "nothing"},
	} {
		expect(t, p.PickFile(v, nil, nil, c.level, c.number), c.want)
	}
}

func TestCompactionKnowsWhatIsBelow(t *testing.T) {
	v := levels{4: {file(1, "a-m", 900)}, 5: {file(2, "x-z", 1)}, 6: {file(3, "b-d)", 10), file(4, "f-g", 10), file(5, "n-p", 9000)}}.make(t)
	c := (&Picker{Options: small}).PickFile(v, nil, nil, 4, 1)
	expect(t, c, "L4 1 > L5 trivial")
	if c.Bottommost || len(c.Grandparents) != 2 || c.Size() != 900 {
		t.Errorf("%v, %d grandparents, %d bytes", c, len(c.Grandparents), c.Size())
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": false, "d": true, "e": true, "g": false, "h": true} {
		if c.IsBaseFor([]byte(key)) != want {
			t.Errorf("IsBaseFor(%q) is not %v", key, want)
		}
	}
	for _, r := range []struct {
		lower, upper string
		want         bool
	}{{"a", "b", true}, {"a", "c", false}, {"d", "f", true}, {"d", "", false}, {"h", "m", true}, {"h", "", true}} {
		var upper []byte
		if r.upper != "" {
			upper = []byte(r.upper)
		}
		if c.IsBaseForRange([]byte(r.lower), upper) != r.want {
			t.Errorf("IsBaseForRange(%q, %q) is not %v", r.lower, r.upper, r.want)
		}
	}
	c = (&Picker{Options: small}).PickFile(v, nil, nil, 5, 2)
	if !c.Bottommost || !c.IsBaseFor([]byte("y")) || !c.IsBaseForRange(nil, nil) {
		t.Errorf("%v is not over nothing", c)
	}
}

func TestSplitPointsCutEvenly(t *testing.T) {
	l := levels{5: {file(1, "a-z", 100)}}
	for i := range 10 {
		k := string(rune('b' + 2*i))
		l[6] = append(l[6], file(uint64(i+11), k+"-"+k, 100))
	}
	c := (&Picker{Options: small}).PickFile(l.make(t), nil, nil, 5, 1)
	for n, want := range map[int]string{0: "", 1: "", 2: "l", 4: "h l r", 100: "b d f h j l n p r t"} {
		if got := keys(c.SplitPoints(n)); got != want {
			t.Errorf("SplitPoints(%d) = %q, want %q", n, got, want)
		}
	}
	one := (&Picker{Options: small}).PickFile(levels{5: {file(1, "a-z", 100)}}.make(t), nil, nil, 5, 1)
	if got := one.SplitPoints(4); len(got) != 0 {
		t.Errorf("one table is split at %q", got)
	}
}

func TestCompactionsPrint(t *testing.T) {
	v := levels{5: {file(1, "a-c)", 500)}, 6: {file(2, "b-d", 50)}}.make(t)
	c := (&Picker{Options: small}).Pick(v, nil, nil)
	if got, want := c.String(), `level size: L5 1 L6 2 -> L6 ["a", "d"] bottommost`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for r := Reason(0); r <= Reads+1; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no name", r)
		}
	}
}
