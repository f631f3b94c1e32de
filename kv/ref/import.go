package ref

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/varvedb/varve/kv"
)

// Import implements kv.Importer: the entries become one batch, which goes to the
// log as any other.
func (s *Store) Import(ctx context.Context, next func() (key, val []byte, err error)) (kv.Seq, error) {
	var b kv.Batch
	var last []byte
	for {
		key, val, err := next()
		switch {
		case err == io.EOF:
			return s.Apply(ctx, &b, kv.WriteOptions{})
		case err != nil:
			return 0, fmt.Errorf("import: %w", err)
		case b.Len() > 0 && bytes.Compare(key, last) <= 0:
			return 0, fmt.Errorf("import: key %q is not above the one before, %q", key, last)
		}
		b.Put(key, val)
		last = append(last[:0], key...)
	}
}
