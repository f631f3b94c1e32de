package vfs

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
)

// script does one operation of each kind that needs no mapping. It stops at the
// first error.
func script(fsys FS) error {
	if err := fsys.MkdirAll("d"); err != nil {
		return err
	}
	lock, err := fsys.Lock("d/LOCK", LockOptions{})
	if err != nil {
		return err
	}
	defer lock.Close()
	f, err := fsys.Create("d/a")
	if err != nil {
		return err
	}
	defer f.Close()
	for _, do := range []func() error{
		func() error { return second(f.WriteAt([]byte("hello"), 0)) },
		func() error { return f.Preallocate(0, 100) },
		func() error { return f.PunchHole(50, 10) },
		f.Sync,
		func() error { return f.Truncate(5) },
		func() error { return second(f.Size()) },
		func() error { return second(f.ReadAt(make([]byte, 5), 0)) },
		func() error { return fsys.Link("d/a", "d/b") },
		func() error { return fsys.Rename("d/b", "d/c") },
		func() error { return fsys.Remove("d/c") },
		func() error { return second(fsys.List("d")) },
		func() error { return second(fsys.Stat("d/a")) },
		func() error { return second(fsys.Usage("d")) },
		func() error { return fsys.SyncDir("d") },
		func() error { return second(fsys.Open("d/a")) },
		func() error { return second(fsys.OpenWrite("d/a")) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func TestFaultyCountsEveryOperation(t *testing.T) {
	f := NewFaulty(NewMem())
	var ops []Op
	yields := 0
	f.SetYield(func() { yields++ })
	f.SetHook(func(op Op) error { ops = append(ops, op); return nil })
	check(t, script(f))
	want(t, f.Ops(), int64(len(ops)))
	want(t, yields, len(ops))
	seen := map[OpKind]bool{}
	for i, op := range ops {
		want(t, op.Index, int64(i))
		if op.Name == "" {
			t.Errorf("%v has no name", op)
		}
		seen[op.Kind] = true
	}
	for kind := OpCreate; kind < OpMap; kind++ {
		if !seen[kind] {
			t.Errorf("no operation of kind %v was counted", kind)
		}
	}
	i := slices.IndexFunc(ops, func(op Op) bool { return op.Kind == OpRename })
	want(t, ops[i].NewName, "d/c")
}

func TestFaultyFailsEachOperation(t *testing.T) {
	mine := errors.New("mine")
	for k := int64(0); ; k++ {
		f := NewFaulty(NewMem())
		var failed Op
		at := FailAt(k, mine)
		f.SetHook(func(op Op) error {
			err := at(op)
			if err != nil {
				failed = op
			}
			return err
		})
		err := script(f)
		if failed.Name == "" {
			check(t, err)
			return
		}
		if failed.Kind == OpCloseFile || failed.Kind == OpUnlock {
			continue // script does not look at these
		}
		wantIs(t, err, mine)
		var named *fs.PathError
		if !errors.As(err, &named) || named.Path != failed.Name {
			t.Fatalf("the error %v does not name %s", err, failed.Name)
		}
	}
}

func TestFaultyFailAtCountsKinds(t *testing.T) {
	f := NewFaulty(NewMem())
	file := put(t, f, "a", "x")
	f.SetHook(FailAt(1, ErrInjected, OpSync, OpWrite))
	check(t, file.Sync())
	check(t, second(file.Size()))
	wantIs(t, second(file.WriteAt([]byte("y"), 0)), ErrInjected)
	check(t, second(file.WriteAt([]byte("z"), 0)))
	f.SetHook(nil)
	want(t, get(t, f, "a"), "z")
}

func TestFaultyShortIO(t *testing.T) {
	f := NewFaulty(NewMem())
	file := put(t, f, "a", "hello")
	f.SetHook(FailAt(0, ShortIO(2, ErrNoSpace), OpWrite))
	n, err := file.WriteAt([]byte("JELLY"), 0)
	wantIs(t, err, ErrNoSpace)
	want(t, n, 2)
	want(t, get(t, f, "a"), "JEllo")
	f.SetHook(FailAt(0, ShortIO(3, nil), OpRead))
	buf := make([]byte, 5)
	n, err = file.ReadAt(buf, 0)
	wantIs(t, err, ErrInjected)
	want(t, string(buf[:n]), "JEl")
}

func TestFaultyDroppedSync(t *testing.T) {
	m := NewMem()
	f := NewFaulty(NewFaulty(m))
	file := put(t, f, "a", "old")
	check(t, file.Sync())
	check(t, second(file.WriteAt([]byte("newer"), 0)))
	f.SetHook(FailAt(0, DroppedSync(nil), OpSync))
	wantIs(t, file.Sync(), ErrInjected)
	want(t, get(t, f, "a"), "old")
	check(t, file.Sync())
	check(t, m.SyncDir("/"))
	want(t, get(t, m.CrashClone(CrashOptions{Mode: KeepNone}), "a"), "old")
}

func TestFaultyCrash(t *testing.T) {
	for k := int64(0); ; k++ {
		m := NewMem()
		f := NewFaulty(m)
		f.SetHook(CrashAt(k))
		err := script(f)
		if !f.Crashed() {
			check(t, err)
			want(t, f.Ops(), k)
			return
		}
		want(t, f.Ops(), k+1)
		wantIs(t, f.Remove("d/a"), ErrInjectedCrash)
		wantIs(t, second(f.Open("d/a")), ErrInjectedCrash)
		want(t, f.Ops(), k+1)
		check(t, m.MkdirAll("d"))
		lock, err := m.Lock("d/LOCK", LockOptions{})
		check(t, err)
		check(t, lock.Close())
	}
}

func TestFaultyCrashInAWrite(t *testing.T) {
	f := NewFaulty(NewMem())
	file := put(t, f, "a", "hello")
	f.SetHook(FailAt(0, ShortIO(1, ErrInjectedCrash), OpWrite))
	wantIs(t, second(file.WriteAt([]byte("JELLY"), 0)), ErrInjectedCrash)
	wantIs(t, file.Sync(), ErrInjectedCrash)
	want(t, get(t, f.inner, "a"), "Jello")
}

func TestOpKinds(t *testing.T) {
	names := map[string]bool{}
	for kind := OpCreate; kind <= OpMap+1; kind++ {
		names[kind.String()] = true
	}
	want(t, len(names), int(OpMap)+2)
	want(t, OpWrite.Mutates(), true)
	want(t, OpRead.Mutates(), false)
}

func TestFaultyWithoutHookDoesNotAllocate(t *testing.T) {
	file := put(t, NewFaulty(NewMem()), "a", "hello")
	buf := make([]byte, 5)
	want(t, testing.AllocsPerRun(100, func() { check(t, second(file.ReadAt(buf, 0))) }), 0)
}
