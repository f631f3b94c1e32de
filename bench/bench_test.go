package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/varvedb/varve/bench/kvbench"
)

func TestMain(m *testing.M) {
	kvbench.Child()
	os.Exit(m.Run())
}

func TestEveryBenchmarkRuns(t *testing.T) {
	s := settings{rounds: 1, per: 20 * time.Millisecond, dir: t.TempDir(), svg: t.TempDir() + "/plot.svg"}
	if err := syncBench(s); err != nil {
		t.Fatal(err)
	}
}

// Every case runs, passes its verification, and leaves the files asked for.
func TestEveryCaseOfKVRuns(t *testing.T) {
	for _, c := range kvbench.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			s := tinyKV(t, c)
			if err := kvBench(s, io.Discard); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{s.svg, s.md, s.raw} {
				if info, err := os.Stat(path); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
}

func TestEveryWorkloadHasATarget(t *testing.T) {
	targets, err := parseTargets(kvTargetText)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range kvbench.Cases() {
		for _, row := range c.Workloads {
			name, threads, _ := strings.Cut(row, "@")
			if targets[row] == 0 && targets[name+"-fill@"+threads] == 0 {
				t.Errorf("%s has no target", row)
			}
		}
	}
}

func tinyKV(t *testing.T, c kvbench.Case) kvSettings {
	t.Helper()
	s := kvSettings{Options: kvbench.DefaultOptions(), bench: c, rounds: 1}
	s.N, s.Value, s.MaxSecs, s.Dir, s.WriteMiB, s.CacheKiB = 1000, 64, 0.05, t.TempDir(), 4, 4096
	out := t.TempDir()
	s.svg, s.md, s.raw = filepath.Join(out, "plot.svg"), filepath.Join(out, "tables.md"), filepath.Join(out, "raw.json")
	var err error
	if s.entrants, err = kvEntrants("varve-lsm,varve-ref,bbolt", c); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTargetsCompareEqualDurability(t *testing.T) {
	result := func(engine string, d kvbench.Durability, rate float64) *kvbench.Result {
		return &kvbench.Result{Engine: engine, Workload: "fillseq", Threads: 1, Durability: d, OpsPerS: rate}
	}
	s := kvSettings{}
	var err error
	if s.entrants, err = kvEntrants("varve-lsm,varve-lsm-process,pebble,bbolt", s.bench); err != nil {
		t.Fatal(err)
	}
	r, err := newKVReport(s, []*kvbench.Result{
		result("varve-lsm", kvbench.Buffered, 100), result("varve-lsm-process", kvbench.Process, 300),
		result("pebble", kvbench.Process, 200), result("bbolt", kvbench.Buffered, 125),
	})
	if err != nil {
		t.Fatal(err)
	}
	// Against bbolt only the buffered 100 counts, against Pebble the 300.
	if d, ok := r.closest("fillseq@1"); !ok || d.peer != "bbolt" || d.ours != "varve-lsm" || d.ratio != 0.8 {
		t.Errorf("closest is %+v", d)
	}
	// Reads of the two are the same, so only one of them counts.
	r.by[[2]string{"scan@1", "varve-lsm-process"}] = []*kvbench.Result{{OpsPerS: 500}}
	r.by[[2]string{"scan@1", "varve-lsm"}] = []*kvbench.Result{{OpsPerS: 100}}
	r.by[[2]string{"scan@1", "pebble"}] = []*kvbench.Result{{OpsPerS: 200}}
	if d, _ := r.closest("scan@1"); d.ratio != 0.5 {
		t.Errorf("closest of reads is %+v", d)
	}
	if len(r.targets) == 0 || r.targets["fillseq@1"] == 0 {
		t.Error("no target for fillseq@1")
	}
}
