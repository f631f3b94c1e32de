package datastore_test

import (
	"context"
	"fmt"
	"testing"

	ds "github.com/ipfs/go-datastore"
	dstest "github.com/ipfs/go-datastore/test"
	"github.com/varvedb/varve/conformance/datastore"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/vfs"
)

func open(t testing.TB, dir string) *datastore.Datastore {
	t.Helper()
	s, err := ref.Open(context.Background(), &ref.Options{Dir: dir, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Verify(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return datastore.New(s, 7, false)
}

func TestTheSuiteOfIPFSPasses(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": "db"} {
		t.Run(name, func(t *testing.T) { dstest.SubtestAll(t, open(t, dir)) })
	}
}

func ExampleDatastore() {
	ctx := context.Background()
	s, err := ref.Open(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := datastore.New(s, 1, true)
	defer d.Close()
	err = d.Put(ctx, ds.NewKey("/a"), []byte("1"))
	val, got := d.Get(ctx, ds.NewKey("/a"))
	fmt.Println(string(val), err, got)
	// Output: 1 <nil> <nil>
}
