package lsm_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/kvtest"
	"github.com/varvedb/varve/lsm"
)

var engine = kvtest.Engine{Name: "lsm", Open: openForTest}

func TestTheEngineKeepsTheContract(t *testing.T) {
	t.Run("contract", func(t *testing.T) { kvtest.RunContract(t, engine) })
	t.Run("model", func(t *testing.T) { kvtest.RunModel(t, engine, kvtest.ModelOptions{}) })
	t.Run("isolation", func(t *testing.T) { kvtest.RunIsolation(t, engine, kvtest.IsolationOptions{}) })
	t.Run("leaks", func(t *testing.T) { kvtest.RunLeaks(t, engine) })
}

func TestAPowerCutAnywhereLosesNothing(t *testing.T) {
	kvtest.RunCrash(t, engine, kvtest.CrashOptions{})
}

func TestAFaultAnywhereIsAnError(t *testing.T) {
	kvtest.RunFault(t, engine, kvtest.FaultOptions{})
}

// The store has many small files here; make soak damages each byte of them.
func TestDamageAnywhereIsNoticed(t *testing.T) {
	kvtest.RunCorruption(t, engine, kvtest.CorruptionOptions{Places: 150})
}

func openForTest(ctx context.Context, env kvtest.Env) (kv.Store, error) {
	opt := &lsm.Options{FS: env.FS, Executor: env.Executor, Dir: env.Dir, ReadOnly: env.ReadOnly,
		MustExist: env.MustExist, MustBeNew: env.MustBeNew, Mergers: env.Mergers, Logger: env.Logger}
	if env.Seed != 0 {
		randomSizes(opt, rand.New(rand.NewPCG(env.Seed, 0)))
	}
	s, err := lsm.Open(ctx, opt)
	if err != nil {
		return nil, err // not s, which would be a Store that is not nil
	}
	return s, nil
}

// randomSizes makes everything that is bounded small, most of the time.
func randomSizes(opt *lsm.Options, rng *rand.Rand) {
	opt.WriteBuffer = []int64{1, 1000, 4000, 20_000, 0}[rng.IntN(5)]
	opt.MaxMemtables = rng.IntN(4)
	opt.BlockCache = []int64{-1, 1 << 12, 1 << 18, 0}[rng.IntN(4)]
	opt.MaxOpenFiles = []int{1, 3, 0}[rng.IntN(3)]
	opt.BlockSize = []int{64, 1 << 10, 64 << 10, 0}[rng.IntN(4)]
	opt.RestartInterval = []int{1, 3, 0}[rng.IntN(3)]
	opt.BloomBits = []int{-1, 1, 0}[rng.IntN(3)]
	opt.PrefixLength = []int{0, 8, 9}[rng.IntN(3)]
	opt.Compression = [][]lsm.Compression{nil, {lsm.NoCompression}, {lsm.LZ4}, {lsm.S2, lsm.Zstd}}[rng.IntN(4)]
	opt.L0Trigger = []int{1, 2, 0}[rng.IntN(3)]
	opt.L0Slowdown = []int{2, 0}[rng.IntN(2)]
	opt.L0Stop = []int{3, 0}[rng.IntN(2)]
	opt.LevelBase = []int64{1, 1000, 10_000, 0}[rng.IntN(4)]
	opt.LevelMultiplier = []int{2, 3, 0}[rng.IntN(3)]
	opt.TargetFile = []int64{1, 500, 4000, 0}[rng.IntN(4)]
	opt.MaxCompactions = rng.IntN(4)
	opt.MaxSubcompactions = rng.IntN(4)
	opt.CompactionRate = []int64{0, 1 << 20}[rng.IntN(2)]
	opt.SegmentBytes = []int64{4096, 5000, 20_000, 0}[rng.IntN(4)]
	opt.LogRetention = []int64{-1, 10_000, 0}[rng.IntN(3)]
	opt.SpillBytes = []int{1, 300, 10_000, 0}[rng.IntN(4)]
	opt.HistoryBytes = []int{1 << 14, 1 << 17, 0}[rng.IntN(3)]
}
