package lsm_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/varvedb/varve/kv/kvtest"
)

// TestSoak runs the harnesses with ever new seeds for as long as VARVE_SOAK
// says, exhaustively where the suite samples. `make soak` runs it.
func TestSoak(t *testing.T) {
	text := os.Getenv("VARVE_SOAK")
	if text == "" {
		t.Skip("VARVE_SOAK is not set: this is the long run of make soak")
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal("VARVE_SOAK:", err)
	}
	first := uint64(time.Now().Unix())
	for seed, begin := first, time.Now(); time.Since(begin) < length && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { soakOnce(t, engine, seed) })
	}
}

func soakOnce(t *testing.T, e kvtest.Engine, seed uint64) {
	kvtest.RunModel(t, e, kvtest.ModelOptions{Histories: 500, Ops: 400, Seed: seed * 1000})
	kvtest.RunIsolation(t, e, kvtest.IsolationOptions{Histories: 200, Clients: 8, Seed: seed * 1000})
	kvtest.RunCrash(t, e, kvtest.CrashOptions{Seeds: []uint64{seed}, States: 8, Recoveries: 6})
	kvtest.RunFault(t, e, kvtest.FaultOptions{Seeds: []uint64{seed}})
	kvtest.RunCorruption(t, e, kvtest.CorruptionOptions{Seeds: []uint64{seed}, Places: -1})
}
