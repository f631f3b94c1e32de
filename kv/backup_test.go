package kv_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/varvedb/varve/kv"
)

func FuzzRestore(f *testing.F) {
	s := memory("a", "1", "b", "2")
	var stream bytes.Buffer
	if _, err := kv.Backup(ctx, s, &stream, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(stream.Bytes())
	f.Add([]byte("VarveBak\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := memory()
		defer s.Close()
		_, err := kv.Restore(ctx, s, bytes.NewReader(data), nil)
		var damage *kv.CorruptionError
		if err != nil && !errors.As(err, &damage) && !errors.Is(err, kv.ErrForeign) && !errors.Is(err, kv.ErrNewerFormat) && !errors.Is(err, kv.ErrTooLarge) {
			t.Fatal(err)
		}
	})
}
