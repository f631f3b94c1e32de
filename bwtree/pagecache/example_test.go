package pagecache_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/bwtree/pagecache"
	"github.com/varvedb/varve/vfs"
)

// sums has pages that are numbers, and fragments that are added to them.
type sums struct{}

func (sums) Recover(image []byte, fragments [][]byte) (p int64, err error) {
	for _, b := range append(fragments, image) {
		if len(b) != 8 {
			return 0, errors.New("a number has 8 bytes")
		}
		p += int64(binary.LittleEndian.Uint64(b))
	}
	return p, nil
}

func (s sums) Merge(p int64, fragment []byte) (int64, error) {
	n, err := s.Recover(fragment, nil)
	return p + n, err
}

func (sums) Image(dst []byte, p int64) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(p))
}
func (sums) Size(int64) int64  { return 8 }
func (sums) Freeze(int64) bool { return true }

func no(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleCache() {
	store, err := logstore.Open(logstore.Options{FS: vfs.NewMem(), Dir: "."}, logstore.Tail{})
	no(err)
	c := pagecache.New(store, vfs.Go(), sums{}, pagecache.Options{Capacity: 1 << 20})
	page := c.Allocate(40)
	_, err = c.Flush(page)
	no(err)

	_, token, err := c.Get(page)
	no(err)
	_, ok, err := c.Merge(page, token, sums{}.Image(nil, 2))
	fmt.Println("merged:", ok, err)
	_, ok, err = c.Merge(page, token, sums{}.Image(nil, 100))
	fmt.Println("merged with an old token:", ok, err)

	where, err := c.Flush(page) // only the fragment
	no(err)
	no(store.Sync())
	sum, _, err := c.Get(c.Attach(where))
	fmt.Println(sum, len(where.Fragments), err)
	no(store.Close())
	// Output:
	// merged: true <nil>
	// merged with an old token: false <nil>
	// 42 1 <nil>
}

// A page is changed again with a new token until nobody was first.
func ExampleToken() {
	store, err := logstore.Open(logstore.Options{FS: vfs.NewMem(), Dir: "."}, logstore.Tail{})
	no(err)
	defer store.Close()
	c := pagecache.New(store, vfs.Go(), sums{}, pagecache.Options{})
	page := c.Allocate(1)
	for done := false; !done; {
		n, token, err := c.Get(page)
		no(err)
		_, done = c.Replace(page, token, 2*n)
	}
	n, _, err := c.Get(page)
	fmt.Println(n, err)
	// Output: 2 <nil>
}

// The user of a cache keeps where its pages are, and finds them again with that.
func ExampleLocation() {
	fs := vfs.NewMem()
	store, err := logstore.Open(logstore.Options{FS: fs, Dir: "."}, logstore.Tail{})
	no(err)
	c := pagecache.New(store, vfs.Go(), sums{}, pagecache.Options{})
	where, err := c.Flush(c.Allocate(7))
	no(err)
	no(c.Sync())
	no(store.Close())

	tail, err := logstore.Scan(logstore.Options{FS: fs, Dir: "."}, 0, nil)
	no(err)
	store, err = logstore.Open(logstore.Options{FS: fs, Dir: "."}, tail)
	no(err)
	defer store.Close()
	c = pagecache.New(store, vfs.Go(), sums{}, pagecache.Options{})
	n, _, err := c.Get(c.Attach(where))
	fmt.Println(n, len(where.Refs()), err)
	// Output: 7 1 <nil>
}
