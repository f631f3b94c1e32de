package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestFS(t *testing.T) {
	t.Run("System", func(t *testing.T) { testFS(t, System(), filepath.ToSlash(t.TempDir())) })
	t.Run("Mem", func(t *testing.T) { testFS(t, NewMem(), "/") })
	t.Run("MemUntracked", func(t *testing.T) { testFS(t, NewMemUntracked(), "/") })
	t.Run("Faulty", func(t *testing.T) { testFS(t, NewFaulty(NewMem()), "/") })
	t.Run("FaultySystem", func(t *testing.T) {
		testFS(t, NewFaulty(System()), filepath.ToSlash(t.TempDir()))
	})
	t.Run("Clone", func(t *testing.T) { testFS(t, NewMem().CrashClone(CrashOptions{}), "/") })
}

// testFS is what every FS must pass. Each part works in a new directory below dir.
func testFS(t *testing.T, fsys FS, dir string) {
	for _, part := range []struct {
		name string
		test func(t *testing.T, fsys FS, dir string)
	}{
		{"Create", testCreate},
		{"ReadWrite", testReadWrite},
		{"Truncate", testTruncate},
		{"Preallocate", testPreallocate},
		{"Punch", testPunch},
		{"LargeOffsets", testLargeOffsets},
		{"Link", testLink},
		{"Rename", testRename},
		{"Remove", testRemove},
		{"Directories", testDirectories},
		{"Locks", testLocks},
		{"Closed", testClosed},
		{"Errors", testErrors},
		{"Usage", testUsage},
		{"WriteFile", testWriteFile},
		{"Map", testMap},
		{"Concurrent", testConcurrent},
	} {
		t.Run(part.name, func(t *testing.T) {
			sub := path.Join(dir, part.name)
			check(t, fsys.MkdirAll(sub))
			part.test(t, fsys, sub)
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error is %v, want %v", err, target)
	}
}

// put makes a file with a content and leaves it open.
func put(t testing.TB, fsys FS, name, data string) File {
	t.Helper()
	f, err := fsys.Create(name)
	check(t, err)
	_, err = f.WriteAt([]byte(data), 0)
	check(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func get(t testing.TB, fsys FS, name string) string {
	t.Helper()
	data, err := ReadFile(fsys, name, 1<<30)
	check(t, err)
	return string(data)
}

func want[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func wantSize(t testing.TB, f File, size int64) {
	t.Helper()
	got, err := f.Size()
	check(t, err)
	want(t, got, size)
}

func testCreate(t *testing.T, fsys FS, dir string) {
	name := dir + "/a"
	f := put(t, fsys, name, "hello")
	want(t, f.Name(), name)
	_, err := fsys.Create(name)
	wantIs(t, err, fs.ErrExist)
	_, err = fsys.Create(dir + "/no/a")
	wantIs(t, err, fs.ErrNotExist)
	_, err = fsys.Open(dir + "/b")
	wantIs(t, err, fs.ErrNotExist)
	_, err = fsys.OpenWrite(dir + "/b")
	wantIs(t, err, fs.ErrNotExist)
	want(t, get(t, fsys, name), "hello")
}

func testReadWrite(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", "hello")
	n, err := f.WriteAt([]byte("world"), 9000)
	check(t, err)
	want(t, n, 5)
	wantSize(t, f, 9005)
	n, err = f.WriteAt(nil, 20000)
	check(t, err)
	want(t, n, 0)
	wantSize(t, f, 9005)

	buf := make([]byte, 10)
	n, err = f.ReadAt(buf, 9000)
	want(t, string(buf[:n]), "world")
	want(t, err, io.EOF)
	n, err = f.ReadAt(buf, 1<<20)
	want(t, n, 0)
	want(t, err, io.EOF)
	_, err = f.ReadAt(buf, 0)
	check(t, err)
	want(t, string(buf), "hello\x00\x00\x00\x00\x00")
	if _, err = f.ReadAt(buf, -1); err == nil {
		t.Fatal("read at a negative offset")
	}
	if _, err = f.WriteAt(buf, -1); err == nil {
		t.Fatal("write at a negative offset")
	}
	check(t, f.Sync())

	r, err := fsys.Open(dir + "/a")
	check(t, err)
	defer r.Close()
	if _, err := r.WriteAt(buf, 0); err == nil {
		t.Fatal("write through a handle that is open for reading")
	}
	w, err := fsys.OpenWrite(dir + "/a")
	check(t, err)
	defer w.Close()
	_, err = w.WriteAt([]byte("J"), 0)
	check(t, err)
	_, err = r.ReadAt(buf[:5], 0)
	check(t, err)
	want(t, string(buf[:5]), "Jello")
}

func testTruncate(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", strings.Repeat("x", 5000))
	check(t, f.Truncate(10))
	check(t, f.Truncate(6000))
	want(t, get(t, fsys, dir+"/a"), strings.Repeat("x", 10)+strings.Repeat("\x00", 5990))
	check(t, f.Truncate(0))
	wantSize(t, f, 0)
	if f.Truncate(-1) == nil {
		t.Fatal("truncate to a negative length")
	}
}

func testPreallocate(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", "hello")
	check(t, f.Preallocate(0, 100_000))
	wantSize(t, f, 100_000)
	want(t, get(t, fsys, dir+"/a"), "hello"+strings.Repeat("\x00", 99_995))
	check(t, f.Preallocate(10, 20))
	wantSize(t, f, 100_000)
	for _, r := range [][2]int64{{-1, 5}, {5, -1}, {1 << 62, 1 << 62}} {
		if f.Preallocate(r[0], r[1]) == nil || f.PunchHole(r[0], r[1]) == nil {
			t.Fatalf("the range %v was taken", r)
		}
	}
}

func testPunch(t *testing.T, fsys FS, dir string) {
	data := bytes.Repeat([]byte("x"), 50_000)
	f := put(t, fsys, dir+"/a", string(data))
	for _, hole := range [][2]int64{{100, 200}, {4096, 8192}, {20_000, 9999}, {49_000, 5000}, {60_000, 10}, {5, 0}} {
		check(t, f.PunchHole(hole[0], hole[1]))
		clear(data[min(50_000, hole[0]):min(50_000, hole[0]+hole[1])])
		if get(t, fsys, dir+"/a") != string(data) {
			t.Fatalf("wrong content after the hole %v", hole)
		}
	}
	wantSize(t, f, 50_000)
}

func testLargeOffsets(t *testing.T, fsys FS, dir string) {
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("no sparse files")
	}
	const off = 5<<30 + 3
	f := put(t, fsys, dir+"/a", "x")
	_, err := f.WriteAt([]byte("far"), off)
	check(t, err)
	wantSize(t, f, off+3)
	buf := make([]byte, 4)
	_, err = f.ReadAt(buf, off-1)
	check(t, err)
	want(t, string(buf), "\x00far")
	check(t, f.PunchHole(off, 1))
	_, err = f.ReadAt(buf, off-1)
	check(t, err)
	want(t, string(buf), "\x00\x00ar")
	check(t, f.Truncate(0))
}

func testLink(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", "one")
	check(t, fsys.Link(dir+"/a", dir+"/b"))
	_, err := f.WriteAt([]byte("two"), 0)
	check(t, err)
	want(t, get(t, fsys, dir+"/b"), "two")
	wantIs(t, fsys.Link(dir+"/a", dir+"/b"), fs.ErrExist)
	wantIs(t, fsys.Link(dir+"/none", dir+"/c"), fs.ErrNotExist)
	check(t, fsys.Remove(dir+"/a"))
	want(t, get(t, fsys, dir+"/b"), "two")
}

func testRename(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/a", "one")
	check(t, fsys.Rename(dir+"/a", dir+"/b"))
	_, err := fsys.Stat(dir + "/a")
	wantIs(t, err, fs.ErrNotExist)
	put(t, fsys, dir+"/c", "two").Close()
	check(t, fsys.Rename(dir+"/b", dir+"/c"))
	want(t, get(t, fsys, dir+"/c"), "one")
	check(t, fsys.Rename(dir+"/c", dir+"/c"))
	want(t, get(t, fsys, dir+"/c"), "one")
	wantIs(t, fsys.Rename(dir+"/none", dir+"/c"), fs.ErrNotExist)
	check(t, fsys.MkdirAll(dir+"/sub"))
	check(t, fsys.Rename(dir+"/c", dir+"/sub/d"))
	want(t, get(t, fsys, dir+"/sub/d"), "one")
	if fsys.Rename(dir+"/sub/d", dir+"/sub") == nil {
		t.Fatal("a file replaced a directory")
	}
	check(t, fsys.Link(dir+"/sub/d", dir+"/sub/e"))
	check(t, fsys.Rename(dir+"/sub/d", dir+"/sub/f"))
	want(t, get(t, fsys, dir+"/sub/f"), "one")
}

func testRemove(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", "one")
	check(t, fsys.Remove(dir+"/a"))
	wantIs(t, fsys.Remove(dir+"/a"), fs.ErrNotExist)
	buf := make([]byte, 3)
	_, err := f.ReadAt(buf, 0)
	check(t, err)
	want(t, string(buf), "one")
	_, err = f.WriteAt([]byte("two"), 0)
	check(t, err)
	check(t, f.Sync())
	put(t, fsys, dir+"/a", "new")
	want(t, get(t, fsys, dir+"/a"), "new")
	check(t, fsys.MkdirAll(dir+"/sub"))
	put(t, fsys, dir+"/sub/x", "")
	if fsys.Remove(dir+"/sub") == nil {
		t.Fatal("removed a directory that is not empty")
	}
	check(t, fsys.Remove(dir+"/sub/x"))
	check(t, fsys.Remove(dir+"/sub"))
}

func testDirectories(t *testing.T, fsys FS, dir string) {
	check(t, fsys.MkdirAll(dir+"/x/y/z"))
	check(t, fsys.MkdirAll(dir+"/x/y/z"))
	for _, name := range []string{"c", "a", "b"} {
		check(t, put(t, fsys, dir+"/x/"+name, name).Close())
	}
	names, err := fsys.List(dir + "/x")
	check(t, err)
	if !slices.Equal(names, []string{"a", "b", "c", "y"}) {
		t.Fatalf("list is %q", names)
	}
	for _, d := range []string{dir + "/x", dir} {
		check(t, fsys.SyncDir(d))
	}
	info, err := fsys.Stat(dir + "/x")
	check(t, err)
	want(t, info, Info{IsDir: true})
	info, err = fsys.Stat(dir + "/x/a")
	check(t, err)
	want(t, info, Info{Size: 1})
	for what, err := range map[string]error{
		"open a directory":                second(fsys.Open(dir + "/x")),
		"open a directory for writing":    second(fsys.OpenWrite(dir + "/x")),
		"create in a file":                second(fsys.Create(dir + "/x/a/b")),
		"make a directory in a file":      fsys.MkdirAll(dir + "/x/a/b"),
		"make a directory over a file":    fsys.MkdirAll(dir + "/x/a"),
		"list a file":                     second(fsys.List(dir + "/x/a")),
		"list nothing":                    second(fsys.List(dir + "/none")),
		"sync a file as a directory":      fsys.SyncDir(dir + "/x/a"),
		"sync a directory that is not":    fsys.SyncDir(dir + "/none"),
		"link a directory":                fsys.Link(dir+"/x", dir+"/link"),
		"rename a directory into itself":  fsys.Rename(dir+"/x", dir+"/x/y/x"),
		"create the file of a directory":  second(fsys.Create(dir + "/x")),
		"room below a name that is not":   second(fsys.Usage(dir + "/none")),
		"lock in a directory that is not": second(fsys.Lock(dir+"/none/lock", LockOptions{})),
	} {
		if err == nil {
			t.Errorf("no error: %s", what)
		}
	}
	check(t, fsys.Rename(dir+"/x", dir+"/w"))
	want(t, get(t, fsys, dir+"/w/a"), "a")
}

func second[T any](_ T, err error) error { return err }

func testLocks(t *testing.T, fsys FS, dir string) {
	name := dir + "/LOCK"
	ex, err := fsys.Lock(name, LockOptions{Holder: "the first"})
	check(t, err)
	for _, shared := range []bool{false, true} {
		_, err := fsys.Lock(name, LockOptions{Shared: shared})
		wantIs(t, err, ErrLocked)
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Holder != "the first" || locked.Name != name {
			t.Fatalf("refused with %#v", err)
		}
	}
	check(t, ex.Close())
	wantIs(t, ex.Close(), ErrClosed)

	a, err := fsys.Lock(name, LockOptions{Shared: true})
	check(t, err)
	b, err := fsys.Lock(name, LockOptions{Shared: true})
	check(t, err)
	check(t, a.Close())
	_, err = fsys.Lock(name, LockOptions{})
	wantIs(t, err, ErrLocked)
	if !strings.Contains(err.Error(), "pid ") || !strings.Contains(err.Error(), ", since 20") {
		t.Fatalf("the default holder is %v", err)
	}
	check(t, b.Close())
	ex, err = fsys.Lock(name, LockOptions{})
	check(t, err)
	check(t, ex.Close())
}

func testClosed(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", "one")
	check(t, f.Close())
	wantIs(t, f.Close(), ErrClosed)
	_, err := f.ReadAt(make([]byte, 1), 0)
	wantIs(t, err, ErrClosed)
	_, err = f.WriteAt(make([]byte, 1), 0)
	wantIs(t, err, ErrClosed)
	_, err = f.Size()
	wantIs(t, err, ErrClosed)
	wantIs(t, f.Truncate(0), ErrClosed)
	wantIs(t, f.Sync(), ErrClosed)
	wantIs(t, f.Preallocate(0, 1), ErrClosed)
	wantIs(t, f.PunchHole(0, 1), ErrClosed)
}

func testErrors(t *testing.T, fsys FS, dir string) {
	for _, err := range []error{
		second(fsys.Open(dir + "/NAME")), second(fsys.OpenWrite(dir + "/NAME")),
		second(fsys.Create(dir + "/NAME/x")), fsys.Remove(dir + "/NAME"),
		fsys.Rename(dir+"/NAME", dir+"/b"), fsys.Link(dir+"/NAME", dir+"/b"),
		second(fsys.Stat(dir + "/NAME")), second(fsys.List(dir + "/NAME")), fsys.SyncDir(dir + "/NAME"),
		second(fsys.Usage(dir + "/NAME")), second(fsys.Lock(dir+"/NAME/lock", LockOptions{})),
	} {
		wantIs(t, err, fs.ErrNotExist)
		if !strings.Contains(err.Error(), "NAME") {
			t.Errorf("the error %q does not name the file", err)
		}
	}
}

func testUsage(t *testing.T, fsys FS, dir string) {
	u, err := fsys.Usage(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	check(t, err)
	if u.Total <= 0 || u.Free < 0 || u.Free > u.Total {
		t.Fatalf("usage is %+v", u)
	}
}

func testWriteFile(t *testing.T, fsys FS, dir string) {
	name := dir + "/CURRENT"
	for _, data := range []string{"first", "", "second"} {
		check(t, WriteFile(fsys, dir, name, []byte(data)))
		want(t, get(t, fsys, name), data)
	}
	names, err := fsys.List(dir)
	check(t, err)
	want(t, fmt.Sprint(names), "[CURRENT]")
	var corrupt *CorruptionError
	if _, err := ReadFile(fsys, name, 3); !errors.As(err, &corrupt) || corrupt.File != name {
		t.Fatalf("reading too long a file: %v", err)
	}
}

func testMap(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", strings.Repeat("x", 200_000))
	mapper, ok := f.(Mapper)
	if !ok {
		t.Skip("not a Mapper")
	}
	m, err := mapper.Map(65536, 100_000)
	check(t, err)
	want(t, len(m.Bytes()), 100_000)
	_, err = f.WriteAt([]byte("seen"), 65540)
	check(t, err)
	check(t, f.Close())
	want(t, string(m.Bytes()[:8]), "xxxxseen")
	check(t, m.Close())
	wantIs(t, m.Close(), ErrClosed)

	f, err = fsys.Open(dir + "/a")
	check(t, err)
	defer f.Close()
	for _, r := range [][2]int64{{1, 10}, {0, 0}, {0, 200_001}, {-65536, 10}, {1 << 62, 1 << 62}} {
		if _, err := f.(Mapper).Map(r[0], r[1]); err == nil {
			t.Errorf("mapped the range %v", r)
		}
	}
}

func testConcurrent(t *testing.T, fsys FS, dir string) {
	f := put(t, fsys, dir+"/a", "")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			block := bytes.Repeat([]byte{byte('a' + i)}, 1000)
			for j := range 20 {
				if _, err := f.WriteAt(block, int64(j*4+i)*1000); err != nil {
					t.Error(err)
				}
				if err := f.Sync(); err != nil {
					t.Error(err)
				}
				name := fmt.Sprintf("%s/%d-%d", dir, i, j)
				if err := WriteFile(fsys, dir, name, block); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	data := get(t, fsys, dir+"/a")
	for i := range 80 {
		want(t, data[i*1000:i*1000+1000], strings.Repeat(string(rune('a'+i%4)), 1000))
	}
}
