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
	f.Add([]byte("VarveBak\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	increment := increment(f)
	f.Add(increment)
	f.Add([]byte("VarveBak\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := memory()
		defer s.Close()
		_, err := kv.Restore(ctx, s, bytes.NewReader(data), nil)
		if info, bad := kv.ReadBackupInfo(bytes.NewReader(data)); bad == nil && info.Since > 0 {
			_, err = kv.RestoreIncrement(ctx, s, info.Since, bytes.NewReader(data), nil)
		}
		var damage *kv.CorruptionError
		if err != nil && !errors.As(err, &damage) && !errors.Is(err, kv.ErrForeign) && !errors.Is(err, kv.ErrNewerFormat) && !errors.Is(err, kv.ErrTooLarge) {
			t.Fatal(err)
		}
	})
}

// increment returns an increment with each operation that a batch can have.
func increment(t testing.TB) []byte {
	s := memory("a", "1")
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var b kv.Batch
	b.Put([]byte("b"), []byte("2"))
	b.Delete([]byte("a"))
	b.DeleteRange([]byte("c"), []byte("d"))
	b.Merge(kv.MergeAdd, []byte("n"), kv.AppendAdd(nil, 1))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	var stream bytes.Buffer
	_, since := kv.BackupSince(ctx, s, snap.Seq(), &stream, nil)
	if err := errors.Join(err, since, snap.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return stream.Bytes()
}
