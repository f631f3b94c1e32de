package kvbench

import "fmt"

// Options of a measurement. DefaultOptions are a place to start.
type Options struct {
	N           uint64  // records
	Value       int     // bytes of a value, at least 16
	Dir         string  // where databases are made
	CacheKiB    int     // block cache
	SmallKiB    int     // block cache of the workloads with a small one
	WriteMiB    int     // write buffer
	BloomBits   int     // per key
	Compression string  // none, snappy, lz4, zstd
	Workers     int     // background threads for compaction
	MaxSecs     float64 // limit of one timed phase; 0 is none
	WriteRate   int     // writes/s beside the readers of readwhilewriting
	Seed        uint64
	Profile     string // directory for a CPU profile of each phase; empty is none
}

// DefaultOptions are one million records of 256 bytes.
func DefaultOptions() Options {
	return Options{N: 1_000_000, Value: 256, CacheKiB: 256 << 10, SmallKiB: 256, WriteMiB: 64,
		BloomBits: 10, Compression: "snappy", Workers: 2, MaxSecs: 10, WriteRate: 20000, Seed: 1}
}

// Result is what one workload gave with one engine.
type Result struct {
	Engine      string     `json:"engine"`
	Version     string     `json:"version"`
	Workload    string     `json:"workload"`
	Threads     int        `json:"threads"`
	N           uint64     `json:"n"`
	Value       int        `json:"value"`
	Durability  Durability `json:"durability"` // of the writes; empty where there are none
	Compression string     `json:"compression"`
	CacheKiB    int        `json:"cache_kib"`

	Ops        uint64  `json:"ops"`
	Secs       float64 `json:"secs"`
	OpsPerS    float64 `json:"ops_per_s"`
	P50        int64   `json:"p50_ns"`
	P99        int64   `json:"p99_ns"`
	P999       int64   `json:"p999_ns"`
	CPUPerOp   float64 `json:"cpu_us_per_op"`       // of all threads, the last Flush included
	AllocPerOp float64 `json:"alloc_bytes_per_op"`  // on the heap of Go
	WritePerOp float64 `json:"write_bytes_per_op"`  // to the block layer
	ReadPerOp  float64 `json:"read_bytes_per_op"`   // from the block layer
	PeakBytes  int64   `json:"peak_memory"`         // resident, mapped pages of files included
	Disk       int64   `json:"disk_bytes"`          // after the phase
	SpaceAmp   float64 `json:"space_amp,omitempty"` // disk against live keys and values
	WriteAmp   float64 `json:"write_amp,omitempty"` // bytes written against keys and values written

	// Of fills: the last Flush, and what it makes of the rate.
	FlushSecs    float64 `json:"flush_s,omitempty"`
	FlushedPerS  float64 `json:"flushed_ops_per_s,omitempty"`
	CompactedAmp float64 `json:"write_amp_compacted,omitempty"` // with a full Compact

	Extra    map[string]float64 `json:"extra,omitempty"`
	Verified uint64             `json:"verified"` // records compared with what was written
}

// Row names the line of a table: the workload and the number of goroutines.
func (x *Result) Row() string { return fmt.Sprintf("%s@%d", x.Workload, x.Threads) }
