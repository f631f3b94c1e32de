package pagecache

import (
	"bytes"
	"testing"
)

func FuzzSplitFragments(f *testing.F) {
	f.Add([]byte{1, 'a', 0, 3, 'a', 'b', 'c'})
	f.Add([]byte{200, 200, 1})
	f.Fuzz(func(t *testing.T, record []byte) {
		list, err := splitFragments(nil, record)
		if err != nil {
			return
		}
		if n := len(bytes.Join(list, nil)); n > len(record) {
			t.Fatalf("%d bytes of %d", n, len(record))
		}
	})
}
