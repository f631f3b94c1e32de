package varve_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// crashCase is an operation on the catalog or a collection that must happen
// wholly or not at all, whenever the power fails.
type crashCase struct {
	name string
	act  func(db *varve.DB) error
}

func crashCases() []crashCase {
	open := func(db *varve.DB, name string) *varve.OrderedMap[int, string] {
		m, err := varve.OpenOrderedMap[int, string](db, name, varve.Counted())
		if err != nil {
			return nil
		}
		return m
	}
	return []crashCase{
		{"create", func(db *varve.DB) error { _, err := varve.OpenList[string](db, "new"); return err }},
		{"rename", func(db *varve.DB) error { return db.Rename("a", "z") }},
		{"drop", func(db *varve.DB) error { return db.Drop("a") }},
		{"clear", func(db *varve.DB) error { return db.Clear("a") }},
		{"copy", func(db *varve.DB) error { return db.Copy(ctx, "a", db, "copy") }},
		{"counted put", func(db *varve.DB) error { return open(db, "a").Put(1000, "x") }},
		{"move between two", func(db *varve.DB) error {
			a, b := open(db, "a"), open(db, "b")
			return db.Update(ctx, func(tx *varve.Tx) error {
				k, v, _, err := a.In(tx).PopFirst()
				return errors.Join(err, b.In(tx).Put(k, v))
			})
		}},
		{"delete range", func(db *varve.DB) error {
			return open(db, "a").DeleteRange(varve.From(3), varve.Unbounded[int]())
		}},
	}
}

// contents prints all that a database holds, and fails if counters are wrong.
func contents(db *varve.DB) (string, error) {
	list, err := db.Collections("")
	if err != nil {
		return "", err
	}
	text := ""
	for _, info := range list {
		text += info.Name + ":"
		if info.Kind != varve.KindOrdered {
			continue
		}
		m, err := varve.OpenOrderedMap[int, string](db, info.Name, varve.Counted())
		if err != nil {
			return "", err
		}
		c := m.Keys()
		keys := slices.Collect(c.All())
		n, err := m.Len()
		if err := errors.Join(err, c.Err()); err != nil {
			return "", err
		}
		if int(n) != len(keys) {
			return "", fmt.Errorf("%s has %d keys and counts %d", info.Name, len(keys), n)
		}
		text += fmt.Sprint(keys) + " "
	}
	return text, nil
}

// prepared returns a disk with a database that was closed.
func prepared(t *testing.T) *vfs.Mem {
	t.Helper()
	disk := vfs.NewMem()
	db := must(varve.Open("db", &varve.Options{FS: disk, Engine: engine()}))(t)
	for _, name := range []string{"a", "b"} {
		m := must(varve.OpenOrderedMap[int, string](db, name, varve.Counted()))(t)
		for i := range 6 {
			check(t, m.Put(i+10*len(name), name))
		}
	}
	check(t, db.Close())
	return disk
}

func TestAPowerCutLeavesEachOperationDoneOrNot(t *testing.T) {
	start := prepared(t)
	before := must(contentsOf(start.Clone()))(t)
	for _, c := range crashCases() {
		t.Run(c.name, func(t *testing.T) {
			done := start.Clone()
			check(t, actOn(done, c))
			after := must(contentsOf(done))(t)
			for k := int64(0); ; k++ {
				disk := start.Clone()
				faulty := vfs.NewFaulty(disk)
				faulty.SetHook(vfs.CrashAt(k))
				acted := false
				err := actOn(faulty, crashCase{c.name, func(db *varve.DB) error {
					err := c.act(db)
					acted = err == nil
					return err
				}})
				for seed := range uint64(4) {
					clone := disk.CrashClone(vfs.CrashOptions{Seed: seed + uint64(k)*4, Mode: vfs.CrashMode(seed)})
					got, err := contentsOf(clone)
					if err != nil {
						t.Fatalf("cut at operation %d, seed %d: %v", k, seed, err)
					}
					if got != after && (acted || got != before) {
						t.Fatalf("cut at operation %d, seed %d: %s\nbefore %s\nafter  %s\nacknowledged: %v", k, seed, got, before, after, acted)
					}
				}
				if !faulty.Crashed() {
					check(t, err)
					break
				}
			}
		})
	}
}

// actOn opens the database on fs under a deterministic executor, acts, and
// closes it.
func actOn(fs vfs.FS, c crashCase) error {
	sim := vfs.NewSim(1)
	var err error
	if stuck := sim.Run(func() {
		var db *varve.DB
		if db, err = varve.Open("db", &varve.Options{FS: fs, Executor: sim}); err == nil {
			err = errors.Join(c.act(db), db.Close())
		}
	}); stuck != nil {
		return stuck
	}
	return err
}

// contentsOf opens, verifies and closes the database of a disk. All that is left
// of dropped keyspaces must be gone in the end.
func contentsOf(disk *vfs.Mem) (text string, err error) {
	sim := vfs.NewSim(1)
	if stuck := sim.Run(func() {
		var db *varve.DB
		if db, err = varve.Open("db", &varve.Options{FS: disk, Executor: sim}); err != nil {
			return
		}
		text, err = contents(db)
		err = errors.Join(err, db.Verify(ctx, nil), db.Close())
	}); stuck != nil {
		return "", stuck
	}
	return text, err
}

func TestDroppedKeyspacesAreGoneAfterACrash(t *testing.T) {
	disk := prepared(t)
	faulty := vfs.NewFaulty(disk)
	db := must(varve.Open("db", &varve.Options{FS: faulty}))(t)
	check(t, db.Drop("a"))
	faulty.Crash()
	db.Close()
	db = must(varve.Open("db", &varve.Options{FS: disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})}))(t)
	b := must(varve.OpenOrderedMap[int, string](db, "b", varve.Counted()))(t)
	want := 6
	waitUntil(t, func() bool {
		keys := 0
		it := db.Store().Iter(kv.IterOptions{Lower: kv.KeyspacePrefix(1024), KeysOnly: true})
		for ok := it.First(); ok; ok = it.Next() {
			keys++
		}
		check(t, it.Close())
		return keys == want
	})
	if n, err := b.Len(); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	check(t, db.Close())
}
