// Command versioned walks through a versioned map as vsdb's quick start does,
// statement for statement, and checks each result.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
)

func main() {
	dir, err := os.MkdirTemp("", "varve-example-")
	if err == nil {
		err = errors.Join(run(os.Stdout, dir), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, dir string) error {
	db, err := varve.Open(dir, nil)
	if err != nil {
		return err
	}
	m, err := varve.OpenVersionMap[uint32, string](db, "versioned")
	if err == nil {
		err = quickStart(out, m)
	}
	return errors.Join(err, db.Verify(context.Background(), nil), db.Close())
}

func quickStart(out io.Writer, m *varve.VersionMap[uint32, string]) error {
	main, err := m.Main()
	if err != nil {
		return err
	}
	// Work on main.
	if err := main.Put(1, "hello"); err != nil {
		return err
	}
	if _, err := main.Commit("First", nil); err != nil {
		return err
	}
	// A feature branch, on its own.
	feature, err := main.Fork("feature")
	if err != nil {
		return err
	}
	if err := feature.Put(1, "updated"); err != nil {
		return err
	}
	if _, err := feature.Commit("Update", nil); err != nil {
		return err
	}
	if err := errors.Join(expect(main, "main", "hello"), expect(feature, "feature", "updated")); err != nil {
		return err
	}
	fmt.Fprintln(out, "branches are isolated: main has hello, feature has updated")
	// Merge: no policy is named, so the source wins.
	if _, err := main.Merge(feature, nil); err != nil {
		return err
	}
	if err := expect(main, "main after the merge", "updated"); err != nil {
		return err
	}
	fmt.Fprintln(out, "merged: main has updated")
	return clean(out, m, feature)
}

// clean deletes the branch. What only it had goes by itself; here nothing does,
// as the merge descends from all that it committed.
func clean(out io.Writer, m *varve.VersionMap[uint32, string], feature *version.Branch[uint32, string]) error {
	if err := feature.Remove(); err != nil {
		return err
	}
	if _, err := feature.Head(); !errors.Is(err, version.ErrNoBranch) {
		return fmt.Errorf("the branch is still there: %w", err)
	}
	list, err := m.Branches()
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%d branches are left", len(list))
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "deleted: only main is left")
	return nil
}

func expect(b *version.Branch[uint32, string], what, want string) error {
	got, ok, err := b.Get(1)
	if err == nil && (!ok || got != want) {
		err = fmt.Errorf("%s: got %q, want %q", what, got, want)
	}
	return err
}
