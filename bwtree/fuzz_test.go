package bwtree

import (
	"bytes"
	"errors"
	"testing"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/kv"
)

func FuzzDecodeMeta(f *testing.F) {
	m := meta{dir: 3, size: 100, sum: 7, seq: 9, firstLog: 2, clean: true, firstPage: 1, lastPage: 4}
	f.Add(m.encode())
	f.Add([]byte(metaMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMeta("TREE", data)
		var damage *kv.CorruptionError
		if err != nil {
			if !errors.As(err, &damage) && !errors.Is(err, kv.ErrNewerFormat) {
				t.Fatal(err)
			}
			return
		}
		if again, err := decodeMeta("TREE", m.encode()); err != nil || again != m {
			t.Fatalf("%+v became %+v: %v", m, again, err)
		}
	})
}

func FuzzDecodeDirectory(f *testing.F) {
	d := directory{number: 3, seq: 9, lows: [][]byte{{}, []byte("k")}, refs: []logstore.Ref{{Addr: 1 << 32, Size: 5, Sum: 7}, {Addr: 2 << 32, Size: 6}}}
	f.Add(d.encode())
	f.Add([]byte(dirMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := decodeDirectory(data)
		if err != nil {
			return
		}
		for i := 1; i < len(d.lows); i++ {
			if bytes.Compare(d.lows[i-1], d.lows[i]) >= 0 {
				t.Fatal("the pages are not in order")
			}
		}
		again, err := decodeDirectory(d.encode())
		if err != nil || len(again.lows) != len(d.lows) {
			t.Fatal(err)
		}
	})
}
