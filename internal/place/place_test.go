package place_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

var layout = &place.Layout{
	Root:  "ROOT",
	Found: func(names []string) (bool, error) { return slices.Contains(names, "ROOT"), nil },
	Begun: func(name string) bool { return name == "ROOT.tmp" },
	Part:  func(name string) bool { return name == "1.log" },
}

func TestADirectoryIsEnteredOnlyForWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		names     []string
		mustExist bool
		mustBeNew bool
		want      error
		damaged   bool
	}{
		{names: nil},
		{names: []string{"ROOT", "1.log", "notes.txt"}},
		{names: []string{"ROOT.tmp", place.LockName}},
		{names: []string{"notes.txt"}, want: kv.ErrForeign},
		{names: []string{"1.log"}, damaged: true},
		{names: nil, mustExist: true, want: kv.ErrNotExist},
		{names: []string{"ROOT"}, mustBeNew: true, want: kv.ErrExist},
	} {
		fsys := vfs.NewMem()
		if err := vfs.MkdirDurable(fsys, "dir"); err != nil {
			t.Fatal(err)
		}
		for _, name := range c.names {
			if err := vfs.WriteFile(fsys, "dir", "dir/"+name, nil); err != nil {
				t.Fatal(err)
			}
		}
		p := &place.Place{Dir: "dir", FS: fsys, Executor: vfs.Go(), MustExist: c.mustExist, MustBeNew: c.mustBeNew}
		lock, found, err := p.Enter(context.Background(), layout)
		var damage *kv.CorruptionError
		if c.damaged != errors.As(err, &damage) || !c.damaged && !errors.Is(err, c.want) {
			t.Fatalf("%+v: %v", c, err)
		}
		if err != nil {
			continue
		}
		if found != slices.Contains(c.names, "ROOT") {
			t.Fatalf("%+v: found is %v", c, found)
		}
		if _, _, err := p.Enter(context.Background(), layout); !errors.Is(err, kv.ErrLocked) {
			t.Fatalf("a second writer: %v", err)
		}
		p.ReadOnly = true
		if second, err := p.EnterReadOnly(context.Background(), layout); second != nil || (err == nil) != (found && !c.mustBeNew) {
			t.Fatalf("a reader beside a writer: %v, %v", second, err)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestContradictionsAreNamed(t *testing.T) {
	for _, p := range []place.Place{
		{Dir: "d", MustExist: true, MustBeNew: true}, {Dir: "d", ReadOnly: true, MustBeNew: true}, {ReadOnly: true}, {LockTimeout: -1},
	} {
		p.Engine = "engine"
		if err := p.Validate(); err == nil || err.Error()[:8] != "engine: " {
			t.Fatalf("%+v: %v", p, err)
		}
	}
}
