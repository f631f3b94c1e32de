package ref_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/kvtest"
	"github.com/varvedb/varve/kv/ref"
)

func TestTheEngineKeepsTheContract(t *testing.T) {
	kvtest.Run(t, kvtest.Engine{Name: "ref", Open: openForTest})
}

func openForTest(ctx context.Context, env kvtest.Env) (kv.Store, error) {
	opt := &ref.Options{FS: env.FS, Executor: env.Executor, Dir: env.Dir, ReadOnly: env.ReadOnly,
		MustExist: env.MustExist, MustBeNew: env.MustBeNew, Mergers: env.Mergers, Logger: env.Logger}
	if env.Seed != 0 {
		randomSizes(opt, rand.New(rand.NewPCG(env.Seed, 0)))
	}
	s, err := ref.Open(ctx, opt)
	if err != nil {
		return nil, err // not s, which would be a Store that is not nil
	}
	return s, nil
}

// randomSizes makes everything that is bounded small, most of the time.
func randomSizes(opt *ref.Options, rng *rand.Rand) {
	opt.SnapshotLogBytes = []int64{1, 2000, 20_000, 0}[rng.IntN(4)]
	opt.SegmentBytes = []int64{4096, 5000, 20_000, 0}[rng.IntN(4)]
	opt.LogRetention = []int64{-1, 10_000, 0}[rng.IntN(3)]
	opt.SpillBytes = []int{1, 300, 10_000, 0}[rng.IntN(4)]
	opt.HistoryBytes = []int{1 << 14, 1 << 17, 0}[rng.IntN(3)]
}
