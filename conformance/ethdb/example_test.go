package ethdb_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/varvedb/varve/conformance/ethdb"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm"
)

func ExampleDatabase() {
	s, err := lsm.Open(context.Background(), nil) // in memory; Options.Dir makes it last
	if err != nil {
		log.Fatal(err)
	}
	d := ethdb.New(s, 1, ethdb.Options{Owned: true})
	defer d.Close()

	b := d.NewBatch()
	err = errors.Join(b.Put([]byte("h1"), []byte("one")), b.Put([]byte("h2"), []byte("two")), b.Write())
	fmt.Println(err)

	it := d.NewIterator([]byte("h"), []byte("2"))
	defer it.Release()
	for it.Next() {
		fmt.Printf("%s: %s\n", it.Key(), it.Value())
	}
	_, err = d.Get([]byte("h3"))
	fmt.Println(it.Error(), err)
	// Output:
	// <nil>
	// h2: two
	// <nil> not found
}

// Writes need not be durable one by one.
func ExampleOptions() {
	s, err := lsm.Open(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	d := ethdb.New(s, 1, ethdb.Options{Owned: true, Durability: kv.Buffered})
	defer d.Close()
	for i := range 3 {
		if err := d.Put([]byte{byte(i)}, nil); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(d.SyncKeyValue()) // makes all three as durable as the store is
	// Output: <nil>
}
