package kvtest

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// Soak runs the harnesses with ever new seeds for as long as VARVE_SOAK says,
// exhaustively where Run samples; without it the test is skipped.
func Soak(t *testing.T, e Engine) {
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
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { soakOnce(t, e, seed) })
	}
}

func soakOnce(t *testing.T, e Engine, seed uint64) {
	RunModel(t, e, ModelOptions{Histories: 500, Ops: 400, Seed: seed * 1000})
	RunIsolation(t, e, IsolationOptions{Histories: 200, Clients: 8, Seed: seed * 1000})
	RunCrash(t, e, CrashOptions{Seeds: []uint64{seed}, States: 8, Recoveries: 6})
	RunFault(t, e, FaultOptions{Seeds: []uint64{seed}})
	RunCorruption(t, e, CorruptionOptions{Seeds: []uint64{seed}, Places: -1})
}
