package version_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/version"
)

// memory returns a map in memory, and its main branch.
func memory() (*version.Map[string, int], *version.Branch[string, int]) {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	m, err := version.Open[string, int](version.OnStore(store, 1<<40, kv.Sync), nil)
	if err != nil {
		log.Fatal(err)
	}
	main, err := m.Main()
	if err != nil {
		log.Fatal(err)
	}
	return m, main
}

// commit commits entries.
func commit(b *version.Branch[string, int], message string, entries map[string]int) version.CommitID {
	var e version.Edits[string, int]
	e.PutAll(maps.All(entries))
	id, err := b.CommitEdits(&e, message, nil)
	if err != nil {
		log.Fatal(err)
	}
	return id
}

func ExampleMap() {
	m, main := memory()
	if err := main.Put("apples", 3); err != nil {
		log.Fatal(err)
	}
	first, err := main.Commit("Count apples", nil)
	if err != nil {
		log.Fatal(err)
	}
	second := commit(main, "Count again", map[string]int{"apples": 5, "pears": 2})
	for _, id := range []version.CommitID{first, second} {
		st, err := m.At(id)
		if err != nil {
			log.Fatal(err)
		}
		n, _, err := st.Get("apples")
		fmt.Println(st.Commit().Message, n, err)
	}
	// Output:
	// Count apples 3 <nil>
	// Count again 5 <nil>
}

func ExampleBranch() {
	_, main := memory()
	commit(main, "Base", map[string]int{"n": 1})
	feature, err := main.Fork("feature")
	if err != nil {
		log.Fatal(err)
	}
	if err := feature.Put("n", 2); err != nil {
		log.Fatal(err)
	}
	dirty, err := feature.Dirty()
	fmt.Println("uncommitted:", dirty, err)
	_, err = feature.Commit("Change n", nil)
	onMain, _, _ := main.Get("n")
	onFeature, _, _ := feature.Get("n")
	fmt.Println(onMain, onFeature, err)
	res, err := main.Merge(feature, nil)
	n, _, _ := main.Get("n")
	fmt.Println(res.Kind, n, err)
	// Output:
	// uncommitted: true <nil>
	// 1 2 <nil>
	// merged 2 <nil>
}

func ExampleState() {
	m, main := memory()
	id := commit(main, "Fruit", map[string]int{"apple": 1, "banana": 2, "cherry": 3})
	commit(main, "Less", map[string]int{"apple": 0})
	st, err := m.At(id)
	if err != nil {
		log.Fatal(err)
	}
	rank, err := st.Rank("banana")
	k, v, _, err2 := st.Select(2)
	fmt.Println(st.Len(), rank, k, v, errors.Join(err, err2))
	// Output: 3 1 cherry 3 <nil>
}

func ExampleCursor() {
	_, main := memory()
	commit(main, "Fruit", map[string]int{"apple": 1, "avocado": 2, "banana": 3})
	c := main.Prefix("a").Backward()
	for k, v := range c.All() {
		fmt.Println(k, v)
	}
	fmt.Println(c.Err())
	// Output:
	// avocado 2
	// apple 1
	// <nil>
}

func ExampleEdits() {
	_, main := memory()
	var e version.Edits[string, int]
	e.Put("a", 1)
	e.Put("b", 2)
	e.Delete("a")
	fmt.Println(main.Apply(&e))
	n, err := main.Len()
	fmt.Println(n, err)
	// Output:
	// <nil>
	// 1 <nil>
}

func ExampleLog() {
	_, main := memory()
	for i := range 3 {
		commit(main, fmt.Sprint("Step ", i), map[string]int{"i": i})
	}
	l := main.Log(true).Limit(2)
	for c := range l.All() {
		fmt.Println(c.ID, c.Message, c.Parents)
	}
	fmt.Println(l.Err())
	// Output:
	// 3 Step 2 [2]
	// 2 Step 1 [1]
	// <nil>
}

func ExampleDiff() {
	m, main := memory()
	a := commit(main, "One", map[string]int{"kept": 1, "changed": 1})
	b := commit(main, "Two", map[string]int{"changed": 2, "new": 2})
	d := m.Diff(a, b)
	for x := range d.All() {
		fmt.Println(x.Key, x.InOld, x.Old, x.InNew, x.New)
	}
	fmt.Println(d.Err())
	// Output:
	// changed true 1 true 2
	// new false 0 true 2
	// <nil>
}

func ExampleHistory() {
	_, main := memory()
	commit(main, "Born", map[string]int{"k": 1})
	commit(main, "Elsewhere", map[string]int{"other": 1})
	commit(main, "Changed", map[string]int{"k": 2})
	h := main.History("k")
	for v := range h.All() {
		fmt.Println(v.Info.Message, v.Value)
	}
	fmt.Println(h.Err())
	// Output:
	// Changed 2
	// Born 1
	// <nil>
}

func ExampleMergeOptions() {
	_, main := memory()
	commit(main, "Base", map[string]int{"visits": 10})
	side, err := main.Fork("side")
	if err != nil {
		log.Fatal(err)
	}
	commit(main, "+1", map[string]int{"visits": 11})
	commit(side, "+5", map[string]int{"visits": 15})
	res, err := main.Merge(side, &version.MergeOptions[string, int]{Resolve: version.Counter[string, int]})
	n, _, _ := main.Get("visits")
	fmt.Println(res.Conflicts, n, err)
	// Output: 1 16 <nil>
}

func ExampleConflict() {
	_, main := memory()
	commit(main, "Base", map[string]int{"n": 1})
	side, err := main.Fork("side")
	if err != nil {
		log.Fatal(err)
	}
	commit(main, "Ours", map[string]int{"n": 2})
	commit(side, "Theirs", map[string]int{"n": 3})
	list, err := main.Conflicts(side)
	for _, c := range list {
		fmt.Println(c.Key, c.Base, c.Source, c.Target)
	}
	fmt.Println(err)
	// Output:
	// n 1 3 2
	// <nil>
}

func ExampleRetention() {
	m, main := memory()
	for i := range 10 {
		commit(main, "Step", map[string]int{"i": i})
	}
	forgotten, err := m.Truncate(version.Retention{Last: 3})
	fmt.Println(forgotten, err)
	l := main.Log(true)
	n := 0
	for range l.All() {
		n++
	}
	fmt.Println(n, l.Err())
	// Output:
	// 7 <nil>
	// 3 <nil>
}

func ExampleTag() {
	m, main := memory()
	id := commit(main, "Release", map[string]int{"version": 1})
	fmt.Println(m.Tag("v1.0", id, "the first"))
	tag, err := m.TagNamed("v1.0")
	fmt.Println(tag.Commit == id, tag.Message, err)
	// Output:
	// <nil>
	// true the first <nil>
}

func ExampleLost() {
	m, main := memory()
	first := commit(main, "Good", map[string]int{"n": 1})
	commit(main, "Also good", map[string]int{"n": 2})
	if err := main.Rollback(first); err != nil {
		log.Fatal(err)
	}
	lost, err := m.Reflog()
	if err != nil {
		log.Fatal(err)
	}
	back, err := m.CreateBranch("back", lost[0].Old)
	if err != nil {
		log.Fatal(err)
	}
	n, _, err := back.Get("n")
	fmt.Println(lost[0].What, n, err)
	// Output: rollback 2 <nil>
}

func ExampleCommitOptions() {
	m, main := memory()
	if err := main.Put("n", 1); err != nil {
		log.Fatal(err)
	}
	id, err := main.Commit("Signed", &version.CommitOptions{
		Author: "Ada", Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Meta: map[string]string{"ticket": "17"},
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.Commit(id)
	fmt.Println(c.Author, c.Time.Year(), c.Meta["ticket"], err)
	// Output: Ada 2026 17 <nil>
}

func ExampleVerify() {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	m, err := version.Open[string, int](version.OnStore(store, 1<<40, kv.Sync), nil)
	if err != nil {
		log.Fatal(err)
	}
	main, err := m.Main()
	if err != nil {
		log.Fatal(err)
	}
	commit(main, "One", map[string]int{"n": 1})
	snap, err := store.Snapshot(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer snap.Close()
	report, err := version.Verify(context.Background(), snap, 1<<40)
	fmt.Println(report.Commits, report.Nodes, err)
	// Output: 1 1 <nil>
}

func ExampleTree() {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	batch := kv.NewIndexedBatch(store, kv.Mergers{})
	tree := version.NewTree(batch, 1<<40, version.NewCache(0), version.Secret{1})
	one, err := tree.Change(batch, 1).Insert(version.Root{}, []byte("a"), []byte("1"))
	if err != nil {
		log.Fatal(err)
	}
	two, err := tree.Change(batch, 2).Insert(one, []byte("a"), []byte("2"))
	if err != nil {
		log.Fatal(err)
	}
	old, _, err := tree.Get(one, []byte("a"))
	now, _, err2 := tree.Get(two, []byte("a"))
	fmt.Printf("%s %s %v\n", old, now, errors.Join(err, err2))
	// Output: 1 2 <nil>
}

func ExampleTreeCursor() {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	batch := kv.NewIndexedBatch(store, kv.Mergers{})
	tree := version.NewTree(batch, 1<<40, version.NewCache(0), version.Secret{1})
	root, err := tree.Change(batch, 1).Apply(version.Root{}, []version.Edit{{Key: []byte("a")}, {Key: []byte("c")}})
	if err != nil {
		log.Fatal(err)
	}
	c := tree.Cursor(root)
	fmt.Println(c.SeekGE([]byte("b")), string(c.Key()), c.Prev(), string(c.Key()), c.Err())
	// Output: true c true a <nil>
}

func ExampleChange() {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	batch := kv.NewIndexedBatch(store, kv.Mergers{})
	tree := version.NewTree(batch, 1<<40, version.NewCache(0), version.Secret{1})
	root, err := tree.Change(batch, 1).Apply(version.Root{}, []version.Edit{{Key: []byte("a")}, {Key: []byte("b")}})
	if err != nil {
		log.Fatal(err)
	}
	change := tree.Change(batch, 2)
	next, err := change.Remove(root, []byte("a"))
	fmt.Println(root.Count, next.Count, change.Dead, err)
	// Output: 2 1 [1.1] <nil>
}

func ExampleHome() {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	m, err := version.Open[string, int](version.OnStore(store, 1<<40, kv.Sync), nil)
	if err != nil {
		log.Fatal(err)
	}
	// Two branches change in one transaction, or neither does.
	err = kv.Update(context.Background(), store, kv.WriteOptions{}, func(t *kv.Txn) error {
		in := m.In(version.InTxn(t, 1<<40))
		main, err := in.Main()
		if err != nil {
			return err
		}
		side, err := main.Fork("side")
		return errors.Join(err, main.Put("n", 1), side.Put("n", 2))
	})
	list, err2 := m.Branches()
	fmt.Println(len(list), errors.Join(err, err2))
	// Output: 2 <nil>
}

func ExampleFeed() {
	_, main := memory()
	first := commit(main, "One", map[string]int{"n": 1})
	second := commit(main, "Two", map[string]int{"n": 2})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	feed := main.Follow(ctx, first)
	for move := range feed.All() {
		d := move.Diff()
		for x := range d.All() {
			fmt.Println(move.To == second, x.Key, x.Old, x.New)
		}
		break // else the loop waits for the next move
	}
	fmt.Println(feed.Err())
	// Output:
	// true n 1 2
	// <nil>
}

func ExampleMap_Fetch() {
	origin, main := memory()
	commit(main, "One", map[string]int{"n": 1})
	// A connection between two processes would do as well.
	here, there := net.Pipe()
	go origin.Serve(there)
	clone, copied := memory()
	got, err := clone.Fetch(here, "")
	n, _, err2 := copied.Get("n")
	fmt.Println(got.Commits, n, errors.Join(err, err2))
	commit(copied, "Two", map[string]int{"n": 2})
	err = clone.Push(here)
	n, _, err2 = main.Get("n")
	fmt.Println(n, errors.Join(err, err2, here.Close()))
	// Output:
	// 1 1 <nil>
	// 2 <nil>
}

func ExamplePatch() {
	m, main := memory()
	a := commit(main, "One", map[string]int{"kept": 1, "changed": 1})
	b := commit(main, "Two", map[string]int{"changed": 2, "new": 2})
	var file bytes.Buffer
	n, err := m.WritePatch(&file, a, b)
	fmt.Println(n, err)

	// Another map, that has no history in common with the first.
	other, own := memory()
	commit(own, "Start", map[string]int{"changed": 1, "own": 7})
	p, err := other.ReadPatch(bytes.NewReader(file.Bytes()))
	if err != nil {
		log.Fatal(err)
	}
	for x := range p.All() {
		fmt.Println(x.Key, x.InOld, x.Old, x.InNew, x.New)
	}
	fmt.Println(p.Err())
	if p, err = other.ReadPatch(&file); err != nil {
		log.Fatal(err)
	}
	res, err := own.ApplyPatch(p, &version.MergeOptions[string, int]{Policy: version.Fail})
	v, _, err2 := own.Get("changed")
	fmt.Println(res.Kind, res.Changes, v, errors.Join(err, err2))
	// Output:
	// 2 <nil>
	// changed true 1 true 2
	// new false 0 true 2
	// <nil>
	// applied 2 2 <nil>
}

func ExampleBundleInfo() {
	m, main := memory()
	first := commit(main, "One", map[string]int{"n": 1})
	commit(main, "Two", map[string]int{"n": 2})
	var file bytes.Buffer
	if err := m.Bundle(&file, first); err != nil {
		log.Fatal(err)
	}
	info, err := version.InspectBundle(&file)
	if err != nil {
		log.Fatal(err)
	}
	// What it builds on is in m, which could read it.
	yes, err := m.Holds(info.Needs[0])
	fmt.Println(info.Commits, info.Branches[0].Name, len(info.Needs), yes, err)
	// Output: 1 main 1 true <nil>
}

func ExampleReceived() {
	m, main := memory()
	commit(main, "One", map[string]int{"n": 1})
	var file bytes.Buffer
	if err := m.Bundle(&file); err != nil {
		log.Fatal(err)
	}
	clone, _ := memory()
	got, err := clone.Unbundle(&file, "origin")
	fmt.Println(got.Commits, got.Branches[0].Name, err)
	// Output: 1 origin/main <nil>
}

func ExampleResolver() {
	_, main := memory()
	commit(main, "Base", map[string]int{"low": 1, "high": 1})
	side, err := main.Fork("side")
	if err != nil {
		log.Fatal(err)
	}
	commit(main, "Ours", map[string]int{"low": 2, "high": 20})
	commit(side, "Theirs", map[string]int{"low": 3, "high": 30})
	_, err = main.Merge(side, &version.MergeOptions[string, int]{Resolve: func(c version.Conflict[string, int]) (version.Decision[int], error) {
		if c.Key == "high" {
			return version.Keep(max(c.Source, c.Target) + 1), nil
		}
		return version.TakeTarget[int](), nil
	}})
	low, _, _ := main.Get("low")
	high, _, _ := main.Get("high")
	fmt.Println(low, high, err)
	// Output: 2 31 <nil>
}

func ExampleConflictsError() {
	_, main := memory()
	commit(main, "Base", map[string]int{"n": 1})
	side, err := main.Fork("side")
	if err != nil {
		log.Fatal(err)
	}
	commit(main, "Ours", map[string]int{"n": 2})
	commit(side, "Theirs", map[string]int{"n": 3})
	_, err = main.Merge(side, &version.MergeOptions[string, int]{Policy: version.Fail})
	var conflicts *version.ConflictsError
	fmt.Println(errors.As(err, &conflicts) && conflicts.Count == 1, errors.Is(err, version.ErrConflicts))
	// Output: true true
}

func ExampleMergeResult() {
	_, main := memory()
	commit(main, "Base", map[string]int{"n": 1})
	side, err := main.Fork("side")
	if err != nil {
		log.Fatal(err)
	}
	commit(side, "More", map[string]int{"n": 2})
	res, err := main.Merge(side, &version.MergeOptions[string, int]{FastForward: version.WhenPossible})
	fmt.Println(res.Kind, res.Commit, err)
	res, err = main.Merge(side, nil)
	fmt.Println(res.Kind, res.Commit, err)
	// Output:
	// fast-forwarded 2 <nil>
	// up to date 2 <nil>
}

func ExampleVersion() {
	_, main := memory()
	commit(main, "Born", map[string]int{"k": 1})
	commit(main, "Elsewhere", map[string]int{"other": 1})
	v, ok, err := main.Blame("k")
	fmt.Println(v.Info.Message, v.Value, ok, err)
	// Output: Born 1 true <nil>
}

func ExampleOptions() {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	// Maps of one store share a cache.
	opt := &version.Options{Cache: version.NewCache(1 << 20), Now: func() time.Time { return time.Unix(0, 0) }}
	m, err := version.Open[string, int](version.OnStore(store, 1<<40, kv.Sync), opt)
	if err != nil {
		log.Fatal(err)
	}
	main, err := m.Main()
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.Commit(commit(main, "One", map[string]int{"n": 1}))
	fmt.Println(c.Time.Year(), err)
	// Output: 1970 <nil>
}

func ExampleRoot() {
	store, err := ref.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	batch := kv.NewIndexedBatch(store, kv.Mergers{})
	tree := version.NewTree(batch, 1<<40, version.NewCache(0), version.Secret{1})
	a, err := tree.Change(batch, 1).Insert(version.Root{}, []byte("a"), []byte("1"))
	if err != nil {
		log.Fatal(err)
	}
	b, err := tree.Change(batch, 2).Insert(version.Root{}, []byte("a"), []byte("1"))
	// Different nodes that hold the same: the fingerprints tell.
	fmt.Println(a.Node, b.Node, a.Count == b.Count && a.Sum == b.Sum, err)
	// Output: 1.1 2.1 true <nil>
}
