package version

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/varvedb/varve/kv"
)

func newMap[K, V any](t testing.TB) (*Map[K, V], *Branch[K, V]) {
	t.Helper()
	store := memory(t)
	m := must(Open[K, V](OnStore(store, testSpace, kv.Sync), nil))(t)
	t.Cleanup(func() {
		snap := must(store.Snapshot(ctx))(t)
		if _, err := Verify(ctx, snap, testSpace); err != nil {
			t.Error(err)
		}
		check(t, snap.Close())
	})
	return m, must(m.Main())(t)
}

// put commits entries given as key, value, key, value; "-" removes.
func put(t testing.TB, b *Branch[string, string], pairs ...string) CommitID {
	t.Helper()
	var e Edits[string, string]
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] == "-" {
			e.Delete(pair[0])
		} else {
			e.Put(pair[0], pair[1])
		}
	}
	return must(b.CommitEdits(&e, fmt.Sprint(pairs), nil))(t)
}

func want(t testing.TB, c *Cursor[string, string], pairs ...string) {
	t.Helper()
	m := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = pair[1]
	}
	if got := collect(t, c); !maps.Equal(got, m) {
		t.Fatalf("%v, expected %v", got, m)
	}
}

// clashing returns two branches that have changed a in different ways, and b and
// c on one side each.
func clashing(t testing.TB) (m *Map[string, string], main, side *Branch[string, string]) {
	m, main = newMap[string, string](t)
	put(t, main, "a", "0", "b", "0", "c", "0", "d", "0")
	side = must(main.Fork("side"))(t)
	put(t, main, "a", "main", "b", "main", "d", "-")
	put(t, side, "a", "side", "c", "side", "d", "side")
	return m, main, side
}

func TestPoliciesDecideConflicts(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   []string
	}{
		{SourceWins, []string{"a", "side", "b", "main", "c", "side", "d", "side"}},
		{TargetWins, []string{"a", "main", "b", "main", "c", "side"}},
	} {
		_, main, side := clashing(t)
		res := must(main.Merge(side, &MergeOptions[string, string]{Policy: c.policy}))(t)
		if res.Kind != Merged || res.Conflicts != 2 {
			t.Fatal(res)
		}
		want(t, main.All(), c.want...)
	}
	_, main, side := clashing(t)
	before := must(main.Head())(t)
	_, err := main.Merge(side, &MergeOptions[string, string]{Policy: Fail})
	var conflicts *ConflictsError
	if !errors.As(err, &conflicts) || conflicts.Count != 2 || !errors.Is(err, ErrConflicts) || must(main.Head())(t) != before {
		t.Fatal(err)
	}
}

func TestAResolverDecidesKeyByKey(t *testing.T) {
	_, main, side := clashing(t)
	list := must(main.Conflicts(side))(t)
	if len(list) != 2 || list[0].Key != "a" || list[0].Base != "0" || list[1].Key != "d" || list[1].InTarget {
		t.Fatal(list)
	}
	preview := must(main.Preview(side, nil))(t)
	if preview.Kind != Merged || preview.Commit != 0 || preview.Changes != 3 || preview.Conflicts != 2 {
		t.Fatal(preview)
	}
	must(main.Merge(side, &MergeOptions[string, string]{
		Policy: Fail,
		Resolve: func(c Conflict[string, string]) (Decision[string], error) {
			if c.Key == "a" {
				return Keep(c.Source + "+" + c.Target), nil
			}
			return Drop[string](), nil
		},
	}))(t)
	want(t, main.All(), "a", "side+main", "b", "main", "c", "side")
	v, ok, err := main.Blame("a")
	if head := must(main.Head())(t); v.Commit != head || !ok || err != nil {
		t.Fatal("what a resolver makes is the merge's", v, ok, err)
	}
}

func TestTypedMerges(t *testing.T) {
	m, main := newMap[string, int](t)
	check(t, main.Put("n", 10))
	must(main.Commit("base", nil))(t)
	side := must(main.Fork("side"))(t)
	check(t, errors.Join(main.Put("n", 13), side.Put("n", 15)))
	must(main.Commit("+3", nil))(t)
	must(side.Commit("+5", nil))(t)
	for _, c := range []struct {
		resolve Resolver[string, int]
		want    int
	}{
		{Counter[string, int], 18}, {Max[string, int], 15}, {Min[string, int], 13},
		{LastWriter[string, int](func(a, b int) bool { return a < b }), 13},
	} {
		try := must(main.Fork(fmt.Sprint("try", len(must(m.Branches())(t)))))(t)
		must(try.Merge(side, &MergeOptions[string, int]{Resolve: c.resolve}))(t)
		if v, _, err := try.Get("n"); v != c.want || err != nil {
			t.Fatal(v, c.want, err)
		}
	}
	type set = map[string]struct{}
	of := func(list ...string) set {
		s := set{}
		for _, e := range list {
			s[e] = struct{}{}
		}
		return s
	}
	d, err := SetUnion(Conflict[string, set]{Base: of("a", "b"), Source: of("b", "s"), Target: of("a", "b", "t")})
	if err != nil || !maps.Equal(d.value, of("b", "s", "t")) {
		t.Fatal(d, err)
	}
}

// TestCrossedHistories merges two branches each into the other, so that there
// are two best common ancestors, and then again.
func TestCrossedHistories(t *testing.T) {
	m, main := newMap[string, string](t)
	put(t, main, "x", "0", "y", "0")
	side := must(main.Fork("side"))(t)
	one := put(t, main, "x", "main")
	two := put(t, side, "x", "side", "y", "side")
	old := must(m.CreateBranch("old", one))(t)
	// Each side takes its own x, so that the bases do not agree on it.
	must(main.Merge(side, &MergeOptions[string, string]{Policy: TargetWins}))(t)
	must(side.Merge(old, &MergeOptions[string, string]{Policy: TargetWins}))(t)
	a, b := must(main.Head())(t), must(side.Head())(t)
	if bases := must(m.MergeBases(a, b))(t); !slices.Equal(bases, []CommitID{two, one}) {
		t.Fatal(bases)
	}
	want(t, main.All(), "x", "main", "y", "side")
	want(t, side.All(), "x", "side", "y", "side")
	if list := must(main.Conflicts(side))(t); len(list) != 1 || list[0].Key != "x" {
		t.Fatal(list)
	}
	res := must(main.Merge(side, nil))(t)
	if res.Conflicts != 1 || len(res.Bases) != 2 {
		t.Fatal(res)
	}
	want(t, main.All(), "x", "side", "y", "side")
}

func TestFastForwardIsAChoice(t *testing.T) {
	_, main := newMap[string, string](t)
	put(t, main, "a", "1")
	side := must(main.Fork("side"))(t)
	tip := put(t, side, "a", "2")
	if _, err := main.Merge(main, nil); !errors.Is(err, ErrSame) {
		t.Fatal(err)
	}
	never := must(main.Fork("never"))(t)
	res := must(never.Merge(side, nil))(t)
	if res.Kind != Merged || res.Commit == tip {
		t.Fatal(res)
	}
	res = must(main.Merge(side, &MergeOptions[string, string]{FastForward: Only}))(t)
	if res.Kind != FastForwarded || res.Commit != tip || res.Changes != 1 {
		t.Fatal(res)
	}
	if res = must(main.Merge(side, nil))(t); res.Kind != UpToDate || res.Commit != tip {
		t.Fatal(res)
	}
	put(t, main, "b", "1")
	put(t, side, "c", "1")
	if _, err := main.Merge(side, &MergeOptions[string, string]{FastForward: Only}); !errors.Is(err, ErrDiverged) {
		t.Fatal(err)
	}
}

func TestAMergeSharesItsNodes(t *testing.T) {
	_, main := newMap[string, string](t)
	var e Edits[string, string]
	for i := range 20_000 {
		e.Put(fmt.Sprintf("%06d", i), "value")
	}
	must(main.CommitEdits(&e, "all", nil))(t)
	side := must(main.Fork("side"))(t)
	put(t, side, "000100", "side")
	put(t, main, "019000", "main")
	must(main.Merge(side, nil))(t)
	check(t, main.m.update(func(s *session) error {
		report, err := Verify(ctx, s.r, testSpace)
		b, err2 := s.branch(1)
		all := 0
		err3 := s.Check(b.root, func(NodeID) bool { all++; return true })
		if extra := report.Nodes - all; extra > 4*int(b.root.Height+1) {
			t.Errorf("%d nodes beside the %d of the head", extra, all)
		}
		return errors.Join(err, err2, err3)
	}))
}

func TestTheHeadCanBeCompared(t *testing.T) {
	_, main := newMap[string, string](t)
	first := put(t, main, "a", "1")
	put(t, main, "a", "2")
	check(t, main.Put("a", "3"))
	if _, err := main.Commit("late", &CommitOptions{Head: first}); !errors.Is(err, ErrMoved) {
		t.Fatal(err)
	}
	head := must(main.Commit("in time", &CommitOptions{Head: must(main.Head())(t)}))(t)
	late := &MergeOptions[string, string]{CommitOptions: CommitOptions{Head: first}}
	if err := main.Rebase(first, late); !errors.Is(err, ErrMoved) {
		t.Fatal(err)
	}
	if _, err := main.Revert(head, late); !errors.Is(err, ErrMoved) {
		t.Fatal(err)
	}
}

func TestACommitTellsWhatItWasGiven(t *testing.T) {
	m, main := newMap[string, string](t)
	if _, err := main.Commit("nothing", nil); !errors.Is(err, ErrUnchanged) {
		t.Fatal(err)
	}
	at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)
	id := must(main.Commit("empty", &CommitOptions{AllowEmpty: true, Author: "A", Time: at, Meta: map[string]string{"k": "v", "a": ""}}))(t)
	c := must(m.Commit(id))(t)
	if c.Message != "empty" || c.Author != "A" || !c.Time.Equal(at) || c.Meta["k"] != "v" || len(c.Meta) != 2 || c.Len() != 0 {
		t.Fatal(c)
	}
}

func TestBranchesAndTagsHaveNames(t *testing.T) {
	m, main := newMap[string, string](t)
	one := put(t, main, "a", "1")
	side := must(main.Fork("side"))(t)
	for name, target := range map[string]error{"": ErrName, "a\x00": ErrName, "main": ErrExists} {
		_, err := main.Fork(name)
		if !errors.Is(err, target) || !errors.Is(side.Rename(name), target) {
			t.Fatalf("%q: %v", name, err)
		}
	}
	check(t, side.Rename("other"))
	if _, err := m.Branch("side"); !errors.Is(err, ErrNoBranch) {
		t.Fatal(err)
	}
	if b := must(m.Branch("other"))(t); b.ID() != side.ID() {
		t.Fatal("another branch")
	}
	if err := main.Remove(); !errors.Is(err, ErrMain) {
		t.Fatal(err)
	}
	check(t, side.MakeMain())
	check(t, main.Remove())
	if _, err := main.Head(); !errors.Is(err, ErrNoBranch) {
		t.Fatal(err)
	}
	check(t, m.Tag("v1", one, "first"))
	if err := m.Tag("v1", one, ""); !errors.Is(err, ErrExists) {
		t.Fatal(err)
	}
	if tag := must(m.TagNamed("v1"))(t); tag.Commit != one || tag.Message != "first" {
		t.Fatal(tag)
	}
	check(t, m.DeleteTag("v1"))
	if err := m.DeleteTag("v1"); !errors.Is(err, ErrNoTag) {
		t.Fatal(err)
	}
}

func TestALostHeadComesBackFromTheReflog(t *testing.T) {
	m, main := newMap[string, string](t)
	one := put(t, main, "a", "1")
	side := must(main.Fork("side"))(t)
	lost := put(t, side, "a", "2")
	check(t, side.Remove())
	list := must(m.Reflog())(t)
	if len(list) != 1 || list[0].Old != lost || list[0].Name != "side" || list[0].What != "delete" {
		t.Fatal(list)
	}
	back := must(m.CreateBranch("back", list[0].Old))(t)
	want(t, back.All(), "a", "2")
	check(t, m.KeepReflog(0))
	check(t, back.Rollback(one))
	if _, err := m.Commit(lost); !errors.Is(err, ErrNoCommit) {
		t.Fatal(err)
	}
}

func TestAsOfFindsTheStateOfATime(t *testing.T) {
	_, main := newMap[string, string](t)
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	for d := 1; d <= 5; d++ {
		check(t, main.Put("day", fmt.Sprint(d)))
		must(main.Commit("a day", &CommitOptions{Time: day(d)}))(t)
	}
	want(t, must(main.AsOf(day(3).Add(time.Hour)))(t).All(), "day", "3")
	if _, err := main.AsOf(day(1).Add(-1)); !errors.Is(err, ErrNoCommit) {
		t.Fatal(err)
	}
}

func TestLogsAndDistances(t *testing.T) {
	m, main := newMap[string, string](t)
	one := put(t, main, "a", "1")
	side := must(main.Fork("side"))(t)
	two := put(t, main, "a", "2")
	three := put(t, side, "b", "3")
	merge := must(main.Merge(side, nil))(t).Commit
	ids := func(l *Log) (list []CommitID) {
		for c := range l.All() {
			list = append(list, c.ID)
		}
		check(t, l.Err())
		return list
	}
	if got := ids(main.Log(false)); !slices.Equal(got, []CommitID{merge, three, two, one}) {
		t.Fatal(got)
	}
	if got := ids(main.Log(true)); !slices.Equal(got, []CommitID{merge, two, one}) {
		t.Fatal(got)
	}
	if n, ok, err := m.Distance(merge, one); n != 2 || !ok || err != nil {
		t.Fatal(n, ok, err)
	}
	if _, ok, err := m.Distance(merge, three); ok || err != nil {
		t.Fatal(ok, err)
	}
	if ahead, behind, err := m.AheadBehind(two, three); ahead != 1 || behind != 1 || err != nil {
		t.Fatal(ahead, behind, err)
	}
	if yes := must(m.IsAncestor(three, merge))(t); !yes {
		t.Fatal("not an ancestor")
	}
}

func TestALoadIsACommit(t *testing.T) {
	_, main := newMap[uint64, string](t)
	id := must(main.Load(func(yield func(uint64, string) bool) {
		for i := range uint64(5000) {
			if !yield(i, fmt.Sprint(i)) {
				return
			}
		}
	}, "load", nil))(t)
	if n, err := main.Len(); n != 5000 || err != nil {
		t.Fatal(n, err)
	}
	if head := must(main.Head())(t); head != id {
		t.Fatal(head)
	}
	if _, err := main.Load(func(func(uint64, string) bool) {}, "again", nil); !errors.Is(err, ErrExists) {
		t.Fatal(err)
	}
}

func TestAMergeMadeByHandIsRecorded(t *testing.T) {
	m, main := newMap[string, string](t)
	put(t, main, "a", "1", "b", "1")
	side := must(main.Fork("side"))(t)
	theirs := put(t, side, "a", "2")
	ours := put(t, main, "b", "2")
	var e Edits[string, string]
	e.Put("a", "2")
	e.Put("c", "by hand")
	id := must(main.CommitEdits(&e, "by hand", &CommitOptions{Merged: []CommitID{theirs}}))(t)
	c := must(m.Commit(id))(t)
	if !slices.Equal(c.Parents, []CommitID{ours, theirs}) {
		t.Fatal(c.Parents)
	}
	if v, _, err := main.Blame("a"); v.Commit != theirs || err != nil {
		t.Fatal(v, err)
	}
	if res := must(main.Merge(side, nil))(t); res.Kind != UpToDate {
		t.Fatal(res)
	}
	check(t, side.Remove())
	must(m.Truncate(Retention{Last: 1}))(t)
}

func TestFollowersSeeEachMoveWithItsDiff(t *testing.T) {
	_, main := newMap[string, string](t)
	one := put(t, main, "a", "1")
	follow, stop := context.WithCancel(ctx)
	defer stop()
	feed := main.Follow(follow, 0)
	var got []string
	for mv := range feed.All() {
		d := mv.Diff()
		for x := range d.All() {
			got = append(got, fmt.Sprint(mv.From, "→", mv.To, " ", x.Key, "=", x.New))
		}
		check(t, d.Err())
		switch len(got) {
		case 1:
			go func() { put(t, main, "a", "2") }()
		case 2:
			check(t, main.Rollback(one))
		case 3:
			stop()
		}
	}
	if want := []string{"0→1 a=1", "1→2 a=2", "2→1 a=1"}; !slices.Equal(got, want) || feed.Err() != nil {
		t.Fatal(got, feed.Err())
	}
	side := must(main.Fork("side"))(t)
	check(t, side.Remove())
	gone := side.Follow(ctx, 0)
	for range gone.All() {
		t.Fatal("a branch that is not there moves")
	}
	if !errors.Is(gone.Err(), ErrNoBranch) {
		t.Fatal(gone.Err())
	}
}

func TestKeysAreAsLongAsRowsCanBe(t *testing.T) {
	_, main := newMap[string, string](t)
	long := strings.Repeat("k", MaxKey-2) // two bytes are the encoding's
	put(t, main, long, "1")
	check(t, main.Delete(long))
	must(main.Commit("removed", nil))(t)
	var e Edits[string, string]
	e.Put(long+"k", "1")
	if _, err := main.CommitEdits(&e, "too long", nil); !errors.Is(err, kv.ErrTooLarge) {
		t.Fatal(err)
	}
	if err := main.Apply(&e); !errors.Is(err, kv.ErrTooLarge) {
		t.Fatal(err)
	}
}
