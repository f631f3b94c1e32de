package ref_test

import (
	"context"
	"errors"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/vfs"
)

func open(t *testing.T, opt *ref.Options) *ref.Store {
	t.Helper()
	s, err := ref.Open(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s kv.Store, key, val string) {
	t.Helper()
	var b kv.Batch
	b.Put([]byte(key), []byte(val))
	if _, err := s.Apply(context.Background(), &b, kv.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s kv.Reader, key string) string {
	t.Helper()
	val, ok, err := s.Get([]byte(key), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "(absent)"
	}
	return string(val)
}

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	opt := &ref.Options{Dir: "a/b/db", FS: vfs.NewMem(), SnapshotLogBytes: 1000, SegmentBytes: 4096, SpillBytes: 500}
	for round := range 5 {
		s := open(t, opt)
		for i := range 50 {
			put(t, s, string(rune('a'+i)), string(make([]byte, i*40+round)))
		}
		if err := s.Verify(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, opt)
		for i := range 50 {
			if got := get(t, s, string(rune('a'+i))); len(got) != i*40+round {
				t.Fatalf("round %d: value %d has %d bytes", round, i, len(got))
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestATransactionThatReadWhatChangedDoesNotCommit(t *testing.T) {
	ctx := context.Background()
	s := open(t, nil)
	defer s.Close()
	put(t, s, "a", "1")
	tx, err := kv.Begin(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	get(t, tx, "a")
	put(t, s, "a", "2")
	tx.Put([]byte("b"), nil)
	if _, err := tx.Commit(ctx, kv.WriteOptions{}); !errors.Is(err, kv.ErrConflict) {
		t.Fatal(err)
	}
}
