package ref_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/vfs"
)

// Meant for the race detector: the store must let go of a batch whose Apply
// failed, since its caller may change it.
func TestABatchThatFailedBelongsToItsCaller(t *testing.T) {
	ctx := context.Background()
	disk := vfs.NewFaulty(vfs.NewMem())
	s := open(t, &ref.Options{Dir: "db", FS: disk})
	disk.SetHook(vfs.FailAt(0, vfs.ErrInjected, vfs.OpSync))
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); !errors.Is(err, kv.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		b.Reset()
		b.Put([]byte("other"), []byte("batch"))
	})
	wait.Go(func() {
		snap, err := s.Snapshot(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		snap.Close()
	})
	wait.Wait()
	s.Close() // fails, rightly
}
