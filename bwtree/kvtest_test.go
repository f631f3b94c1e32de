package bwtree_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/kvtest"
)

var engine = kvtest.Engine{Name: "bwtree", Open: openForTest}

func TestTheEngineKeepsTheContract(t *testing.T) {
	t.Run("contract", func(t *testing.T) { kvtest.RunContract(t, engine) })
	t.Run("model", func(t *testing.T) { kvtest.RunModel(t, engine, kvtest.ModelOptions{}) })
	t.Run("isolation", func(t *testing.T) { kvtest.RunIsolation(t, engine, kvtest.IsolationOptions{}) })
	t.Run("leaks", func(t *testing.T) { kvtest.RunLeaks(t, engine) })
}

// With leaves of two keys and one change, almost each put splits or merges one.
func TestTheSmallestLeavesKeepTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute, and random sizes are tried besides")
	}
	smallest := kvtest.Engine{Name: "bwtree with the smallest leaves", Open: func(ctx context.Context, env kvtest.Env) (kv.Store, error) {
		return openWith(ctx, env, func(opt *bwtree.Options) {
			opt.Fanout, opt.Deltas, opt.LeafBytes, opt.CacheBytes = 2, 1, 1, -1
		})
	}}
	t.Run("contract", func(t *testing.T) { kvtest.RunContract(t, smallest) })
	t.Run("model", func(t *testing.T) { kvtest.RunModel(t, smallest, kvtest.ModelOptions{}) })
	t.Run("isolation", func(t *testing.T) { kvtest.RunIsolation(t, smallest, kvtest.IsolationOptions{}) })
	t.Run("leaks", func(t *testing.T) { kvtest.RunLeaks(t, smallest) })
}

// Every sixth place, from one that the seed chooses; make soak tries all.
func TestAPowerCutAnywhereLosesNothing(t *testing.T) {
	kvtest.RunCrash(t, engine, kvtest.CrashOptions{Every: 6})
}

// Every eighth place, from one that the seed chooses; make soak tries all.
func TestAFaultAnywhereIsAnError(t *testing.T) {
	kvtest.RunFault(t, engine, kvtest.FaultOptions{Every: 8})
}

func TestDamageAnywhereIsNoticed(t *testing.T) {
	kvtest.RunCorruption(t, engine, kvtest.CorruptionOptions{Places: 150})
}

func openForTest(ctx context.Context, env kvtest.Env) (kv.Store, error) {
	return openWith(ctx, env, func(opt *bwtree.Options) {
		if env.Seed != 0 {
			randomSizes(opt, rand.New(rand.NewPCG(env.Seed, 0)))
		}
	})
}

// openWith opens a store for the harness, with what change makes of the options.
func openWith(ctx context.Context, env kvtest.Env, change func(opt *bwtree.Options)) (kv.Store, error) {
	opt := &bwtree.Options{FS: env.FS, Executor: env.Executor, Dir: env.Dir, ReadOnly: env.ReadOnly,
		MustExist: env.MustExist, MustBeNew: env.MustBeNew, Mergers: env.Mergers, Logger: env.Logger}
	change(opt)
	s, err := bwtree.Open(ctx, opt)
	if err != nil {
		return nil, err // not s, which would be a Store that is not nil
	}
	return s, nil
}

// randomSizes makes everything that is bounded small, most of the time.
func randomSizes(opt *bwtree.Options, rng *rand.Rand) {
	opt.Fanout = []int{2, 3, 5, 0}[rng.IntN(4)]
	opt.Deltas = []int{1, 2, 4, 0}[rng.IntN(4)]
	opt.LeafBytes = []int{1, 200, 2000, 0}[rng.IntN(4)]
	opt.CacheBytes = []int64{-1, 2000, 1 << 16, 0}[rng.IntN(4)]
	opt.RedoBytes = []int64{1, 2000, 20_000, 0}[rng.IntN(4)]
	opt.LogSegmentBytes = []int64{4096, 5000, 20_000, 0}[rng.IntN(4)]
	opt.LogRetention = []int64{-1, 10_000, 0}[rng.IntN(3)]
	opt.PageSegmentBytes = []int64{4096, 5000, 20_000, 0}[rng.IntN(4)]
}
