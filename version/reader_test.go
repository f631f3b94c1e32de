package version

import (
	"context"

	"github.com/varvedb/varve/kv"
)

var ctx = context.Background()

// countingReader counts what is read through it.
type countingReader struct {
	kv.Reader
	gets int
}

func (r *countingReader) Get(key, dst []byte) ([]byte, bool, error) {
	r.gets++
	return r.Reader.Get(key, dst)
}

func putRaw(s kv.Store, key, value []byte) error {
	var b kv.Batch
	b.Put(key, value)
	_, err := s.Apply(ctx, &b, kv.WriteOptions{})
	return err
}
