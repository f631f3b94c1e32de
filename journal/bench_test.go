package journal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/varvedb/varve/vfs"
)

// BenchmarkSyncedPuts measures records of 128 bytes that are each waited for.
func BenchmarkSyncedPuts(b *testing.B) {
	for _, n := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", n), func(b *testing.B) { benchmarkPuts(b, n, Synced) })
	}
}

// BenchmarkAppend measures records of 128 bytes that are only buffered.
func BenchmarkAppend(b *testing.B) { benchmarkPuts(b, 1, Process) }

func benchmarkPuts(b *testing.B, goroutines int, level Level) {
	w, err := Create(Options{FS: vfs.System(), Dir: b.TempDir()}, Tail{})
	if err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.SetBytes(128)
	b.ReportAllocs()
	b.ResetTimer()
	for range goroutines {
		group.Go(func() {
			record := make([]byte, 128)
			for left.Add(-1) >= 0 {
				t, err := w.Append(record)
				if err == nil {
					err = w.Wait(t, level)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	s := w.Stats()
	b.ReportMetric(float64(s.Syncs)/float64(b.N), "syncs/op")
	if _, err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
