package varve_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"testing"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/version"
	"github.com/varvedb/varve/vfs"
)

// arriving is what comes from a clone that has commits of its own.
type arriving struct {
	bundle, patch []byte
	push, taken   []byte // what Push sends, and what answers it
	fetch         []byte // what answers Fetch
}

// recorded is the other end of a connection, as it was once.
type recorded struct {
	io.Reader
	io.Writer
}

// versionCases are operations on a versioned map that happen wholly or not at
// all.
func versionCases(from *arriving) []crashCase {
	on := func(f func(m *varve.VersionMap[string, int], main *version.Branch[string, int]) error) func(*varve.DB) error {
		return func(db *varve.DB) error {
			m, err := varve.OpenVersionMap[string, int](db, "v")
			if err != nil {
				return err
			}
			main, err := m.Main()
			if err != nil {
				return err
			}
			return f(m, main)
		}
	}
	type vmap = varve.VersionMap[string, int]
	type branch = version.Branch[string, int]
	return []crashCase{
		{"edit", on(func(_ *vmap, main *branch) error { return main.Put("new", 1) })},
		{"commit", on(func(_ *vmap, main *branch) error {
			var e version.Edits[string, int]
			e.Put("k3", 33)
			e.Delete("k4")
			_, err := main.CommitEdits(&e, "crash", nil)
			return err
		})},
		{"merge", on(func(m *vmap, main *branch) error {
			side, err := m.Branch("side")
			if err == nil {
				_, err = main.Merge(side, nil)
			}
			return err
		})},
		{"rebase", on(func(m *vmap, main *branch) error {
			side, err := m.Branch("side")
			if err != nil {
				return err
			}
			head, err := main.Head()
			return errors.Join(err, side.Rebase(head, nil))
		})},
		{"remove a branch", on(func(m *vmap, main *branch) error {
			side, err := m.Branch("side")
			return errors.Join(err, side.Remove())
		})},
		{"receive", on(func(m *vmap, _ *branch) error {
			_, err := m.Unbundle(bytes.NewReader(from.bundle), "")
			return err
		})},
		{"take a push", on(func(m *vmap, _ *branch) error {
			var answer bytes.Buffer
			err := m.Serve(recorded{bytes.NewReader(from.push), &answer})
			if err == nil && !bytes.Equal(answer.Bytes(), from.taken) {
				err = version.ErrRefused
			}
			return err
		})},
		{"fetch", on(func(m *vmap, _ *branch) error {
			_, err := m.Fetch(recorded{bytes.NewReader(from.fetch), io.Discard}, "origin")
			return err
		})},
		{"apply a patch", on(func(m *vmap, main *branch) error {
			p, err := m.ReadPatch(bytes.NewReader(from.patch))
			if err == nil {
				_, err = main.ApplyPatch(p, nil)
			}
			return err
		})},
		{"truncate", on(func(m *vmap, main *branch) error {
			_, err := m.Truncate(version.Retention{Last: 1})
			return err
		})},
	}
}

func versionContents(disk *vfs.Mem) (text string, err error) {
	sim := vfs.NewSim(1)
	if stuck := sim.Run(func() {
		var db *varve.DB
		if db, err = varve.Open("db", &varve.Options{FS: disk, Executor: sim}); err != nil {
			return
		}
		text, err = describeVersions(db)
		err = errors.Join(err, db.Verify(ctx, nil), db.Close())
	}); stuck != nil {
		return "", stuck
	}
	return text, err
}

// describeVersions prints all branches with their working state and history.
func describeVersions(db *varve.DB) (string, error) {
	m, err := varve.OpenVersionMap[string, int](db, "v")
	if err != nil {
		return "", err
	}
	list, err := m.Branches()
	if err != nil {
		return "", err
	}
	text := ""
	for _, info := range list {
		b := m.BranchByID(info.ID)
		c := b.All()
		text += fmt.Sprint(info.Name, maps.Collect(c.All()))
		log := b.Log(false)
		for c := range log.All() {
			text += fmt.Sprint(" ", c.Message, c.Len(), len(c.Parents))
		}
		if err := errors.Join(c.Err(), log.Err()); err != nil {
			return "", err
		}
	}
	return text, nil
}

// versionDisk returns a disk with a map that has two branches apart.
func versionDisk(t *testing.T, engine varve.Engine) *vfs.Mem {
	t.Helper()
	disk := vfs.NewMem()
	db := must(varve.Open("db", &varve.Options{FS: disk, Engine: engine}))(t)
	m, err := varve.OpenVersionMap[string, int](db, "v")
	check(t, err)
	check(t, m.KeepReflog(0))
	main := must(m.Main())(t)
	step := func(b *version.Branch[string, int], n int) {
		var e version.Edits[string, int]
		for i := range 6 {
			e.Put(fmt.Sprint("k", n+i), n)
		}
		must(b.CommitEdits(&e, fmt.Sprint("c", n), nil))(t)
	}
	step(main, 0)
	step(main, 1)
	side := must(main.Fork("side"))(t)
	step(main, 3)
	step(side, 5)
	step(side, 6)
	check(t, db.Close())
	return disk
}

// arrivingAt returns what comes from a clone of the map on a disk.
func arrivingAt(t *testing.T, disk *vfs.Mem) *arriving {
	t.Helper()
	theirs := must(varve.Open("db", &varve.Options{FS: disk.Clone()}))(t)
	m, main := openVersionsNamed(t, theirs, "v")
	base := must(main.Head())(t)
	for i := range 3 {
		var e version.Edits[string, int]
		e.Put(fmt.Sprint("k", i), 100+i)
		must(main.CommitEdits(&e, fmt.Sprint("elsewhere ", i), nil))(t)
	}
	var bundle, patch bytes.Buffer
	side := must(must(m.Branch("side"))(t).Head())(t)
	check(t, m.Bundle(&bundle, base, side))
	must(m.WritePatch(&patch, base, must(main.Head())(t)))(t)

	from := &arriving{bundle: bundle.Bytes(), patch: patch.Bytes()}
	ours := must(varve.Open("db", &varve.Options{FS: disk.Clone()}))(t)
	n, _ := openVersionsNamed(t, ours, "v")
	from.push, from.taken = recordOf(t, n, func(rw io.ReadWriter) error { return m.Push(rw, main) })
	check(t, ours.Close())
	ours = must(varve.Open("db", &varve.Options{FS: disk.Clone()}))(t)
	n, _ = openVersionsNamed(t, ours, "v")
	_, from.fetch = recordOf(t, m, func(rw io.ReadWriter) error {
		_, err := n.Fetch(rw, "origin")
		return err
	})
	check(t, errors.Join(ours.Close(), theirs.Close()))
	return from
}

// recordOf does something with a map that serves, and returns what was sent
// there and what it answered.
func recordOf(t *testing.T, served *varve.VersionMap[string, int], do func(io.ReadWriter) error) (sent, answered []byte) {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- served.Serve(there) }()
	var out, in bytes.Buffer
	check(t, do(recorded{io.TeeReader(here, &in), io.MultiWriter(here, &out)}))
	check(t, here.Close())
	check(t, <-done)
	return out.Bytes(), in.Bytes()
}

func TestAPowerCutNeverLeavesABranchWithoutItsNodes(t *testing.T) {
	for _, e := range []varve.Engine{varve.LSM(nil), varve.BTree(nil), varve.Reference(nil)} {
		if only := engine(); only != nil && only.Name() != e.Name() {
			continue
		}
		start := versionDisk(t, e)
		before := must(versionContents(start.Clone()))(t)
		for _, c := range versionCases(arrivingAt(t, start)) {
			t.Run(e.Name()+" "+c.name, func(t *testing.T) { cutPowerAnywhere(t, start, before, c) })
		}
	}
}

// cutPowerAnywhere does something and cuts the power at each operation of the
// disk in turn. What is there after is what was there before or all of it.
func cutPowerAnywhere(t *testing.T, start *vfs.Mem, before string, c crashCase) {
	done := start.Clone()
	check(t, actOn(done, c))
	after := must(versionContents(done))(t)
	if after == before {
		t.Fatal("the operation changes nothing")
	}
	for k := int64(0); ; k++ {
		disk := start.Clone()
		faulty := vfs.NewFaulty(disk)
		faulty.SetHook(vfs.CrashAt(k))
		acted := false
		err := actOn(faulty, crashCase{c.name, func(db *varve.DB) error {
			err := c.act(db)
			acted = err == nil
			return err
		}})
		for seed := range uint64(3) {
			clone := disk.CrashClone(vfs.CrashOptions{Seed: seed + uint64(k)*3, Mode: vfs.CrashMode(seed)})
			got, err := versionContents(clone)
			if err != nil {
				t.Fatalf("cut at operation %d, seed %d: %v", k, seed, err)
			}
			if got != after && (acted || got != before) {
				t.Fatalf("cut at operation %d, seed %d: %s\nbefore %s\nafter  %s\nacknowledged: %v", k, seed, got, before, after, acted)
			}
		}
		if !faulty.Crashed() {
			check(t, err)
			return
		}
	}
}
