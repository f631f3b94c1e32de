package protocol

import (
	"errors"
	"testing"

	"github.com/varvedb/varve/models/internal/explore"
)

const limit = 5_000_000

func TestNoInterleavingLosesAWriteToALeaf(t *testing.T) { holds(t, Leaf(NoLeafBug)) }
func TestNoInterleavingBreaksTheLog(t *testing.T)       { holds(t, Log(NoLogBug)) }
func TestEverySnapshotFindsItsVersion(t *testing.T)     { holds(t, Snapshot(NoSnapshotBug)) }

func TestTheSeededBugsAreFound(t *testing.T) {
	t.Run("pass over empty", func(t *testing.T) { fails(t, Leaf(PassOverEmpty)) })
	t.Run("trust the leaf", func(t *testing.T) { fails(t, Leaf(TrustTheLeaf)) })
	t.Run("trust the index", func(t *testing.T) { fails(t, Leaf(TrustTheIndex)) })
	t.Run("absorb unsealed", func(t *testing.T) { fails(t, Merge(AbsorbUnsealed, mergeCases["a"])) })
	t.Run("merge again", func(t *testing.T) { fails(t, Merge(MergeAgain, mergeCases["a"])) })
	t.Run("swap first", func(t *testing.T) { fails(t, Merge(SwapFirst, mergeCases["a"])) })
	t.Run("write early", func(t *testing.T) { fails(t, Log(WriteEarly)) })
	t.Run("cut late", func(t *testing.T) { fails(t, Snapshot(CutLate)) })
	t.Run("register late", func(t *testing.T) { fails(t, Snapshot(RegisterLate)) })
}

func holds[S comparable](t *testing.T, m explore.Model[S]) {
	t.Helper()
	r, err := explore.All(m, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d states, %d steps", r.States, r.Steps)
}

func fails[S comparable](t *testing.T, m explore.Model[S]) {
	t.Helper()
	_, err := explore.All(m, limit)
	var v *explore.Violation
	if !errors.As(err, &v) {
		t.Fatal("the bug was not found:", err)
	}
	t.Log(v)
}

// mergeCases are the cases of merging that are checked.
var mergeCases = map[string]MergeCase{
	"a":  {Keys: 2, Writers: []uint8{1, 1}, Mergers: []uint8{1}, Scan: true},
	"a2": {Keys: 2, Writers: []uint8{0, 1}, Mergers: []uint8{1}, Scan: true},
	"a3": {Keys: 2, Writers: []uint8{0, 1}, Mergers: []uint8{1}, Get: []uint8{1}},
	"b":  {Keys: 2, Full: true, Writers: []uint8{0, 1}, Mergers: []uint8{1}, Get: []uint8{1}},
	"c":  {Keys: 3, Writers: []uint8{1}, Mergers: []uint8{1, 2}, Scan: true},
}

func TestNoInterleavingLosesAWriteToAMerge(t *testing.T) {
	for name, c := range mergeCases {
		t.Run(name, func(t *testing.T) { holds(t, Merge(NoMergeBug, c)) })
	}
}
