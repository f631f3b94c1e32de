package varve_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// put writes a file durably.
func put(t *testing.T, disk *vfs.Mem, name, content string) {
	t.Helper()
	f := must(disk.Create(name))(t)
	must(f.WriteAt([]byte(content), 0))(t)
	check(t, errors.Join(f.Sync(), f.Close()))
}

func TestDirectoriesThatAreNoDatabasesAreLeftAlone(t *testing.T) {
	disk := vfs.NewMem()
	check(t, disk.MkdirAll("home"))
	put(t, disk, "home/notes.txt", "mine")
	_, err := varve.Open("home", &varve.Options{FS: disk})
	if !errors.Is(err, varve.ErrForeign) || !strings.Contains(err.Error(), "notes.txt") {
		t.Fatal(err)
	}
	if names := must(disk.List("home"))(t); len(names) != 1 {
		t.Fatal("files were made in a foreign directory:", names)
	}
	if _, err := varve.Open("nowhere", &varve.Options{FS: disk, MustExist: true}); !errors.Is(err, varve.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := varve.Open("nowhere", &varve.Options{FS: disk, ReadOnly: true}); !errors.Is(err, varve.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := disk.Stat("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("a directory was made:", err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	for _, engine := range []varve.Engine{varve.LSM(nil), varve.BTree(nil), varve.Reference(nil)} {
		disk := vfs.NewMem()
		db := must(varve.Open("db", &varve.Options{FS: disk, Engine: engine}))(t)
		check(t, db.Close())
		names := must(disk.List("db"))(t)
		check(t, disk.Corrupt("db/"+names[len(names)-1], func(b []byte) []byte {
			b[8] = 99 // the version, in all files of both
			binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], crc32.MakeTable(crc32.Castagnoli)))
			return b
		}))
		if _, err := varve.Open("db", &varve.Options{FS: disk}); !errors.Is(err, varve.ErrNewerFormat) {
			t.Fatal(engine.Name(), err)
		}
	}
}

func TestTheSecondOpenerLearnsWhoHoldsTheDatabase(t *testing.T) {
	dir := t.TempDir()
	db := must(varve.Open(dir, nil))(t)
	begin := time.Now()
	_, err := varve.Open(dir, &varve.Options{LockTimeout: 50 * time.Millisecond})
	var locked *varve.LockedError
	if !errors.Is(err, varve.ErrLocked) || !errors.As(err, &locked) || !strings.Contains(locked.Holder, "pid") {
		t.Fatal(err)
	}
	if time.Since(begin) < 50*time.Millisecond {
		t.Fatal("the lock was not waited for")
	}
	check(t, db.Close())
	check(t, must(varve.Open(dir, nil))(t).Close())
}

func TestReadersBesideAWriterSeeAStateAndChangeNothing(t *testing.T) {
	dir := t.TempDir()
	db := must(varve.Open(dir, nil))(t)
	defer db.Close()
	m := must(varve.OpenMap[string, int](db, "m"))(t)
	check(t, m.Put("a", 1))
	reader := must(varve.Open(dir, &varve.Options{ReadOnly: true}))(t)
	defer reader.Close()
	r := must(varve.OpenMap[string, int](reader, "m"))(t)
	if v, ok, err := r.Get("a"); v != 1 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
	for _, err := range []error{r.Put("a", 2), r.Clear(), reader.Drop("m"), reader.Rename("m", "n")} {
		if !errors.Is(err, varve.ErrReadOnly) {
			t.Error(err)
		}
	}
	if _, err := varve.OpenMap[string, int](reader, "new"); !errors.Is(err, varve.ErrNoCollection) {
		t.Error(err)
	}
}

func TestReadOnlyMediaCanBeRead(t *testing.T) {
	disk := prepared(t)
	disk.SetReadOnly(true)
	db := must(varve.Open("db", &varve.Options{FS: disk, ReadOnly: true}))(t)
	text := must(contents(db))(t)
	if !strings.Contains(text, "a:[10 11") {
		t.Fatal(text)
	}
	check(t, db.Close())
	if _, err := varve.Open("db", &varve.Options{FS: disk}); !errors.Is(err, varve.ErrReadOnly) {
		t.Fatal(err)
	}
}

func TestAFullDiskIsAnErrorAndPasses(t *testing.T) {
	disk := vfs.NewMem()
	db := openAt(t, disk)
	m := must(varve.OpenMap[int, []byte](db, "m"))(t)
	disk.SetCapacity(1 << 20)
	stored := 0
	var err error
	for err == nil {
		if err = m.Put(stored, make([]byte, 40_000)); err == nil {
			stored++
		}
	}
	if !errors.Is(err, varve.ErrNoSpace) {
		t.Fatal(err)
	}
	if n, err := m.Len(); int(n) != stored || err != nil {
		t.Fatalf("%d entries after the failure, %d before: %v", n, stored, err)
	}
	disk.SetCapacity(0)
	check(t, m.Put(stored, make([]byte, 40_000)))
	if n, err := m.Len(); int(n) != stored+1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestKeysAndValuesBeyondTheLimitsAreRefused(t *testing.T) {
	db := open(t)
	m := must(varve.OpenRawMap(db, "m"))(t)
	check(t, m.Put(nil, nil)) // empty is fine
	if v, ok, err := m.Get([]byte{}); len(v) != 0 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
	check(t, m.Put(make([]byte, kv.MaxKey-8), []byte("longest")))
	if err := m.Put(make([]byte, kv.MaxKey-7), nil); !errors.Is(err, varve.ErrTooLarge) {
		t.Fatal(err)
	}
	if _, ok, err := m.Get(make([]byte, kv.MaxKey)); ok || err != nil {
		t.Fatal(ok, err)
	}
	if testing.Short() {
		return
	}
	if err := m.Put([]byte("k"), make([]byte, kv.MaxValue+1)); !errors.Is(err, varve.ErrTooLarge) {
		t.Fatal(err)
	}
	f := must(varve.OpenOrderedMap[float64, int](db, "floats"))(t)
	check(t, f.Put(math.NaN(), 1))
	if v, ok, err := f.Get(math.NaN()); v != 1 || !ok || err != nil {
		t.Fatal("NaN is one key:", v, ok, err)
	}
}

func TestAfterCloseEverythingIsAnError(t *testing.T) {
	db := must(varve.Open("", nil))(t)
	m := must(varve.OpenOrderedMap[string, int](db, "m"))(t)
	l := must(varve.OpenList[int](db, "l"))(t)
	check(t, m.Put("a", 1))
	check(t, db.Close())
	check(t, db.Close())
	_, _, getErr := m.Get("a")
	_, _, _, firstErr := m.First()
	_, lenErr := m.Len()
	_, snapErr := db.Snapshot(ctx)
	_, listErr := db.Collections("")
	_, openErr := varve.OpenMap[int, int](db, "new")
	c := m.All()
	for range c.All() {
		t.Error("an entry of a closed database")
	}
	_, backupErr := db.Backup(ctx, new(bytes.Buffer), nil)
	_, sinceErr := db.BackupSince(ctx, 1, new(bytes.Buffer), nil)
	for i, err := range []error{
		getErr, firstErr, lenErr, snapErr, listErr, openErr, c.Err(), m.Put("a", 2), m.Delete("a"), m.Clear(), l.Push(1),
		db.Update(ctx, func(*varve.Tx) error { return nil }), db.View(ctx, func(*varve.Tx) error { return nil }),
		db.Sync(ctx), backupErr, sinceErr,
	} {
		if !errors.Is(err, varve.ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestHandlesEndWithTheirTransaction(t *testing.T) {
	db := open(t)
	m := must(varve.OpenMap[string, int](db, "m"))(t)
	var left *varve.Map[string, int]
	check(t, db.Update(ctx, func(tx *varve.Tx) error {
		left = m.In(tx)
		return left.Put("a", 1)
	}))
	if _, _, err := left.Get("a"); !errors.Is(err, varve.ErrClosed) {
		t.Error(err)
	}
	if err := left.Put("a", 2); !errors.Is(err, varve.ErrClosed) {
		t.Error(err)
	}
	other := open(t)
	check(t, other.View(ctx, func(tx *varve.Tx) error {
		if _, _, err := m.In(tx).Get("a"); err == nil {
			t.Error("a transaction of another database was used")
		}
		return nil
	}))
}

func TestASnapshotLeftOpenIsReported(t *testing.T) {
	db := must(varve.Open("", nil))(t)
	must(db.Snapshot(ctx))(t)
	err := db.Close()
	if err == nil || !strings.Contains(err.Error(), "TestASnapshotLeftOpenIsReported") {
		t.Fatal("the report does not say who opened it:", err)
	}
}

func TestDamageNamesFileAndOffset(t *testing.T) {
	disk := prepared(t)
	names := must(disk.List("db"))(t)
	for _, name := range names {
		if name == "LOCK" || strings.HasSuffix(name, ".spare") {
			continue
		}
		damaged := disk.Clone()
		check(t, damaged.Corrupt("db/"+name, func(b []byte) []byte {
			b[min(70, len(b)-1)] ^= 1
			return b
		}))
		_, err := varve.Open("db", &varve.Options{FS: damaged})
		var c *varve.CorruptionError
		if !errors.As(err, &c) || c.File != "db/"+name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
