package version

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/varvedb/varve/kv"
)

// The fixture is a map with branches, a merge, a tag, lost heads, ghosts, a
// collapsed commit, large values and uncommitted edits, as the first version of
// the format wrote it. It is read forever. VARVE_FIXTURE=write makes a new one.
const fixture = "testdata/format1.backup"

func fixtureMap(t *testing.T, store kv.Store) *Map[string, string] {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	opt := &Options{Now: func() time.Time { clock = clock.Add(time.Hour); return clock }}
	return must(Open[string, string](OnStore(store, testSpace, kv.Sync), opt))(t)
}

func writeFixture(t *testing.T) {
	store := memory(t)
	m := fixtureMap(t, store)
	main := must(m.Main())(t)
	var e Edits[string, string]
	for i := range 300 {
		e.Put(fmt.Sprintf("key%04d", i), fmt.Sprint("value ", i))
	}
	e.Put("large", string(bytes.Repeat([]byte("x"), 2000)))
	must(main.CommitEdits(&e, "first", &CommitOptions{Author: "Fixture", Meta: map[string]string{"format": "1"}}))(t)
	side := must(main.Fork("side"))(t)
	put(t, side, "key0001", "side", "key0200", "-")
	put(t, main, "key0002", "main")
	must(main.Merge(side, nil))(t)
	check(t, m.Tag("merged", must(main.Head())(t), "a merge"))
	put(t, main, "key0003", "three")
	put(t, main, "key0004", "four")
	lost := must(main.Fork("lost"))(t)
	put(t, lost, "key0005", "lost")
	check(t, lost.Remove())
	must(m.Truncate(Retention{Last: 2}))(t)
	check(t, main.Put("uncommitted", "yes"))
	var out bytes.Buffer
	snap := must(store.Snapshot(ctx))(t)
	must(kv.Backup(ctx, snap, &out, nil))(t)
	check(t, snap.Close())
	check(t, os.MkdirAll("testdata", 0o755))
	check(t, os.WriteFile(fixture, out.Bytes(), 0o644))
}

// restoredFixture returns the map of the fixture.
func restoredFixture(t *testing.T) (kv.Store, *Map[string, string]) {
	t.Helper()
	f, err := os.Open(fixture)
	check(t, err)
	defer f.Close()
	store := memory(t)
	must(kv.Restore(ctx, store, f, nil))(t)
	return store, fixtureMap(t, store)
}

func TestTheFirstFormatIsRead(t *testing.T) {
	if os.Getenv("VARVE_FIXTURE") == "write" {
		writeFixture(t)
	}
	store, m := restoredFixture(t)
	main := must(m.Main())(t)
	for key, value := range map[string]string{"key0001": "side", "key0002": "main", "key0004": "four", "uncommitted": "yes"} {
		if v, ok, err := main.Get(key); v != value || !ok || err != nil {
			t.Fatal(key, v, ok, err)
		}
	}
	if v, _, err := main.Get("large"); len(v) != 2000 || err != nil {
		t.Fatal(len(v), err)
	}
	tag := must(m.TagNamed("merged"))(t)
	c := must(m.Commit(tag.Commit))(t)
	if c.Message != "Merge side into main" || len(c.Parents) != 2 || c.Len() != 300 {
		t.Fatal(c)
	}
	if got := history(t, &main.reader, "key0200"); !slices.Equal(got, []string{"2 gone", "1=value 200"}) {
		t.Fatal(got)
	}
	if list := must(m.Reflog())(t); len(list) != 1 || list[0].Name != "lost" {
		t.Fatal(list)
	}
	snap := must(store.Snapshot(ctx))(t)
	report := must(Verify(ctx, snap, testSpace))(t)
	check(t, snap.Close())
	if report.Staged != 1 || report.Lost != 1 {
		t.Fatal(report)
	}
	// And it can be written on.
	must(main.Commit("on", nil))(t)
	must(m.Truncate(Retention{}))(t)
}

// The streams of the first format: the history of the fixture as a bundle, and a
// patch from the empty map to its tag. VARVE_FIXTURE=streams makes new ones.
const (
	bundleFixture = "testdata/format1.bundle"
	patchFixture  = "testdata/format1.patch"
)

func TestTheFirstStreamsAreRead(t *testing.T) {
	_, m := restoredFixture(t)
	tag := must(m.TagNamed("merged"))(t)
	if os.Getenv("VARVE_FIXTURE") == "streams" {
		var bundle bytes.Buffer
		check(t, m.Bundle(&bundle))
		check(t, os.WriteFile(bundleFixture, bundle.Bytes(), 0o644))
		check(t, os.WriteFile(patchFixture, patchOf(t, m, 0, tag.Commit), 0o644))
	}
	want := collect(t, must(m.At(tag.Commit))(t).All())

	info := must(InspectBundle(bytes.NewReader(must(os.ReadFile(bundleFixture))(t))))(t)
	if info.Main != "main" || len(info.Needs) != 0 || len(info.Branches) != 2 || len(info.Tags) != 1 {
		t.Fatal(info)
	}
	clone, _ := newMap[string, string](t)
	must(clone.Unbundle(bytes.NewReader(must(os.ReadFile(bundleFixture))(t)), ""))(t)
	at := must(clone.TagNamed("merged"))(t).Commit
	if got := collect(t, must(clone.At(at))(t).All()); !maps.Equal(got, want) {
		t.Fatal("the bundle holds something else", len(got))
	}

	other, main := newMap[string, string](t)
	p := readPatch(t, other, must(os.ReadFile(patchFixture))(t))
	if p.From != (GlobalID{}) || p.To != must(clone.Commit(at))(t).Global {
		t.Fatal(p.From, p.To)
	}
	must(main.ApplyPatch(p, nil))(t)
	if got := collect(t, main.All()); !maps.Equal(got, want) {
		t.Fatal("the patch leads elsewhere", len(got))
	}
}
