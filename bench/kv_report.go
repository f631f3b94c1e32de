package main

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/varvedb/varve/bench/kvbench"
)

// kvReport is the results of all rounds of a case, by row and engine.
type kvReport struct {
	kvSettings
	targets map[string]float64
	rows    []string // in the order of the runs
	by      map[[2]string][]*kvbench.Result
}

func newKVReport(s kvSettings, all []*kvbench.Result) (*kvReport, error) {
	targets, err := parseTargets(kvTargetText)
	if err != nil {
		return nil, err
	}
	r := &kvReport{kvSettings: s, targets: targets, by: map[[2]string][]*kvbench.Result{}}
	for _, x := range all {
		at := [2]string{x.Row(), x.Engine}
		r.by[at] = append(r.by[at], x)
		if !slices.Contains(r.rows, x.Row()) {
			r.rows = append(r.rows, x.Row())
		}
	}
	return r, nil
}

// kvMetric is one table: a figure of every result.
type kvMetric struct {
	title string
	of    func(*kvbench.Result) float64
	cell  func([]float64) string
}

func kvMetrics() []kvMetric {
	plain := func(v []float64) string { return thousands(median(v)) }
	return []kvMetric{
		{"ops/s", opsPerS, withSpread},
		{"p99, µs", func(x *kvbench.Result) float64 { return float64(x.P99) / 1e3 }, two},
		{"CPU, µs/op", func(x *kvbench.Result) float64 { return x.CPUPerOp }, two},
		{"allocated, B/op", func(x *kvbench.Result) float64 { return x.AllocPerOp }, plain},
		{"written to the disk, B/op", func(x *kvbench.Result) float64 { return x.WritePerOp }, plain},
		{"read from the disk, B/op", func(x *kvbench.Result) float64 { return math.Round(x.ReadPerOp) }, plain},
		{"space against keys and values", func(x *kvbench.Result) float64 { return x.SpaceAmp }, two},
		{"peak memory, MiB", func(x *kvbench.Result) float64 { return float64(x.PeakBytes) / (1 << 20) }, plain},
		{"flushed ops/s", func(x *kvbench.Result) float64 { return x.FlushedPerS }, withSpread},
		{"bytes written with a full compaction, against those put", func(x *kvbench.Result) float64 { return x.CompactedAmp }, two},
	}
}

func opsPerS(x *kvbench.Result) float64 { return x.OpsPerS }

func two(v []float64) string { return fmt.Sprintf("%.2f", median(v)) }

func (r *kvReport) values(row, engine string, of func(*kvbench.Result) float64) (v []float64) {
	for _, x := range r.by[[2]string{row, engine}] {
		v = append(v, of(x))
	}
	return v
}

// rate is the median of operations per second, 0 if there are none.
func (r *kvReport) rate(row, engine string) float64 { return median(r.values(row, engine, opsPerS)) }

func (r *kvReport) durability(row, engine string) kvbench.Durability {
	if results := r.by[[2]string{row, engine}]; len(results) > 0 {
		return results[0].Durability
	}
	return ""
}

// print writes the conditions, a table for each figure, and the targets.
func (r *kvReport) print(w io.Writer) {
	fmt.Fprintf(w, "Case %s: %d records of 16 B + %d B; cache %s, write buffer %d MiB, compression %s; %d rounds, the median ± half of the spread.\n\n",
		r.bench.Name, r.N, r.Value, kib(r.cache()), r.WriteMiB, r.Compression, r.rounds)
	r.engineTable().print(w)
	for _, m := range kvMetrics() {
		if t := r.table(m); t != nil {
			fmt.Fprintln(w)
			t.print(w)
		}
	}
	if t := r.targetTable(); len(t.rows) > 0 {
		fmt.Fprintln(w)
		t.print(w)
	}
}

func (r *kvReport) cache() int {
	if r.bench.SmallCache {
		return r.SmallKiB
	}
	return r.CacheKiB
}

func kib(n int) string {
	if n >= 1024 && n%1024 == 0 {
		return fmt.Sprintf("%d MiB", n/1024)
	}
	return fmt.Sprintf("%d KiB", n)
}

// engineTable tells what each engine is and what its unsynced writes survive.
func (r *kvReport) engineTable() *table {
	t := &table{head: []string{"engine", "version", "compression", "unsynced writes survive", "differs"}}
	survive := map[kvbench.Durability]string{kvbench.Buffered: "the process (buffered)", kvbench.Process: "nothing (process)"}
	for _, e := range r.entrants {
		for _, row := range r.rows {
			if results := r.by[[2]string{row, e.Name}]; len(results) > 0 {
				t.rows = append(t.rows, []string{e.Name, results[0].Version, results[0].Compression, survive[e.Unsynced], e.Notes})
				break
			}
		}
	}
	return t
}

// table returns one figure of all engines, or nil if it is nowhere above 0.
func (r *kvReport) table(m kvMetric) *table {
	t := &table{head: []string{m.title, "writes"}}
	for _, e := range r.entrants {
		t.head = append(t.head, e.Name)
	}
	any := false
	for _, row := range r.rows {
		cells := []string{row, r.writes(row)}
		for _, e := range r.entrants {
			v := r.values(row, e.Name, m.of)
			if len(v) == 0 || slices.Max(v) == 0 {
				cells = append(cells, "–")
				continue
			}
			any = true
			cells = append(cells, m.cell(v))
		}
		t.rows = append(t.rows, cells)
	}
	if !any {
		return nil
	}
	return t
}

// writes tells the durability of a row.
func (r *kvReport) writes(row string) string {
	for _, e := range r.entrants {
		switch r.durability(row, e.Name) {
		case kvbench.Sync:
			return "synced"
		case kvbench.Buffered, kvbench.Process:
			return "unsynced"
		}
	}
	return "none"
}

// plot shows each engine against the fastest peer in Go.
func (r *kvReport) plot() []byte {
	var lines []line
	for _, e := range r.entrants {
		l := line{name: e.Name}
		for _, row := range r.rows {
			l.y = append(l.y, r.rate(row, e.Name)/r.bestPeer(row))
		}
		lines = append(lines, l)
	}
	return dotPlot("Operations per second against the fastest peer in Go: "+r.bench.Name, "×", r.rows, lines)
}

// bestPeer is the rate of the fastest peer in Go, or of any engine if there are
// no peers.
func (r *kvReport) bestPeer(row string) float64 {
	best, any := 0.0, 1e-9
	for _, e := range r.entrants {
		x := r.rate(row, e.Name)
		any = max(any, x)
		if !e.Ours && !e.CGo {
			best = max(best, x)
		}
	}
	if best == 0 {
		return any
	}
	return best
}
