package datastore_test

import (
	"context"
	"fmt"
	"testing"

	ds "github.com/ipfs/go-datastore"
	dstest "github.com/ipfs/go-datastore/test"
	"github.com/varvedb/varve/conformance/datastore"
	"github.com/varvedb/varve/conformance/internal/engines"
	"github.com/varvedb/varve/kv/ref"
)

func TestTheSuiteOfIPFSPasses(t *testing.T) {
	for name, open := range engines.All(engines.Simulated) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { engines.Close(t, s) })
			dstest.SubtestAll(t, datastore.New(s, 7, false))
		})
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
