package kvbench

import (
	"runtime/metrics"
	"time"
)

// usage is what this process has used up to now.
type usage struct {
	cpu       float64 // seconds of all threads, in the system too
	allocated uint64  // bytes on the heap of Go
	written   int64   // bytes that went to the block layer
	read      int64   // bytes that came from it
}

// usageNow returns the usage.
func usageNow() usage {
	u := systemUsage()
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	u.allocated = s[0].Value.Uint64()
	return u
}

func (u usage) since(o usage) usage {
	return usage{u.cpu - o.cpu, u.allocated - o.allocated, u.written - o.written, u.read - o.read}
}

func (u usage) plus(o usage) usage {
	return usage{u.cpu + o.cpu, u.allocated + o.allocated, u.written + o.written, u.read + o.read}
}

// clock reads a monotonic clock in nanoseconds.
type clock struct{ epoch time.Time }

func newClock() clock { return clock{time.Now()} }

func (c clock) nanos() int64 { return int64(time.Since(c.epoch)) }
