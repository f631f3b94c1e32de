package varve_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
	"github.com/varvedb/varve/vfs"
)

// TestLargeCommitsReadAheadAsATask makes commits of many edits in a map that is
// larger than the caches, one task at a time in an order that the seed chooses,
// while some reads of the disk fail: a commit is there wholly, or there is an error.
func TestLargeCommitsReadAheadAsATask(t *testing.T) {
	errRead := errors.New("a read failed")
	seeds, failures := uint64(6), 0
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 1))
		sim, disk := vfs.NewSim(seed), vfs.NewFaulty(vfs.NewMem())
		disk.SetYield(sim.Yield)
		failing := false
		disk.SetHook(func(op vfs.Op) error {
			if failing && op.Kind == vfs.OpRead && rng.IntN(15) == 0 {
				return errRead
			}
			return nil
		})
		stuck := sim.Run(func() {
			db := must(varve.Open("db", &varve.Options{FS: disk, Executor: sim, Memory: 1 << 20}))(t)
			m := must(varve.OpenVersionMap[uint64, int](db, "v"))(t)
			main := must(m.Main())(t)
			want := map[uint64]int{}
			for commit := range 40 {
				failing = commit >= 20
				next := maps.Clone(want)
				var e version.Edits[uint64, int]
				for range 1000 / (1 + commit%3) {
					k := rng.Uint64N(20_000)
					e.Put(k, commit)
					next[k] = commit
				}
				_, err := main.CommitEdits(&e, "more", nil)
				switch {
				case err == nil:
					want = next
				case errors.Is(err, errRead):
					failures++
				default:
					t.Fatal(err)
				}
			}
			failing = false
			st := must(main.State())(t)
			all := st.All()
			if got := maps.Collect(all.All()); all.Err() != nil || !maps.Equal(got, want) {
				t.Errorf("%d keys, want %d: %v", len(got), len(want), all.Err())
			}
			check(t, db.Verify(ctx, nil))
			check(t, db.Close())
		})
		check(t, stuck)
	}
	if failures == 0 {
		t.Error("no commit met a read that failed")
	}
}
