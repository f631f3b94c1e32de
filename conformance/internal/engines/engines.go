// Package engines opens stores of all engines for the suites of this module.
package engines

import (
	"context"
	"iter"
	"testing"

	"github.com/varvedb/varve/bwtree"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/lsm"
	"github.com/varvedb/varve/vfs"
)

// Store is what every engine of the module is.
type Store interface {
	kv.Store
	kv.Verifier
}

// Open makes an empty store. It is the caller's to close, best with Close.
type Open func(testing.TB) Store

// Disk returns a file system and an empty directory of it.
type Disk func(testing.TB) (fs vfs.FS, dir string)

// System is a temporary directory of the system, where each durable write waits
// for the device.
func System(t testing.TB) (vfs.FS, string) { return vfs.System(), t.TempDir() }

// Simulated is a directory in memory: the engines do all that they do on a disk,
// for suites with more durable writes than a device takes in a minute.
func Simulated(testing.TB) (vfs.FS, string) { return vfs.NewMem(), "db" }

// Usual yields a way to open each engine with its defaults, in memory and on the
// disk, with a name for a subtest.
func Usual(disk Disk) iter.Seq2[string, Open] {
	return func(yield func(string, Open) bool) {
		_ = yield("lsm/memory", func(t testing.TB) Store { return openLSM(t, &lsm.Options{}) }) &&
			yield("lsm/disk", func(t testing.TB) Store {
				fs, dir := disk(t)
				return openLSM(t, &lsm.Options{FS: fs, Dir: dir})
			}) &&
			yield("bwtree/memory", func(t testing.TB) Store { return openTree(t, &bwtree.Options{}) }) &&
			yield("bwtree/disk", func(t testing.TB) Store {
				fs, dir := disk(t)
				return openTree(t, &bwtree.Options{FS: fs, Dir: dir})
			}) &&
			yield("ref/memory", func(t testing.TB) Store { return openRef(t, &ref.Options{}) }) &&
			yield("ref/disk", func(t testing.TB) Store {
				fs, dir := disk(t)
				return openRef(t, &ref.Options{FS: fs, Dir: dir})
			})
	}
}

// All yields what Usual does, and the LSM engine once more with such small
// buffers and tables that a suite reaches its levels.
func All(disk Disk) iter.Seq2[string, Open] {
	return func(yield func(string, Open) bool) {
		for name, open := range Usual(disk) {
			if !yield(name, open) {
				return
			}
		}
		yield("lsm/small", func(t testing.TB) Store { return openLSM(t, small()) })
	}
}

// Close verifies the store and closes it. Damage, and what was left open, fail
// the test.
func Close(t testing.TB, s Store) {
	t.Helper()
	if err := s.Verify(context.Background(), nil); err != nil {
		t.Errorf("verify: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func small() *lsm.Options {
	return &lsm.Options{WriteBuffer: 4 << 10, BlockSize: 256, L0Trigger: 2,
		LevelBase: 4 << 10, LevelMultiplier: 2, TargetFile: 2 << 10}
}

func openLSM(t testing.TB, opt *lsm.Options) Store {
	t.Helper()
	s, err := lsm.Open(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openTree(t testing.TB, opt *bwtree.Options) Store {
	t.Helper()
	s, err := bwtree.Open(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openRef(t testing.TB, opt *ref.Options) Store {
	t.Helper()
	s, err := ref.Open(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
