package leak

import (
	"log/slog"
	"sync"
	"testing"
)

// Meant for the race detector.
func TestHandlesMayBeOpenedWhileAllAreClosed(t *testing.T) {
	tracker := New(slog.New(slog.DiscardHandler))
	var released sync.WaitGroup
	var workers sync.WaitGroup
	for range 4 {
		released.Add(100)
		workers.Go(func() {
			for range 100 {
				thing := new([16]int)
				Open(tracker, thing, "thing", released.Done).Close()
			}
		})
	}
	workers.Go(func() {
		for range 100 {
			tracker.CloseAll()
		}
	})
	workers.Wait()
	released.Wait()
	if n := tracker.Count("thing"); n != 0 {
		t.Fatalf("%d are open", n)
	}
}
