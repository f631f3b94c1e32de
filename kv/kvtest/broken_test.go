package kvtest

import (
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// What proves engines must fail those that are wrong. Each of these is the
// reference engine with one mistake.

func crashes(e Engine) error     { return CheckCrash(e, CrashOptions{Seeds: []uint64{1, 2, 3, 4}}) }
func faultsIn(e Engine) error    { return CheckFault(e, FaultOptions{Seeds: []uint64{1, 2}}) }
func corruptions(e Engine) error { return CheckCorruption(e, CorruptionOptions{Seeds: []uint64{1}}) }
func isolation(e Engine) error   { return CheckIsolation(e, IsolationOptions{}) }
func model(e Engine) error       { return CheckModel(e, ModelOptions{}) }

func TestBrokenEnginesAreCaught(t *testing.T) {
	fs := func(b brokenFS) Engine {
		return onBrokenDisk(func(under vfs.FS) vfs.FS {
			wrapped := b
			wrapped.FS = under
			return &wrapped
		})
	}
	noSync := func(part string) Engine {
		return fs(brokenFS{noSync: func(name string) bool { return strings.Contains(name, part) }})
	}
	for _, c := range []struct {
		mistake string
		engine  Engine
		check   func(Engine) error
	}{
		{"the log is not synced", noSync(".log"), crashes},
		{"the snapshot is not synced", noSync("SNAP"), crashes},
		{"the description of the store is not synced", noSync("META"), crashes},
		{"directories are not synced", fs(brokenFS{noSyncDir: true}), crashes},
		{"a file is renamed before it is synced", fs(brokenFS{lateSync: true}), crashes},
		{"the target of a rename is removed first", fs(brokenFS{renameInTwo: true}), crashes},
		{"a failed sync is tried again and believed", fs(brokenFS{forgivesSync: true}), faultsIn},

		{"writes share sectors with durable ones, on a disk that minds", Engine{Name: "broken", Open: openDiskRef, Collateral: true}, crashes},

		{"a write is acknowledged before it is durable", brokenEngine(brokenStore{apply: tooSoon}), crashes},
		{"Sync does nothing", brokenEngine(brokenStore{sync: func(*brokenStore) error { return nil }}), crashes},
		{"a batch is applied in two parts", brokenEngine(brokenStore{apply: inTwo}), crashes},
		{"numbers come back after opening", brokenEngine(brokenStore{apply: countsAnew}), crashes},
		{"an unknown outcome is taken for a failure", brokenEngine(brokenStore{apply: sureOfFailure}), faultsIn},
		{"Close hangs after a failure", brokenEngine(hangs()), faultsIn},
		{"an iterator swallows an error", brokenEngine(brokenStore{iter: swallowErrors}), faultsIn},
		{"damage is cut off", ignoresDamage(), corruptions},
		{"the checksums of the log are not checked", fs(brokenFS{noSums: true}), corruptions},
		{"damage is a panic", panicsAtDamage(), corruptions},

		{"deletes are forgotten, and a crash", brokenEngine(brokenStore{apply: forgetDeletes}), crashes},
		{"deletes are forgotten", brokenEngine(brokenStore{apply: forgetDeletes}), model},
		{"snapshots show later writes", brokenEngine(brokenStore{snapshot: notIsolated}), model},
		{"spans read are not checked", withConditions(func(c *kv.Conditions) { c.Spans = nil }), isolation},
		{"keys read are not checked", withConditions(func(c *kv.Conditions) { c.Keys = nil }), isolation},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			t.Parallel()
			err := c.check(c.engine)
			if err == nil {
				t.Fatal("nobody noticed")
			}
			t.Log(err)
		})
	}
}
