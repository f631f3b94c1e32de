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
	t.Run("absorb unsealed", func(t *testing.T) { fails(t, Merge(AbsorbUnsealed, twoWriters)) })
	t.Run("merge again", func(t *testing.T) { fails(t, Merge(MergeAgain, sameKey)) })
	t.Run("scan the split", func(t *testing.T) { fails(t, Merge(ScanTheSplit, scanAll)) })
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

// The cases of merging: keys as numbers, leaves with room for one change or none.
var (
	twoWriters = MergeCase{Keys: 2, Writers: []uint8{0, 1}, Mergers: []uint8{1}}
	sameKey    = MergeCase{Keys: 2, Writers: []uint8{1, 1}, Mergers: []uint8{1}}
	scanning   = MergeCase{Keys: 2, Writers: []uint8{1}, Mergers: []uint8{1}, Scan: true}
	getting    = MergeCase{Keys: 2, Writers: []uint8{1}, Mergers: []uint8{1}, Get: []uint8{1}}
	leftwards  = MergeCase{Keys: 3, Full: true, Writers: []uint8{2}, Mergers: []uint8{1, 2}}

	// These take a few seconds each.
	mergedTwice = MergeCase{Keys: 2, Full: true, Writers: []uint8{0, 1}, Mergers: []uint8{1, 1}}
	scanAll     = MergeCase{Keys: 2, Full: true, Writers: []uint8{0, 1}, Mergers: []uint8{1}, Scan: true}
)

func TestNoInterleavingLosesAWriteToAMerge(t *testing.T) {
	t.Run("two writers", func(t *testing.T) { holds(t, Merge(NoMergeBug, twoWriters)) })
	t.Run("same key", func(t *testing.T) { holds(t, Merge(NoMergeBug, sameKey)) })
	t.Run("scan", func(t *testing.T) { holds(t, Merge(NoMergeBug, scanning)) })
	t.Run("get", func(t *testing.T) { holds(t, Merge(NoMergeBug, getting)) })
	t.Run("leftwards", func(t *testing.T) { holds(t, Merge(NoMergeBug, leftwards)) })
	if testing.Short() {
		t.Skip("what follows takes a few seconds each")
	}
	t.Run("merged twice", func(t *testing.T) { holds(t, Merge(NoMergeBug, mergedTwice)) })
	t.Run("scan all", func(t *testing.T) { holds(t, Merge(NoMergeBug, scanAll)) })
}
