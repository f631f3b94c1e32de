package models

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
