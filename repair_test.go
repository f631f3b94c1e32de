package varve_test

import (
	"context"
	"errors"
	"testing"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/vfs"
)

func TestARepairedDatabaseHasItsCollections(t *testing.T) {
	disk := vfs.NewMem()
	db, err := varve.Open("db", &varve.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	m, err := varve.OpenMap[string, int](db, "m")
	if err == nil {
		err = errors.Join(m.Put("a", 1), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.Corrupt("db/manifest-000001.log", func(data []byte) []byte { data[70] ^= 1; return data }); err != nil {
		t.Fatal(err)
	}
	report, err := varve.Repair(context.Background(), "db", "saved", &varve.Options{FS: disk})
	if err != nil || len(report.Lost) != 1 {
		t.Fatal(report, err)
	}
	saved, err := varve.Open("saved", &varve.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	m, err = varve.OpenMap[string, int](saved, "m")
	if err != nil {
		t.Fatal(err)
	}
	if n, ok, err := m.Get("a"); n != 1 || !ok || err != nil {
		t.Error(n, ok, err)
	}
}
