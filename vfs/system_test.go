package vfs

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestSystemNamesErrorsOfFullDisks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /dev/full")
	}
	f, err := System().OpenWrite("/dev/full")
	check(t, err)
	defer f.Close()
	err = second(f.WriteAt([]byte("x"), 0))
	wantIs(t, err, ErrNoSpace)
	wantIs(t, err, syscall.ENOSPC)
	var named *fs.PathError
	if !errors.As(err, &named) || named.Path != "/dev/full" {
		t.Fatalf("the error %v does not name the file", err)
	}
}

func TestClassify(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other numbers")
	}
	for errno, sentinel := range map[syscall.Errno]error{
		syscall.ENOSPC: ErrNoSpace, syscall.EDQUOT: ErrNoSpace, syscall.EROFS: ErrReadOnly,
	} {
		err := classify(pathError("write", "f", errno))
		wantIs(t, err, sentinel)
		wantIs(t, err, errno)
		want(t, err.Error(), "write f: "+errno.Error())
	}
	if err := classify(fs.ErrNotExist); err != fs.ErrNotExist {
		t.Fatal(err)
	}
}

func TestSystemLockFileTellsItsHolder(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	lock, err := System().Lock(dir+"/LOCK", LockOptions{})
	check(t, err)
	line := get(t, System(), dir+"/LOCK")
	if !strings.HasPrefix(line, "pid ") || !strings.HasSuffix(line, "Z\n") {
		t.Fatalf("the lock file says %q", line)
	}
	check(t, lock.Close())
	want(t, get(t, System(), dir+"/LOCK"), "")
}

// A lock file that was removed while it was locked does not hinder the next.
func TestSystemLockOfRemovedFile(t *testing.T) {
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" || runtime.GOOS == "windows" {
		t.Skip("locks go by name")
	}
	name := filepath.ToSlash(t.TempDir()) + "/LOCK"
	first, err := System().Lock(name, LockOptions{})
	check(t, err)
	check(t, System().Remove(name))
	next, err := System().Lock(name, LockOptions{})
	check(t, err)
	check(t, errors.Join(first.Close(), next.Close()))
}

const lockEnv = "VFS_TEST_LOCK"

// TestSystemLockExcludesProcesses runs itself as the other process.
func TestSystemLockExcludesProcesses(t *testing.T) {
	if name := os.Getenv(lockEnv); name != "" {
		_, err := System().Lock(name, LockOptions{})
		wantIs(t, err, ErrLocked)
		if !strings.Contains(err.Error(), "the parent") {
			t.Fatal(err)
		}
		return
	}
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("no processes")
	}
	name := filepath.ToSlash(t.TempDir()) + "/LOCK"
	lock, err := System().Lock(name, LockOptions{Holder: "the parent"})
	check(t, err)
	defer lock.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSystemLockExcludesProcesses$")
	cmd.Env = append(os.Environ(), lockEnv+"="+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestSystemSharedLockNeedsNoWriting(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("this user may write everywhere")
	}
	name := filepath.Join(t.TempDir(), "LOCK")
	check(t, os.WriteFile(name, nil, 0o444))
	lock, err := System().Lock(filepath.ToSlash(name), LockOptions{Shared: true})
	check(t, err)
	check(t, lock.Close())
	wantIs(t, second(System().Lock(filepath.ToSlash(name), LockOptions{})), fs.ErrPermission)
}

func TestSystemPunchFreesRoom(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("not everywhere")
	}
	name := filepath.ToSlash(t.TempDir()) + "/f"
	f := put(t, System(), name, strings.Repeat("x", 1<<20))
	check(t, f.Sync())
	before := blocks(t, name)
	check(t, f.PunchHole(0, 1<<19))
	check(t, f.Sync())
	if after := blocks(t, name); after >= before {
		t.Skipf("the file system keeps %d of %d blocks", after, before)
	}
}

func TestWriteZerosStaysInside(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	check(t, os.WriteFile(name, []byte("abcdef"), 0o644))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	check(t, err)
	defer f.Close()
	check(t, writeZeros(f, 4, 1<<40))
	check(t, writeZeros(f, 100, 5))
	data, err := os.ReadFile(name)
	check(t, err)
	want(t, string(data), "abcd\x00\x00")
}
