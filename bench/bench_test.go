package main

import (
	"testing"
	"time"
)

func TestEveryBenchmarkRuns(t *testing.T) {
	s := settings{rounds: 1, per: 20 * time.Millisecond, dir: t.TempDir(), svg: t.TempDir() + "/plot.svg"}
	if err := syncBench(s); err != nil {
		t.Fatal(err)
	}
}
