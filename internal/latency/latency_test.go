package latency

import (
	"encoding/json"
	"math"
	"sync"
	"testing"
	"time"
)

func TestBucketsAreInOrderAndNarrow(t *testing.T) {
	for b := range buckets - 1 {
		low, next := lowest(b), lowest(b+1)
		if next <= low || bucketOf(low) != b || bucketOf(next-1) != b {
			t.Fatalf("bucket %d is from %d to %d", b, low, next)
		}
		if low >= subs && (next-low)*subs > low {
			t.Fatalf("bucket %d from %d to %d is too wide", b, low, next)
		}
	}
	if b := bucketOf(math.MaxInt64); b != buckets-1 {
		t.Fatal(b)
	}
}

func TestQuantilesAreCloseToTheTruth(t *testing.T) {
	var r Recorder
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < 10_000; i += 4 {
				r.Record(time.Duration(i+1) * time.Microsecond)
			}
		})
	}
	wg.Wait()
	h := r.Load()
	if h.Count != 10_000 || h.Max != 10*time.Millisecond || h.Mean() != 5*time.Millisecond+500*time.Nanosecond {
		t.Fatal(h)
	}
	for _, q := range []float64{0, .01, .5, .9, .99, .999, 1} {
		got, want := h.Quantile(q), time.Duration(max(q*10_000, 1))*time.Microsecond
		if got < want || got > want+want/4 {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
	if text, err := json.Marshal(h); err != nil || len(text) < 50 {
		t.Errorf("%s, %v", text, err)
	}
}

func TestNothingTimed(t *testing.T) {
	var r Recorder
	r.Record(-5)
	if h := r.Load(); h.Count != 1 || h.Max != 0 {
		t.Fatal(h)
	}
	var none Histogram
	if none.Quantile(.5) != 0 || none.Mean() != 0 || none.String() == "" {
		t.Fatal(none)
	}
	if n := testing.AllocsPerRun(100, func() { r.Record(time.Second) }); n != 0 {
		t.Fatal(n)
	}
}
