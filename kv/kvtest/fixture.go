package kvtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// RunFixture opens a copy of the store in dir, as a release wrote it, checks its
// content and goes on with it: what an engine has once written is read forever.
// VARVE_FIXTURE=write writes a new one where there is none.
func RunFixture(t *testing.T, e Engine, dir string) {
	want := newContent()
	history := fixtureHistory()
	for _, batch := range history {
		for _, w := range batch {
			if err := want.do(w); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := os.Stat(dir); err != nil && os.Getenv("VARVE_FIXTURE") == "write" {
		writeFixture(t, e, dir, history)
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false, false} {
		store := openFixture(t, e, Env{Dir: copied, MustExist: true, ReadOnly: readOnly})
		if err := sameContent(store, want); err != nil {
			t.Error(err)
		}
		if err := verifyAll(store); err != nil {
			t.Error(err)
		}
		if !readOnly {
			goOn(t, store, want)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// fixtureHistory is batches with all that a store can be told.
func fixtureHistory() (batches [][]modelWrite) {
	for round := range 4 {
		var batch []modelWrite
		for i := range 150 {
			key := fmt.Sprintf("key%03d", i*(round+3)%400)
			batch = append(batch, modelWrite{kind: kv.OpPut, key: key, value: strings.Repeat(fmt.Sprint(round, ".", i, " "), 1+i%20)})
		}
		batch = append(batch,
			modelWrite{kind: kv.OpPut, key: fmt.Sprint("large", round), value: strings.Repeat(fmt.Sprint(round), 10_000)},
			modelWrite{kind: kv.OpPut, key: "\x00\xff", value: ""},
			modelWrite{kind: kv.OpDelete, key: fmt.Sprintf("key%03d", 3*round)},
			modelWrite{kind: kv.OpDeleteRange, key: fmt.Sprintf("key%d", round), end: fmt.Sprintf("key%d4", round)},
			modelWrite{kind: kv.OpMerge, key: "max", value: fmt.Sprint(round), merger: kv.MergeMax},
			modelWrite{kind: kv.OpPut, key: fmt.Sprintf("key%d2", round), value: "after the range"})
		batches = append(batches, batch)
	}
	return batches
}

// writeFixture leaves the last batch to the log.
func writeFixture(t *testing.T, e Engine, dir string, history [][]modelWrite) {
	store := openFixture(t, e, Env{Dir: dir, MustBeNew: true})
	for round, batch := range history {
		var b kv.Batch
		for _, w := range batch {
			w.enter(&b)
		}
		if _, err := store.Apply(t.Context(), &b, kv.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		var err error
		if f, ok := store.(kv.Flusher); ok && round < len(history)-1 {
			err = f.Flush(t.Context())
		}
		if c, ok := store.(kv.Compactor); ok && err == nil && round == 1 {
			err = c.Compact(t.Context(), kv.Span{}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func openFixture(t *testing.T, e Engine, env Env) kv.Store {
	env.FS, env.Executor = vfs.System(), vfs.Go()
	env.Dir = filepath.ToSlash(env.Dir)
	store, err := e.Open(t.Context(), env)
	if err != nil {
		t.Fatalf("read-only %v: %v", env.ReadOnly, err)
	}
	return store
}

// goOn writes what the next opening must find.
func goOn(t *testing.T, store kv.Store, want *content) {
	w := modelWrite{kind: kv.OpPut, key: fmt.Sprint("later", len(want.keys())), value: "written after"}
	var b kv.Batch
	w.enter(&b)
	if _, err := store.Apply(t.Context(), &b, kv.WriteOptions{}); err != nil {
		t.Error(err)
	}
	if f, ok := store.(kv.Flusher); ok {
		if err := f.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := want.do(w); err != nil {
		t.Error(err)
	}
}
