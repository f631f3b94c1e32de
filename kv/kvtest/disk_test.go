package kvtest

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/vfs"
)

// diskRef is the reference engine with random options.
func diskRef() Engine { return Engine{Name: "ref", Open: openDiskRef} }

func openDiskRef(ctx context.Context, env Env) (kv.Store, error) {
	opt := &ref.Options{FS: env.FS, Executor: env.Executor, Dir: env.Dir, ReadOnly: env.ReadOnly,
		MustExist: env.MustExist, MustBeNew: env.MustBeNew, Mergers: env.Mergers, Logger: env.Logger}
	if env.Seed != 0 {
		rng := rand.New(rand.NewPCG(env.Seed, 0))
		opt.SnapshotLogBytes = []int64{1, 2000, 20_000, 0}[rng.IntN(4)]
		opt.SegmentBytes = []int64{4096, 5000, 20_000, 0}[rng.IntN(4)]
		opt.LogRetention = []int64{-1, 10_000, 0}[rng.IntN(3)]
		opt.SpillBytes = []int{1, 300, 10_000, 0}[rng.IntN(4)]
	}
	s, err := ref.Open(ctx, opt)
	if err != nil {
		return nil, err // not s, which would be a Store that is not nil
	}
	return s, nil
}

// traces runs each scenario without a fault and returns what the disk and the
// executor did in it.
func traces(t *testing.T, seed uint64) map[string][2]uint64 {
	t.Helper()
	begins, err := diskImages(diskRef(), seed)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][2]uint64{}
	for _, sc := range diskScenarios() {
		s := begins[sc.begin].session(diskRef(), seed)
		err := s.run(func() error {
			err := s.play(sc, func(vfs.Op) error { return nil })
			return firstWrong(err, s.close(), s.wrong)
		})
		if err != nil {
			t.Fatalf("%s: %v", sc.name, err)
		}
		all[sc.name] = [2]uint64{s.trace, s.sim.Trace()}
	}
	return all
}

func TestASeedMakesTheSameDiskOperations(t *testing.T) {
	for seed := range uint64(5) {
		first, second, other := traces(t, seed), traces(t, seed), traces(t, seed+100)
		for name, trace := range first {
			if second[name] != trace {
				t.Errorf("seed %d, %s: another run did other things", seed, name)
			}
		}
		if first["two writers"] == other["two writers"] {
			t.Errorf("seeds %d and %d did the same things", seed, seed+100)
		}
	}
}
