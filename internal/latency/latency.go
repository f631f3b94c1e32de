// Package latency counts how long operations take, without locks, in buckets
// whose width is an eighth of the power of two that they lie in.
package latency

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	subBits = 3
	subs    = 1 << subBits // buckets per power of two
	maxBits = 44           // durations from 2^44 ns, about 5 hours, are counted as that
	buckets = (maxBits - subBits + 1) * subs
)

// Recorder counts durations. The zero value is ready. Its methods may be called
// concurrently.
type Recorder struct {
	counts   [buckets]atomic.Int64
	sum, max atomic.Int64 // nanoseconds
}

// Record counts a duration; one below 0 counts as 0. It allocates nothing.
func (r *Recorder) Record(d time.Duration) {
	d = max(d, 0)
	r.counts[bucketOf(d)].Add(1)
	r.sum.Add(int64(d))
	for {
		old := r.max.Load()
		if int64(d) <= old || r.max.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// Load returns what was counted so far.
func (r *Recorder) Load() Histogram {
	h := Histogram{Sum: time.Duration(r.sum.Load()), Max: time.Duration(r.max.Load())}
	for i := range r.counts {
		if n := r.counts[i].Load(); n > 0 {
			h.counts = append(h.counts, bucketCount{i, n})
			h.Count += n
		}
	}
	return h
}

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	n := uint64(min(d, 1<<maxBits-1))
	if n < subs {
		return int(n)
	}
	shift := bits.Len64(n) - 1 - subBits
	return (shift+1)*subs + int(n>>shift)&(subs-1)
}

// lowest returns the smallest duration of a bucket.
func lowest(bucket int) time.Duration {
	if bucket < subs {
		return time.Duration(bucket)
	}
	shift := bucket/subs - 1
	return time.Duration(subs+bucket%subs) << shift
}

// Histogram tells how long operations took that were timed. The zero value is
// that of none.
type Histogram struct {
	Count int64         // operations that were timed
	Sum   time.Duration // of all
	Max   time.Duration // the longest

	counts []bucketCount // rising
}

type bucketCount struct {
	bucket int
	n      int64
}

// Mean returns the average, 0 if nothing was timed.
func (h Histogram) Mean() time.Duration { return h.Sum / time.Duration(max(h.Count, 1)) }

// Quantile returns a duration that the fraction q of the operations, from 0 to 1,
// did not exceed, to an eighth of its value; 0 if nothing was timed.
func (h Histogram) Quantile(q float64) time.Duration {
	want := int64(q * float64(h.Count))
	for _, c := range h.counts {
		if want -= c.n; want < 0 {
			return min(lowest(c.bucket+1), h.Max)
		}
	}
	return h.Max
}

// String prints the count and some quantiles.
func (h Histogram) String() string {
	return fmt.Sprintf("%d timed, mean %v, half ≤ %v, 99%% ≤ %v, 99.9%% ≤ %v, max %v",
		h.Count, h.Mean(), h.Quantile(.5), h.Quantile(.99), h.Quantile(.999), h.Max)
}

// MarshalJSON writes the same, durations in nanoseconds.
func (h Histogram) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Count int64         `json:"count"`
		Mean  time.Duration `json:"mean_ns"`
		P50   time.Duration `json:"p50_ns"`
		P99   time.Duration `json:"p99_ns"`
		P999  time.Duration `json:"p999_ns"`
		Max   time.Duration `json:"max_ns"`
	}{h.Count, h.Mean(), h.Quantile(.5), h.Quantile(.99), h.Quantile(.999), h.Max})
}
