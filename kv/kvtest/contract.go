package kvtest

import (
	"fmt"
	"slices"
	"testing"
)

// clause is one statement of the contract, and the test that it is true.
type clause struct {
	name string
	test func(*subject)
}

// RunContract checks the behaviour that package kv describes, statement by
// statement: first with the engine's default options, then with two choices of
// random ones, or with those of VARVE_SEED.
func RunContract(t *testing.T, e Engine) {
	chapters := []struct {
		name    string
		clauses []clause
	}{
		{"basics", basicClauses()},
		{"batches", batchClauses()},
		{"merges", mergeClauses()},
		{"iterators", iterClauses()},
		{"snapshots", snapshotClauses()},
		{"indexed batches", indexedClauses()},
		{"conditions", conditionClauses()},
		{"transactions", slices.Concat(txnClauses(), txnRangeClauses())},
		{"durability and keyspaces", keyspaceClauses()},
		{"watching", watchClauses()},
		{"importing", importClauses()},
		{"closing", closeClauses()},
		{"opening", openClauses()},
		{"concurrency", raceClauses()},
	}
	for _, seed := range contractSeeds(t) {
		for _, c := range chapters {
			t.Run(fmt.Sprintf("%s of %s", c.name, optionsName(seed)), func(t *testing.T) {
				runClauses(t, e, seed, c.clauses)
			})
		}
	}
}

// contractSeeds are the options to check: the defaults and two random ones.
func contractSeeds(t *testing.T) []uint64 {
	list := seeds(t, 2)
	if len(list) > 1 {
		list = append([]uint64{0}, list...)
	}
	return list
}

func optionsName(seed uint64) string {
	if seed == 0 {
		return "the default options"
	}
	return fmt.Sprintf("options %d", seed)
}

func runClauses(t *testing.T, e Engine, seed uint64, list []clause) {
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() && seed != 0 {
					t.Logf("replay: VARVE_SEED=%d go test -run '%s'", seed, runPattern(t.Name()))
				}
			})
			c.test(newSubject(t, e, seed))
		})
	}
}
