package ref_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/kvtest"
	"github.com/varvedb/varve/kv/ref"
)

// modelEngine opens the reference engine with options that follow from the seed.
func modelEngine() kvtest.Engine {
	return kvtest.Engine{Name: "ref", Open: func(ctx context.Context, env kvtest.Env) (kv.Store, error) {
		opt := &ref.Options{Dir: env.Dir, FS: env.FS, Executor: env.Executor, Logger: env.Logger, Mergers: env.Mergers,
			ReadOnly: env.ReadOnly, MustExist: env.MustExist, MustBeNew: env.MustBeNew}
		if env.Seed != 0 {
			rng := rand.New(rand.NewPCG(env.Seed, 1))
			opt.SnapshotLogBytes = 1 << (6 + rng.IntN(12))
			opt.SegmentBytes = 1 << (12 + rng.IntN(6))
			opt.SpillBytes = 1 << (5 + rng.IntN(12))
			opt.HistoryBytes = 1 << (14 + rng.IntN(6))
		}
		s, err := ref.Open(ctx, opt)
		if err != nil {
			return nil, err
		}
		return s, nil
	}}
}

func TestContract(t *testing.T)  { kvtest.RunContract(t, modelEngine()) }
func TestModel(t *testing.T)     { kvtest.RunModel(t, modelEngine(), kvtest.ModelOptions{}) }
func TestIsolation(t *testing.T) { kvtest.RunIsolation(t, modelEngine(), kvtest.IsolationOptions{}) }
func TestLeaks(t *testing.T)     { kvtest.RunLeaks(t, modelEngine()) }
