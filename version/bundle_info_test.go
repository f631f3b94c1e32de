package version

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
)

func TestABundleTellsWhatIsInIt(t *testing.T) {
	m, main := newMap[string, string](t)
	first := put(t, main, "a", "1")
	put(t, main, "a", "2", "b", "2")
	check(t, main.Rename("trunk"))
	side := must(main.Fork("side"))(t)
	put(t, side, "c", "3")
	check(t, m.Tag("v1", first, "a tag"))
	global := func(id CommitID) GlobalID { return must(m.Commit(id))(t).Global }
	heads := []NamedCommit{{"trunk", global(2)}, {"side", global(3)}}

	var whole, rest bytes.Buffer
	check(t, m.Bundle(&whole))
	check(t, m.Bundle(&rest, first))
	info := must(InspectBundle(bytes.NewReader(whole.Bytes())))(t)
	if info.Commits != 3 || info.Edits != 4 || len(info.Needs) != 0 || info.Main != "trunk" || !slices.Equal(info.Branches, heads) {
		t.Fatal(info)
	}
	if !slices.Equal(info.Tags, []NamedCommit{{"v1", global(first)}}) || string(info.Keys) != m.shapes()[0] || string(info.Values) != m.shapes()[1] {
		t.Fatal(info)
	}
	info = must(InspectBundle(bytes.NewReader(rest.Bytes())))(t)
	if info.Commits != 2 || info.Edits != 3 || !slices.Equal(info.Needs, []GlobalID{global(first)}) {
		t.Fatal(info)
	}

	clone, copied := newMap[string, string](t)
	if yes := must(clone.Holds(info.Needs[0]))(t); yes {
		t.Fatal("it holds what it never got")
	}
	if _, err := clone.Unbundle(&rest, ""); !errors.Is(err, ErrNoCommit) {
		t.Fatal(err)
	}
	// The main branch of a clone is the one that is it where it comes from.
	got := must(clone.Unbundle(bytes.NewReader(whole.Bytes()), ""))(t)
	if name := must(copied.Name())(t); name != "trunk" || len(got.Branches) != 2 || !got.Branches[0].Main || got.Branches[1].Main {
		t.Fatal(name, got)
	}
	if yes := must(clone.Holds(info.Needs[0]))(t); !yes {
		t.Fatal("it does not hold what it got")
	}
	for i := range whole.Bytes() {
		bad := bytes.Clone(whole.Bytes())
		bad[i] ^= 1 << (i % 8)
		var damage *kv.CorruptionError
		if _, err := InspectBundle(bytes.NewReader(bad)); !errors.As(err, &damage) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := InspectBundle(bytes.NewReader(bad[:i])); err == nil {
			t.Fatal("cut at", i)
		}
	}
}

// A map that was never written has no secret to hand on.
func TestACloneOfAnUntouchedMapCanGrow(t *testing.T) {
	origin, main := newMap[string, string](t)
	clone, _ := newMap[string, string](t)
	must(clone.Fetch(served(t, origin), ""))(t)
	for i := range 2 {
		put(t, main, "k", fmt.Sprint(i))
		must(clone.Fetch(served(t, origin), ""))(t)
		sameHistory(t, origin, clone)
	}
}
