package sst

import (
	"sync"
	"testing"
)

// TestManyWalksReadAheadIntoFewWindows lets many iterators take turns, then all at
// once, and counts what they hold.
func TestManyWalksReadAheadIntoFewWindows(t *testing.T) {
	all := numbered(50000)
	data, info := write(t, WriterOptions{}, all)
	f := &file{data: data}
	r, err := Open(f, ReaderOptions{Name: "t.sst", Size: int64(len(data)), Windows: new(Windows)})
	check(t, err)
	const walks, step = 100, 500
	iters := make([]*Iter, walks)
	for i := range iters {
		iters[i] = r.NewIter(IterOptions{})
		iters[i].First()
	}
	for at := 0; at < 5000; at += step {
		for _, it := range iters {
			for i := range step {
				if string(it.Key()) != all[at+i].key || string(it.Value()) != all[at+i].value {
					t.Fatalf("at %q instead of %q", it.Key(), all[at+i].key)
				}
				it.Next()
			}
		}
	}
	held := 0
	for _, it := range iters {
		if it.ahead.window() != nil {
			held++
		}
	}
	if held == 0 || held > maxWindows {
		t.Errorf("%d windows are held", held)
	}
	var wg sync.WaitGroup
	for _, it := range iters {
		wg.Go(func() {
			n := 0
			for ok := true; ok; ok = it.Next() {
				n++
			}
			if n != len(all)-5000 || it.Close() != nil {
				t.Errorf("%d entries, %v", n, it.Err())
			}
		})
	}
	wg.Wait()
	// Not every walk reads ahead, but none reads much more than the table.
	if f.bytes.Load() > 4*walks*info.Size {
		t.Errorf("%d bytes were read for %d walks over %d", f.bytes.Load(), walks, info.Size)
	}
}
