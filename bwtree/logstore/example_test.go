package logstore_test

import (
	"fmt"
	"log"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/vfs"
)

func no(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleStore() {
	opt := logstore.Options{FS: vfs.NewMem(), Dir: "."}
	tail, err := logstore.Scan(opt, 0, nil)
	no(err)
	s, err := logstore.Open(opt, tail)
	no(err)
	r, err := s.Reserve(len("hello"))
	no(err)
	copy(r.Bytes(), "hello")
	ref := r.Complete()
	no(s.MakeStable(ref.Addr))
	data, outcome, err := s.Read(ref, nil)
	fmt.Println(string(data), outcome, err)
	no(s.Close())
	// Output: hello ok <nil>
}

func ExampleReservation() {
	s, err := logstore.Open(logstore.Options{FS: vfs.NewMem(), Dir: "."}, logstore.Tail{})
	no(err)
	kept, err := s.Reserve(4)
	no(err)
	given, err := s.Reserve(4)
	no(err)
	copy(kept.Bytes(), "kept")
	ref := kept.Complete()
	given.Abort()
	data, outcome, err := s.Read(ref, nil)
	fmt.Println(string(data), outcome, err)
	_, outcome, err = s.Read(given.Ref(), nil)
	fmt.Println(outcome, err)
	no(s.Close())
	// Output:
	// kept ok <nil>
	// zeroed <nil>
}

func ExampleScan() {
	opt := logstore.Options{FS: vfs.NewMem(), Dir: "."}
	s, err := logstore.Open(opt, logstore.Tail{})
	no(err)
	for _, word := range []string{"one", "two"} {
		r, err := s.Reserve(len(word))
		no(err)
		copy(r.Bytes(), word)
		r.Complete()
	}
	no(s.Close())
	tail, err := logstore.Scan(opt, 0, func(r logstore.Record) error {
		fmt.Println(string(r.Data))
		return nil
	})
	fmt.Println(tail.Records, tail.Clean, err)
	// Output:
	// one
	// two
	// 2 true <nil>
}
