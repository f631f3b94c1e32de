package version

import "github.com/varvedb/varve/kv"

// countingReader counts what is read through it.
type countingReader struct {
	kv.Reader
	gets int
}

func (r *countingReader) Get(key, dst []byte) ([]byte, bool, error) {
	r.gets++
	return r.Reader.Get(key, dst)
}
