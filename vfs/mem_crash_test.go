package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// dump returns all files of a disk by name, with their content.
func dump(t testing.TB, m *Mem) map[string]string {
	t.Helper()
	files := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		names, err := m.List(dir)
		check(t, err)
		for _, name := range names {
			full := dir + "/" + name
			info, err := m.Stat(full)
			check(t, err)
			if info.IsDir {
				files[full] = "directory"
				walk(full)
				continue
			}
			files[full] = get(t, m, full)
		}
	}
	walk("")
	return files
}

// outcomes crashes a disk with many seeds and counts what describe says of it.
func outcomes(t testing.TB, m *Mem, opt CrashOptions, describe func(files map[string]string) string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for seed := range uint64(2000) {
		opt.Seed = seed
		seen[describe(dump(t, m.CrashClone(opt)))]++
	}
	return seen
}

func wantOutcomes(t testing.TB, seen map[string]int, all ...string) {
	t.Helper()
	for _, outcome := range all {
		if seen[outcome] == 0 {
			t.Errorf("never seen: %q", outcome)
		}
		delete(seen, outcome)
	}
	if len(seen) > 0 {
		t.Errorf("not allowed: %v", seen)
	}
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	for _, mode := range []CrashMode{Mix, KeepNone, KeepAll, KeepSome, Collateral} {
		m := NewMem()
		check(t, m.MkdirAll("d"))
		f := put(t, m, "d/f", "synced")
		check(t, f.Sync())
		check(t, m.SyncDir("d"))
		check(t, m.SyncDir("/"))
		seen := outcomes(t, m, CrashOptions{Mode: mode}, func(files map[string]string) string { return fmt.Sprint(files) })
		wantOutcomes(t, seen, "map[/d:directory /d/f:synced]")
	}
}

func TestCrashModesNoneAndAll(t *testing.T) {
	m := NewMem()
	f := put(t, m, "f", "old")
	check(t, f.Sync())
	check(t, m.SyncDir("/"))
	second(f.WriteAt([]byte("newer"), 0))
	put(t, m, "g", "x")
	check(t, m.Link("f", "h"))
	show := func(files map[string]string) string { return fmt.Sprint(files) }
	wantOutcomes(t, outcomes(t, m, CrashOptions{Mode: KeepNone}, show), "map[/f:old]")
	wantOutcomes(t, outcomes(t, m, CrashOptions{Mode: KeepAll}, show), "map[/f:newer /g:x /h:newer]")
	want(t, get(t, m.Clone(), "h"), "newer")
	want(t, get(t, m, "f"), "newer")
}

func TestCrashTearsAndReordersWrites(t *testing.T) {
	m := NewMem()
	a := put(t, m, "a", strings.Repeat("0", 1024))
	b := put(t, m, "b", strings.Repeat("0", 512))
	check(t, a.Sync())
	check(t, b.Sync())
	check(t, m.SyncDir("/"))
	for _, digit := range []string{"1", "2"} {
		second(a.WriteAt([]byte(strings.Repeat(digit, 1024)), 0))
	}
	second(b.WriteAt([]byte(strings.Repeat("3", 512)), 0))
	seen := outcomes(t, m, CrashOptions{Mode: KeepSome, Sector: 512}, func(files map[string]string) string {
		for _, sector := range []string{files["/a"][:512], files["/a"][512:], files["/b"]} {
			want(t, strings.Count(sector, sector[:1]), 512)
		}
		return files["/a"][:1] + files["/a"][512:513] + files["/b"][:1]
	})
	var all []string
	for _, x := range "012" {
		for _, y := range "012" {
			all = append(all, string([]rune{x, y, '0'}), string([]rune{x, y, '3'}))
		}
	}
	wantOutcomes(t, seen, all...)
}

func TestCrashGrowsWithoutData(t *testing.T) {
	m := NewMem()
	f := put(t, m, "f", "abc")
	check(t, f.Sync())
	check(t, m.SyncDir("/"))
	second(f.WriteAt([]byte("def"), 3))
	second(f.WriteAt([]byte("x"), 600))
	seen := outcomes(t, m, CrashOptions{Mode: KeepSome, Sector: 512}, func(files map[string]string) string {
		data := files["/f"]
		return fmt.Sprintf("%d %s", len(data), strings.ReplaceAll(data, "\x00", ""))
	})
	wantOutcomes(t, seen, "3 abc", "6 abc", "6 abcdef",
		"601 abc", "601 abcdef", "601 abcx", "601 abcdefx")
}

func TestCrashTruncateAndPunch(t *testing.T) {
	m := NewMem()
	f := put(t, m, "f", "abcdef")
	check(t, f.Sync())
	check(t, m.SyncDir("/"))
	check(t, f.PunchHole(0, 1))
	check(t, f.Truncate(4))
	seen := outcomes(t, m, CrashOptions{Mode: KeepSome}, func(files map[string]string) string {
		return strings.ReplaceAll(files["/f"], "\x00", "-")
	})
	wantOutcomes(t, seen, "abcdef", "-bcdef", "abcd", "-bcd", "abcd--", "-bcd--")
}

func TestCrashEntries(t *testing.T) {
	m := NewMem()
	for _, name := range []string{"a", "b", "u"} {
		check(t, put(t, m, name, name).Sync())
	}
	check(t, m.MkdirAll("d"))
	check(t, m.SyncDir("/"))
	check(t, m.Rename("a", "d/b"))
	check(t, m.Remove("u"))
	check(t, m.MkdirAll("e"))
	check(t, put(t, m, "e/x", "x").Sync())
	check(t, m.SyncDir("e"))
	check(t, m.Link("b", "l"))
	seen := outcomes(t, m, CrashOptions{Mode: KeepSome}, func(files map[string]string) string {
		want(t, files["/b"], "b")
		want(t, files["/d"], "directory")
		if (files["/a"] == "a") == (files["/d/b"] == "a") {
			t.Fatal("a rename was not atomic", files)
		}
		if (files["/e"] == "directory") != (files["/e/x"] == "x") {
			t.Fatal("a synced entry of a directory is lost, or not lost with it", files)
		}
		return fmt.Sprint(files["/a"] == "a", files["/u"] == "u", files["/l"] == "b", files["/e"] != "")
	})
	want(t, len(seen), 16)
}

// A rename replaces its target in one step, and what follows it on the same
// names does not happen without it.
func TestCrashRotation(t *testing.T) {
	m := NewMem()
	check(t, put(t, m, "log", "old").Sync())
	check(t, m.SyncDir("/"))
	check(t, m.Rename("log", "log.1"))
	check(t, put(t, m, "log", "new").Sync())
	seen := outcomes(t, m, CrashOptions{Mode: KeepSome}, func(files map[string]string) string { return fmt.Sprint(files) })
	wantOutcomes(t, seen, "map[/log:old]", "map[/log.1:old]", "map[/log:new /log.1:old]")
}

func TestCrashOfRemovedDirectoryKeepsRenamedFile(t *testing.T) {
	m := NewMem()
	check(t, m.MkdirAll("d"))
	check(t, put(t, m, "d/f", "x").Sync())
	check(t, m.SyncDir("d"))
	check(t, m.SyncDir("/"))
	check(t, m.Rename("d/f", "f"))
	check(t, m.Remove("d"))
	seen := outcomes(t, m, CrashOptions{Mode: KeepSome}, func(files map[string]string) string { return fmt.Sprint(files) })
	wantOutcomes(t, seen, "map[/d:directory /d/f:x]", "map[/d:directory /f:x]", "map[/f:x]")
}

func TestSyncDirOfARenameDoesNotLetEarlierOperationsReturn(t *testing.T) {
	m := NewMem()
	check(t, m.MkdirAll("d"))
	check(t, put(t, m, "d/y", "later").Sync())
	check(t, m.SyncDir("d"))
	check(t, m.SyncDir("/"))
	check(t, put(t, m, "x", "earlier").Sync())
	check(t, m.Rename("d/y", "x"))
	check(t, m.SyncDir("d"))
	seen := outcomes(t, m, CrashOptions{Mode: KeepSome}, func(files map[string]string) string { return fmt.Sprint(files) })
	wantOutcomes(t, seen, "map[/d:directory /x:later]")
}

func TestCrashCollateral(t *testing.T) {
	m := NewMem()
	data := strings.Repeat("d", 3*512)
	f := put(t, m, "f", data)
	check(t, f.Sync())
	check(t, m.SyncDir("/"))
	second(f.WriteAt([]byte("new"), 600))
	for _, mode := range []CrashMode{KeepSome, Collateral} {
		seen := outcomes(t, m, CrashOptions{Mode: mode, Sector: 512}, func(files map[string]string) string {
			got := files["/f"]
			want(t, len(got), len(data))
			want(t, got[:512], data[:512])
			want(t, got[1024:], data[1024:])
			if got[512:600] != data[512:600] || got[603:1024] != data[603:1024] {
				return "destroyed"
			}
			return got[600:603]
		})
		if mode == KeepSome {
			wantOutcomes(t, seen, "ddd", "new")
		} else {
			wantOutcomes(t, seen, "ddd", "new", "destroyed")
		}
	}
}

func TestCrashIsDeterministic(t *testing.T) {
	history := func() *Mem {
		m := NewMem()
		randomHistory(t, m, rand.New(rand.NewPCG(7, 7)), 300, nil)
		return m
	}
	a, b := history(), history()
	differ := false
	for seed := range uint64(200) {
		opt := CrashOptions{Seed: seed}
		x, y := fmt.Sprint(dump(t, a.CrashClone(opt))), fmt.Sprint(dump(t, b.CrashClone(opt)))
		if x != y {
			t.Fatalf("seed %d gives two states", seed)
		}
		differ = differ || x != fmt.Sprint(dump(t, a.CrashClone(CrashOptions{Seed: seed + 1})))
	}
	if !differ {
		t.Fatal("all seeds give one state")
	}
}

// durable is what must survive: by name the content that was synced, of files
// that were not changed since, in a directory that was synced since.
type durable map[string]string

// randomHistory does random operations in the root of m. It calls each, if not
// nil, after every one with what must survive.
func randomHistory(t testing.TB, m *Mem, rng *rand.Rand, steps int, each func(durable)) {
	synced := map[string]string{} // content of files not changed since their sync
	entries := map[string]bool{}  // names in the root not changed since its sync
	forget := func(name string) { delete(synced, name); delete(entries, name) }
	for range steps {
		name := string(rune('a' + rng.IntN(6)))
		other := string(rune('a' + rng.IntN(6)))
		switch op := rng.IntN(12); {
		case op == 0:
			if m.Remove(name) == nil {
				forget(name)
			}
		case op == 1 && name != other:
			if m.Rename(name, other) == nil {
				forget(name)
				forget(other)
			}
		case op <= 3:
			check(t, m.SyncDir("/"))
			names, err := m.List("/")
			check(t, err)
			clear(entries)
			for _, name := range names {
				entries[name] = true
			}
		default:
			f, err := m.OpenWrite(name)
			if errors.Is(err, fs.ErrNotExist) {
				f, err = m.Create(name)
				forget(name)
			}
			check(t, err)
			changeFile(t, f, rng, op)
			if op >= 9 {
				check(t, f.Sync())
				synced[name] = get(t, m, name)
			} else {
				delete(synced, name)
			}
			check(t, f.Close())
		}
		if each != nil {
			must := durable{}
			for name := range entries {
				if data, ok := synced[name]; ok {
					must[name] = data
				}
			}
			each(must)
		}
	}
}

func changeFile(t testing.TB, f File, rng *rand.Rand, op int) {
	switch op {
	case 4:
		check(t, f.Truncate(rng.Int64N(20_000)))
	case 5:
		check(t, f.PunchHole(rng.Int64N(20_000), rng.Int64N(10_000)))
	case 6:
		check(t, f.Preallocate(rng.Int64N(20_000), rng.Int64N(10_000)))
	default:
		data := bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(3000))
		second(f.WriteAt(data, rng.Int64N(20_000)))
	}
}

func TestCrashNeverLosesWhatIsDurable(t *testing.T) {
	for seed := range uint64(20) {
		m := NewMem()
		rng := rand.New(rand.NewPCG(seed, 1))
		checked := 0
		randomHistory(t, m, rng, 150, func(must durable) {
			for _, mode := range []CrashMode{Mix, KeepNone, KeepSome, Collateral} {
				clone := m.CrashClone(CrashOptions{Seed: rng.Uint64(), Mode: mode})
				for name, data := range must {
					checked++
					if get(t, clone, name) != data {
						t.Fatalf("seed %d, %v: file %s is not what was synced", seed, mode, name)
					}
				}
			}
		})
		if checked < 100 {
			t.Fatalf("only %d files were durable", checked)
		}
	}
}

// A clone is a disk like others: crashes in it leave what it started with, and
// neither disk sees what is written to the other.
func TestCloneIsIndependentAndDurable(t *testing.T) {
	m := NewMem()
	f := put(t, m, "f", strings.Repeat("a", 10_000))
	lock, err := m.Lock("LOCK", LockOptions{})
	check(t, err)
	clone := m.Clone()
	other, err := clone.Lock("LOCK", LockOptions{})
	check(t, err)
	check(t, errors.Join(lock.Close(), other.Close()))

	g, err := clone.OpenWrite("f")
	check(t, err)
	second(g.WriteAt([]byte("clone"), 100))
	second(f.WriteAt([]byte("first"), 100))
	want(t, get(t, m, "f")[99:106], "afirsta")
	want(t, get(t, clone, "f")[99:106], "aclonea")
	want(t, get(t, clone.CrashClone(CrashOptions{Mode: KeepNone}), "f"), strings.Repeat("a", 10_000))
	check(t, g.Sync())
	want(t, get(t, clone.CrashClone(CrashOptions{Mode: KeepNone}), "f")[99:106], "aclonea")
	want(t, get(t, m.Clone(), "f")[99:106], "afirsta")
}

// A clone that is made while others write and sync holds all that was synced
// before what it holds of other files.
func TestCrashCloneIsOneMoment(t *testing.T) {
	m := NewMem()
	a, b := put(t, m, "a", "\x00"), put(t, m, "b", "\x00")
	check(t, errors.Join(a.Sync(), b.Sync(), m.SyncDir("/")))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := byte(1); i < 250; i++ {
			for _, f := range []File{a, b} {
				second(f.WriteAt([]byte{i}, 0))
				if err := f.Sync(); err != nil {
					t.Error(err)
				}
			}
		}
		close(stop)
	})
	for i := uint64(0); ; i++ {
		files := dump(t, m.CrashClone(CrashOptions{Seed: i}))
		if x, y := files["/a"][0], files["/b"][0]; y > x || x > y+1 {
			t.Fatalf("a is %d, b is %d", x, y)
		}
		select {
		case <-stop:
			wg.Wait()
			return
		default:
			runtime.Gosched()
		}
	}
}

func TestUntrackedCloneIsACopy(t *testing.T) {
	m := NewMemUntracked()
	put(t, m, "f", "x")
	check(t, m.MkdirAll("d"))
	for seed := range uint64(20) {
		files := dump(t, m.CrashClone(CrashOptions{Seed: seed, Mode: KeepNone}))
		want(t, fmt.Sprint(files), "map[/d:directory /f:x]")
	}
}

func TestCrashModeNames(t *testing.T) {
	var names []string
	for mode := Mix; mode <= Collateral+1; mode++ {
		names = append(names, mode.String())
	}
	if len(slices.Compact(names)) != 6 {
		t.Fatal(names)
	}
}
