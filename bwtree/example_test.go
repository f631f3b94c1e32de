package bwtree_test

import (
	"context"
	"fmt"
	"log"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

func no(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleStore() {
	ctx := context.Background()
	s, err := bwtree.Open(ctx, nil) // in memory
	no(err)
	defer s.Close()
	var b kv.Batch
	b.Put([]byte("a"), []byte("1"))
	b.Put([]byte("b"), []byte("2"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	it := s.Iter(kv.IterOptions{})
	for ok := it.Last(); ok; ok = it.Prev() {
		fmt.Printf("%s=%s\n", it.Key(), it.Value())
	}
	no(it.Close())
	// Output:
	// b=2
	// a=1
}

func ExampleOptions() {
	ctx := context.Background()
	opt := &bwtree.Options{Dir: "db", FS: vfs.NewMem(), CacheBytes: 64 << 20, RedoBytes: 16 << 20}
	s, err := bwtree.Open(ctx, opt)
	no(err)
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{}) // durable when it returns
	no(err)
	no(s.Flush(ctx)) // so that opening has nothing to replay
	no(s.Close())

	opt.MustExist = true
	s, err = bwtree.Open(ctx, opt)
	no(err)
	defer s.Close()
	val, ok, err := s.Get([]byte("k"), nil)
	fmt.Println(string(val), ok, err)
	// Output: v true <nil>
}
