package sst_test

import (
	"bytes"
	"fmt"

	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/sst"
)

func Example() {
	var file bytes.Buffer
	w := sst.NewWriter(&file, sst.WriterOptions{FileNumber: 12, Compression: sst.S2})
	for _, add := range []error{
		w.Add([]byte("clay"), entry.MakeTrailer(8, entry.Delete), nil),
		w.Add([]byte("clay"), entry.MakeTrailer(3, entry.Put), []byte("blue")),
		w.Add([]byte("silt"), entry.MakeTrailer(5, entry.Put), []byte("grey")),
	} {
		if add != nil {
			fmt.Println(add)
		}
	}
	info, err := w.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}

	r, err := sst.Open(bytes.NewReader(file.Bytes()), sst.ReaderOptions{
		Name: "000012.sst", FileNumber: 12, Size: info.Size, Checksum: info.Checksum})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, value, ok, err := r.Get([]byte("clay"), entry.VisibleAt(7))
	fmt.Println(t, string(value), ok, err)

	it := r.NewIter(sst.IterOptions{})
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		fmt.Printf("%s %v %q\n", it.Key(), it.Trailer(), it.Value())
	}
	fmt.Println(it.Err())
	// Output:
	// 3.put blue true <nil>
	// clay 8.delete ""
	// clay 3.put "blue"
	// silt 5.put "grey"
	// <nil>
}
