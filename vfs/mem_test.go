package vfs

import (
	"strings"
	"testing"
)

func free(t testing.TB, m *Mem) int64 {
	t.Helper()
	u, err := m.Usage("/")
	check(t, err)
	return u.Free
}

func TestMemCapacity(t *testing.T) {
	m := NewMem()
	m.SetCapacity(4 * pageSize)
	f := put(t, m, "f", strings.Repeat("x", 3*pageSize))
	want(t, free(t, m), pageSize)
	n, err := f.WriteAt(make([]byte, 3*pageSize), 2*pageSize+10)
	wantIs(t, err, ErrNoSpace)
	want(t, n, 2*pageSize-10)
	wantSize(t, f, 4*pageSize)
	want(t, free(t, m), 0)

	_, err = m.Create("g")
	wantIs(t, err, ErrNoSpace)
	wantIs(t, m.MkdirAll("d"), ErrNoSpace)
	wantIs(t, f.Preallocate(0, 5*pageSize), ErrNoSpace)
	check(t, second(f.WriteAt([]byte("over"), 100)))
	check(t, f.Sync())
	check(t, m.Link("f", "l"))
	check(t, m.Rename("l", "k"))
	lock, err := m.Lock("LOCK", LockOptions{})
	check(t, err)
	check(t, lock.Close())

	check(t, f.PunchHole(0, pageSize))
	want(t, free(t, m), pageSize)
	check(t, f.Truncate(3*pageSize))
	want(t, free(t, m), 2*pageSize)
	check(t, m.Remove("f"))
	check(t, m.Remove("k"))
	want(t, free(t, m), 2*pageSize)
	check(t, f.Close())
	want(t, free(t, m), 4*pageSize)
}

func TestMemPreallocatedRoomIsReserved(t *testing.T) {
	m := NewMem()
	m.SetCapacity(4 * pageSize)
	f := put(t, m, "f", "")
	check(t, f.Preallocate(0, 3*pageSize))
	put(t, m, "g", "x")
	want(t, free(t, m), 0)
	check(t, second(f.WriteAt(make([]byte, 3*pageSize), 0)))
	wantIs(t, second(f.WriteAt([]byte("x"), 3*pageSize)), ErrNoSpace)
	clone := m.Clone()
	want(t, free(t, clone), 0)
	check(t, clone.Remove("g"))
	want(t, free(t, clone), pageSize)
}

func TestMemReplacedFileFreesRoom(t *testing.T) {
	m := NewMem()
	m.SetCapacity(10 * pageSize)
	for range 50 {
		check(t, WriteFile(m, "/", "f", make([]byte, 4*pageSize)))
	}
	want(t, free(t, m), 6*pageSize)
}

func TestMemReadOnly(t *testing.T) {
	m := NewMem()
	f := put(t, m, "f", "x")
	m.SetReadOnly(true)
	for _, err := range []error{
		second(m.Create("g")), second(m.OpenWrite("f")), m.Link("f", "g"), m.Rename("f", "g"),
		m.Remove("f"), m.MkdirAll("d"), second(m.Lock("LOCK", LockOptions{})), f.Truncate(0),
		second(f.WriteAt([]byte("y"), 0)), f.Preallocate(0, 1), f.PunchHole(0, 1),
	} {
		wantIs(t, err, ErrReadOnly)
	}
	check(t, f.Sync())
	check(t, m.MkdirAll("/"))
	want(t, get(t, m, "f"), "x")
	lock, err := m.Lock("LOCK", LockOptions{Shared: true})
	check(t, err)
	check(t, lock.Close())
	m.SetReadOnly(false)
	check(t, m.Remove("f"))
}

func TestMemCorrupt(t *testing.T) {
	m := NewMem()
	put(t, m, "f", "abc")
	check(t, m.SyncDir("/"))
	check(t, m.Corrupt("f", func(data []byte) []byte {
		data[1] ^= 1
		return append(data, "!"...)
	}))
	want(t, get(t, m, "f"), "acc!")
	want(t, get(t, m.CrashClone(CrashOptions{Mode: KeepNone}), "f"), "acc!")
	if m.Corrupt("none", nil) == nil {
		t.Fatal("damaged a file that is not")
	}
}

func TestMemNames(t *testing.T) {
	m := NewMem()
	check(t, m.MkdirAll("a/b"))
	put(t, m, "/a/b/../b/./f", "x")
	want(t, get(t, m, "a/b/f"), "x")
	want(t, get(t, m, "../a//b/f"), "x")
	for _, err := range []error{m.Remove("/"), second(m.Create("/")), m.Rename("/", "x")} {
		if err == nil {
			t.Fatal("changed the root")
		}
	}
}

func BenchmarkMemAppendSync(b *testing.B) {
	for _, c := range []struct {
		name string
		disk func() *Mem
	}{{"tracked", NewMem}, {"untracked", NewMemUntracked}} {
		b.Run(c.name, func(b *testing.B) {
			block := make([]byte, 4096)
			b.SetBytes(64 << 20)
			for b.Loop() {
				f, err := c.disk().Create("f")
				check(b, err)
				for off := int64(0); off < 64<<20; off += 4096 {
					check(b, second(f.WriteAt(block, off)))
					check(b, f.Sync())
				}
			}
		})
	}
}

func BenchmarkMemCrashClone(b *testing.B) {
	m := NewMem()
	f := put(b, m, "f", "")
	check(b, f.Preallocate(0, 64<<20))
	check(b, second(f.WriteAt(make([]byte, 1<<20), 0)))
	check(b, f.Sync())
	check(b, second(f.WriteAt(make([]byte, 10_000), 1<<20)))
	for seed := uint64(0); b.Loop(); seed++ {
		m.CrashClone(CrashOptions{Seed: seed})
	}
}

func TestMemSmallWritesDoNotAllocate(t *testing.T) {
	f := put(t, NewMem(), "f", "")
	check(t, f.Preallocate(0, 1<<20))
	record, off := make([]byte, 100), int64(0)
	allocs := testing.AllocsPerRun(1000, func() {
		check(t, second(f.WriteAt(record, off)))
		check(t, f.Sync())
		off += 100
	})
	if allocs > 1 { // a page now and then
		t.Fatalf("%v allocations for a write and a sync", allocs)
	}
}
