// Package kvtest proves that an engine keeps the contract of package kv. [Run]
// is the whole suite; its parts are functions of their own, so that an engine's
// tests, or a long soak, can run one of them with other numbers.
//
// Nothing here knows an engine: an [Engine] value says how to open it, on which
// disk, with which executor and under which random options. All disk is
// simulated, every run follows from a seed, and every failure names the seed and
// the step that replay it: set VARVE_SEED to it and run the same test.
package kvtest

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Engine is an engine under test.
type Engine struct {
	// Name is part of the names of the tests.
	Name string
	// Open opens the store in env.Dir and makes it if there is none.
	Open func(ctx context.Context, env Env) (kv.Store, error)
	// Volatile says that the engine has no files: what is about reopening,
	// crashes, faults and corruption is left out.
	Volatile bool
	// Collateral says that the engine bears disks on which an interrupted write
	// destroys the rest of its sector; RunCrash then tries that too.
	Collateral bool
}

// Env is where and how a store is opened.
type Env struct {
	FS       vfs.FS
	Executor vfs.Executor
	Dir      string
	// Seed chooses the options at random: tiny buffers, tiny files, whatever the
	// engine has. 0 stands for its defaults.
	Seed      uint64
	ReadOnly  bool
	MustExist bool
	MustBeNew bool
	Mergers   kv.Mergers
	Logger    *slog.Logger
}

// Run runs the whole suite.
func Run(t *testing.T, e Engine) {
	t.Run("contract", func(t *testing.T) { RunContract(t, e) })
	t.Run("model", func(t *testing.T) { RunModel(t, e, ModelOptions{}) })
	t.Run("isolation", func(t *testing.T) { RunIsolation(t, e, IsolationOptions{}) })
	t.Run("leaks", func(t *testing.T) { RunLeaks(t, e) })
	if e.Volatile {
		return
	}
	t.Run("crash", func(t *testing.T) { RunCrash(t, e, CrashOptions{}) })
	t.Run("fault", func(t *testing.T) { RunFault(t, e, FaultOptions{}) })
	t.Run("corruption", func(t *testing.T) { RunCorruption(t, e, CorruptionOptions{}) })
}

// seeds returns n seeds, or the one that VARVE_SEED names.
func seeds(t testing.TB, n int) []uint64 {
	if s := os.Getenv("VARVE_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatalf("VARVE_SEED: %v", err)
		}
		return []uint64{seed}
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i + 1)
	}
	return list
}
