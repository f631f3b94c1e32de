package ref_test

import (
	"context"
	"fmt"
	"log"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/vfs"
)

func no(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleStore() {
	ctx := context.Background()
	s, err := ref.Open(ctx, nil) // in memory
	no(err)
	defer s.Close()
	var b kv.Batch
	b.Put([]byte("a"), []byte("1"))
	b.Put([]byte("b"), []byte("2"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	it := s.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		fmt.Printf("%s=%s\n", it.Key(), it.Value())
	}
	no(it.Close())
	// Output:
	// a=1
	// b=2
}

func ExampleOptions() {
	ctx := context.Background()
	opt := &ref.Options{Dir: "db", FS: vfs.NewMem()}
	s, err := ref.Open(ctx, opt)
	no(err)
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	no(s.Close())

	opt.ReadOnly = true
	s, err = ref.Open(ctx, opt)
	no(err)
	defer s.Close()
	val, ok, err := s.Get([]byte("k"), nil)
	fmt.Println(string(val), ok, err)
	// Output: v true <nil>
}
