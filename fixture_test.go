package varve_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/vfs"
)

// Fixtures are databases that an earlier version has written; they must be read
// for ever. VARVE_WRITE_FIXTURES=VERSION writes those of this version into
// testdata/VERSION; existing ones are never changed.

// fill writes what every fixture holds.
func fill(t *testing.T, db *varve.DB) {
	t.Helper()
	type note struct {
		Text string
		Tags []string
	}
	m := must(varve.OpenMap[string, note](db, "notes", varve.Counted()))(t)
	check(t, m.Put("a", note{"first", []string{"x", "y"}}))
	check(t, m.Put("", note{Text: "empty key"}))
	type key struct {
		Name string
		Year int `varve:"desc"`
	}
	o := must(varve.OpenOrderedMap[key, float64](db, "dir/ordered"))(t)
	for i := range 50 {
		check(t, o.Put(key{fmt.Sprint("k", i%5), 2000 + i}, float64(i)/3))
	}
	check(t, db.Flush(ctx))
	l := must(varve.OpenList[string](db, "list"))(t)
	check(t, l.Push("b", "c"))
	check(t, l.PushFront("a"))
	s := must(varve.OpenSet[int64](db, "set"))(t)
	for _, k := range []int64{-1, 0, 1 << 40} {
		check(t, s.Add(k))
	}
	check(t, must(varve.OpenValue[string](db, "value"))(t).Set("v"))
	check(t, must(varve.OpenValue[string](db, "gone"))(t).Set("v"))
	check(t, db.Drop("gone"))
}

// dump prints all of a fixture's content.
func dump(t *testing.T, db *varve.DB) string {
	t.Helper()
	var b strings.Builder
	for _, info := range must(db.Collections(""))(t) {
		fmt.Fprintln(&b, info.Name, info.Type, info.Counted)
	}
	type note struct {
		Text string
		Tags []string
	}
	for k, v := range must(varve.OpenMap[string, note](db, "notes"))(t).All().All() {
		fmt.Fprintf(&b, "%q %v\n", k, v)
	}
	type key struct {
		Name string
		Year int `varve:"desc"`
	}
	for k, v := range must(varve.OpenOrderedMap[key, float64](db, "dir/ordered"))(t).All().All() {
		fmt.Fprintf(&b, "%v=%.3f ", k, v)
	}
	for i, v := range must(varve.OpenList[string](db, "list"))(t).All().All() {
		fmt.Fprint(&b, i, v, " ")
	}
	for k := range must(varve.OpenSet[int64](db, "set"))(t).All().All() {
		fmt.Fprint(&b, k, " ")
	}
	v, ok, err := must(varve.OpenValue[string](db, "value"))(t).Get()
	fmt.Fprintln(&b, v, ok, err)
	return b.String()
}

// load copies a directory of testdata to a simulated disk.
func load(t *testing.T, dir string) *vfs.Mem {
	t.Helper()
	disk := vfs.NewMem()
	check(t, disk.MkdirAll("db"))
	for _, e := range must(os.ReadDir(dir))(t) {
		put(t, disk, "db/"+e.Name(), string(must(os.ReadFile(filepath.Join(dir, e.Name())))(t)))
	}
	return disk
}

// save copies the database of a simulated disk to testdata.
func save(t *testing.T, disk *vfs.Mem, dir string) {
	t.Helper()
	check(t, os.MkdirAll(dir, 0o755))
	for _, name := range must(disk.List("db"))(t) {
		if name != "LOCK" {
			check(t, os.WriteFile(filepath.Join(dir, name), must(vfs.ReadFile(disk, "db/"+name, 1<<24))(t), 0o644))
		}
	}
}

func TestDatabasesOfEarlierVersionsAreRead(t *testing.T) {
	if version := os.Getenv("VARVE_WRITE_FIXTURES"); version != "" {
		writeFixtures(t, filepath.Join("testdata", version))
	}
	fresh := open(t)
	fill(t, fresh)
	want := dump(t, fresh)
	versions := must(os.ReadDir("testdata"))(t)
	if len(versions) == 0 {
		t.Fatal("no fixtures")
	}
	for _, v := range versions {
		for _, state := range []string{"clean", "unclean"} {
			db := openAt(t, load(t, filepath.Join("testdata", v.Name(), state)))
			if got := dump(t, db); got != want {
				t.Errorf("%s, %s:\n%s\nwant\n%s", v.Name(), state, got, want)
			}
		}
		backup := must(os.ReadFile(filepath.Join("testdata", v.Name(), "backup")))(t)
		db := must(varve.Restore(ctx, "", nil, nil, bytes.NewReader(backup)))(t)
		if got := dump(t, db); got != want {
			t.Errorf("%s, backup:\n%s", v.Name(), got)
		}
		check(t, db.Close())
	}
}

func writeFixtures(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); err == nil {
		t.Fatal(dir, "is there; fixtures are never changed")
	}
	disk := vfs.NewMem()
	db := must(varve.Open("db", &varve.Options{FS: disk}))(t)
	fill(t, db)
	save(t, disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone}), filepath.Join(dir, "unclean"))
	var stream bytes.Buffer
	must(db.Backup(ctx, &stream, nil))(t)
	check(t, os.WriteFile(filepath.Join(dir, "backup"), stream.Bytes(), 0o644))
	check(t, db.Close())
	save(t, disk, filepath.Join(dir, "clean"))
}
