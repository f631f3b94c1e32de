package varve_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
	"github.com/varvedb/varve/vfs"
)

func openVersions(t testing.TB, db *varve.DB) (*varve.VersionMap[string, int], *version.Branch[string, int]) {
	t.Helper()
	return openVersionsNamed(t, db, "versions")
}

func openVersionsNamed(t testing.TB, db *varve.DB, name string) (*varve.VersionMap[string, int], *version.Branch[string, int]) {
	t.Helper()
	m := must(varve.OpenVersionMap[string, int](db, name))(t)
	return m, must(m.Main())(t)
}

func TestATransactionSpansAVersionMapAndOthers(t *testing.T) {
	db := open(t)
	m, main := openVersions(t, db)
	log := must(varve.OpenList[string](db, "log"))(t)
	undone := errors.New("changed my mind")
	for _, result := range []error{undone, nil} {
		err := db.Update(ctx, func(tx *varve.Tx) error {
			main := must(m.In(tx).Main())(t)
			err := main.Put("a", 1)
			c, err2 := main.Commit("one", nil)
			if v, ok, err := main.Get("a"); v != 1 || !ok || err != nil {
				t.Fatal(v, ok, err)
			}
			return errors.Join(err, err2, log.In(tx).Push(fmt.Sprint("commit ", c)), result)
		})
		if !errors.Is(err, result) {
			t.Fatal(err)
		}
		_, ok, err := main.Get("a")
		n, err2 := log.Len()
		if want := result == nil; ok != want || (n == 1) != want || err != nil || err2 != nil {
			t.Fatal(ok, n, err, err2)
		}
	}
}

func TestWhatFailsInATransactionLeavesNothingBehind(t *testing.T) {
	db := open(t)
	m, main := openVersions(t, db)
	check(t, main.Put("k", 0))
	must(main.Commit("base", nil))(t)
	side := must(main.Fork("side"))(t)
	for i, b := range []*version.Branch[string, int]{main, side} {
		check(t, b.Put(fmt.Sprint("own", i), i))
		must(b.Commit("harmless", nil))(t)
		check(t, b.Put("k", i+1))
		must(b.Commit("clashing", nil))(t)
	}
	check(t, db.Update(ctx, func(tx *varve.Tx) error {
		in := must(m.In(tx).Branch("side"))(t)
		err := in.Rebase(must(main.Head())(t), &version.MergeOptions[string, int]{Policy: version.Fail})
		if !errors.Is(err, version.ErrConflicts) {
			t.Fatal(err)
		}
		return nil // and commit all the same: Verify at the end finds what is half done
	}))
}

func TestAClearedVersionMapIsNew(t *testing.T) {
	db := open(t)
	m, main := openVersions(t, db)
	must(main.Fork("side"))(t)
	check(t, main.Put("a", 1))
	must(main.Commit("one", nil))(t)
	check(t, m.Clear())
	main = must(m.Main())(t)
	if n, err := main.Len(); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if list, err := m.Branches(); len(list) != 1 || list[0].Name != "main" || err != nil {
		t.Fatal(list, err)
	}
	if _, err := m.Branch("side"); !errors.Is(err, version.ErrNoBranch) {
		t.Fatal(err)
	}
	check(t, main.Put("a", 2))
	must(main.Commit("anew", nil))(t)
}

func TestAVersionMapIsBoundCopiedAndDescribed(t *testing.T) {
	db := open(t)
	var app struct {
		Docs *varve.VersionMap[string, int]
	}
	check(t, varve.Bind(db, &app))
	main := must(app.Docs.Main())(t)
	check(t, main.Put("a", 1))
	first := must(main.Commit("one", nil))(t)
	info := must(db.Describe(ctx, "docs"))(t)
	if info.Kind != varve.KindVersion || info.Keys != 1 || info.Type.String() != "version[string → int]" {
		t.Fatal(info)
	}
	check(t, db.Copy(ctx, "docs", db, "copy"))
	copied := must(varve.OpenVersionMap[string, int](db, "copy"))(t)
	if v, ok, err := must(copied.At(first))(t).Get("a"); v != 1 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
	if _, err := varve.OpenVersionMap[string, string](db, "docs"); !errors.Is(err, varve.ErrWrongType) {
		t.Fatal(err)
	}
	data := must(app.Docs.MarshalBinary())(t)
	var stored varve.VersionMap[string, int]
	check(t, stored.UnmarshalBinary(data))
	check(t, stored.Attach(db))
	if b, err := stored.Main(); err != nil || b.ID() != main.ID() {
		t.Fatal(b, err)
	}
}

func TestASnapshotKeepsWhatABranchLoses(t *testing.T) {
	db := open(t)
	m, main := openVersions(t, db)
	check(t, m.KeepReflog(0))
	for i := range 3 {
		check(t, main.Put("a", i))
		must(main.Commit("c", nil))(t)
	}
	head := must(main.Head())(t)
	st := must(m.At(head))(t)
	snap := must(db.Snapshot(ctx))(t)
	check(t, main.Rollback(1))
	if v, _, err := must(m.AtSnapshot(snap).At(head))(t).Get("a"); v != 2 || err != nil {
		t.Fatal(v, err)
	}
	check(t, snap.Close())
	if _, err := m.At(head); !errors.Is(err, version.ErrNoCommit) {
		t.Fatal(err)
	}
	// What is cached may still be read, and is right; what is not is no damage.
	if v, _, err := st.Get("a"); err != nil && !errors.Is(err, version.ErrNoCommit) || err == nil && v != 2 {
		t.Fatal(v, err)
	}
}

// TestReadersSeeWholeStatesBesideWriters reads commits and the working state while
// others commit, fork, merge and remove.
func TestReadersSeeWholeStatesBesideWriters(t *testing.T) {
	db := must(varve.Open("db", &varve.Options{FS: vfs.NewMem(), Durability: varve.Process}))(t)
	defer func() {
		check(t, db.Verify(ctx, nil))
		check(t, db.Close())
	}()
	m, main := openVersions(t, db)
	const keys, rounds = 40, 60
	// In every commit all keys have the same value.
	set := func(b *version.Branch[string, int], v int) error {
		var e version.Edits[string, int]
		for i := range keys {
			e.Put(fmt.Sprintf("k%02d", i), v)
		}
		_, err := b.CommitEdits(&e, "all", nil)
		return err
	}
	check(t, set(main, 0))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c := main.All()
				all := maps.Collect(c.All())
				if err := c.Err(); err != nil || len(all) != keys {
					t.Error(len(all), err)
					return
				}
				for _, v := range all {
					if v != all["k00"] {
						t.Error("a half commit was seen")
						return
					}
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range rounds {
				b, err := main.ForkHead(fmt.Sprint("b", w, "-", i))
				if err == nil {
					err = set(b, 1+i*2+w)
				}
				if err == nil {
					_, err = main.Merge(b, nil)
				}
				if err == nil {
					err = b.Remove()
				}
				if err == nil && i%10 == 9 {
					_, err = m.Truncate(version.Retention{Last: 3})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	wg.Wait()
}

func TestVersionMapsLiveOnEachEngine(t *testing.T) {
	for _, engine := range []varve.Engine{varve.LSM(nil), varve.BTree(nil), varve.Reference(nil)} {
		t.Run(engine.Name(), func(t *testing.T) {
			opt := &varve.Options{FS: vfs.NewMem(), Engine: engine}
			db := must(varve.Open("db", opt))(t)
			m, main := openVersions(t, db)
			for i := range 20 {
				side := must(main.Fork(fmt.Sprint("side", i)))(t)
				for j, b := range []*version.Branch[string, int]{main, side} {
					var e version.Edits[string, int]
					for k := range 50 {
						e.Put(fmt.Sprintf("k%03d", (i*17+k*(3+j))%200), i)
					}
					e.Delete(fmt.Sprintf("k%03d", i))
					must(b.CommitEdits(&e, "c", nil))(t)
				}
				must(main.Merge(side, nil))(t)
				check(t, side.Remove())
			}
			must(m.Truncate(version.Retention{Last: 5}))(t)
			c := main.All()
			before := maps.Collect(c.All())
			check(t, errors.Join(c.Err(), db.Verify(ctx, nil), db.Close()))
			db = must(varve.Open("db", opt))(t)
			_, main = openVersions(t, db)
			c = main.All()
			after := maps.Collect(c.All())
			check(t, errors.Join(c.Err(), db.Verify(ctx, nil), db.Close()))
			if !maps.Equal(before, after) || len(after) == 0 {
				t.Fatal(len(before), len(after))
			}
		})
	}
}
