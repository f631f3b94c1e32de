package lsm_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm"
	"github.com/varvedb/varve/vfs"
)

// dumped returns what Dump prints of a file, and its error.
func dumped(disk vfs.FS, file string, opt lsm.DumpOptions) (string, error) {
	var out strings.Builder
	err := lsm.Dump(&out, disk, file, opt)
	return out.String(), err
}

func noErr(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dumpStore makes a store in the directory d with a batch of each kind of
// operation, and one in pieces.
func dumpStore(t *testing.T, flush bool) *vfs.Mem {
	t.Helper()
	disk, ctx := vfs.NewMem(), context.Background()
	s, err := lsm.Open(ctx, &lsm.Options{FS: disk, Dir: "d", BlockSize: 64, SpillBytes: 200, Compression: []lsm.Compression{lsm.NoCompression}})
	noErr(t, err)
	key := func(k string) []byte { return append(kv.KeyspacePrefix(7), k...) }
	var b kv.Batch
	b.Put(key("a"), []byte("one"))
	b.Put(key("b\x00"), []byte("two"))
	b.Merge(kv.MergeMax, key("c"), []byte("three"))
	b.Delete(key("d"))
	b.DeleteRange(key("e"), key("f"))
	b.DeleteRange(key("g"), nil)
	b.Put([]byte("short"), nil)
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	noErr(t, err)
	b.Reset()
	b.Put(key("x"), make([]byte, 300))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	noErr(t, err)
	if flush {
		noErr(t, s.Flush(ctx))
	}
	noErr(t, s.Close())
	return disk
}

func TestDumpPrintsTheLog(t *testing.T) {
	out, err := dumped(dumpStore(t, false), "d/000001.log", lsm.DumpOptions{Entries: true})
	noErr(t, err)
	contains(t, out, `segment 1 of the log, `, `
group at 64
  after state 1
`, `
  batch 2..8, 7 operations, `, `
    put 7/"a", 3 bytes
    put 7/"b\x00", 3 bytes
    merge 7/"c", operator 3, 5 bytes
    delete 7/"d"
    delete from 7/"e" to 7/"f"
    delete from 7/"g"
    put "short", 0 bytes
`, `
  piece of 1, 313 bytes
  batch to 9 from the pieces of 1, 313 bytes, checksum `, `, closed
`)
}

func TestDumpPrintsValuesIfAsked(t *testing.T) {
	out, err := dumped(dumpStore(t, false), "d/000001.log", lsm.DumpOptions{Values: true})
	noErr(t, err)
	contains(t, out, `put 7/"a" = "one"`, `merge 7/"c", operator 3 = "three"`)
	out, err = dumped(dumpStore(t, true), "d/000001.sst", lsm.DumpOptions{Values: true})
	noErr(t, err)
	contains(t, out, `  7/"a" 2.put = "one"`, `  7/"c" 4.merge = "\x03three"`)
}

func TestDumpPrintsStructureAloneIfAsked(t *testing.T) {
	disk := dumpStore(t, true)
	for file, want := range map[string]string{"d/000001.sst": "  block at 0, ", "d/000002.log": "  after state "} {
		out, err := dumped(disk, file, lsm.DumpOptions{})
		noErr(t, err)
		contains(t, out, want)
		for _, entry := range []string{"2.put, ", "put 7/", "2.put = "} {
			if strings.Contains(out, entry) {
				t.Errorf("%s: there are entries in\n%s", file, out)
			}
		}
	}
}

func TestDumpPrintsTables(t *testing.T) {
	out, err := dumped(dumpStore(t, true), "d/000001.sst", lsm.DumpOptions{Entries: true})
	noErr(t, err)
	contains(t, out, "table 1, format 1, ", `
tombstone 7/"e" to 7/"f" at [6]
tombstone 7/"g" to … at [7]
`, `
  block at 0, `, `
    7/"a" 2.put, 3 bytes
`, `
    7/"c" 4.merge, 6 bytes
`, `
    7/"d" 5.delete, 0 bytes
`, `
    "short" 8.put, 0 bytes
`)
}

func TestDumpPrintsTheManifest(t *testing.T) {
	out, err := dumped(dumpStore(t, true), "d/manifest-000001.log", lsm.DumpOptions{})
	noErr(t, err)
	contains(t, out, "segment 1 of the manifest, ", "\n  full\n  first log 1\n", "\n  + L0 000001 [", "\n  clean true\n", ", closed\n")
}

func TestDumpPrintsATablePastTheDamage(t *testing.T) {
	disk := dumpStore(t, true)
	at := int64(strings.Index(contentOf(t, disk, "d/000001.sst"), "three"))
	flipByte(t, disk, "d/000001.sst", at)
	out, err := dumped(disk, "d/000001.sst", lsm.DumpOptions{Entries: true})
	if damage := damageOf(t, err); damage.File != "d/000001.sst" || damage.Offset > at || damage.Offset < at-100 {
		t.Errorf("%v, but byte %d is damaged", err, at)
	}
	contains(t, out, `    7/"a" 2.put, 3 bytes`, "\n  unreadable: d/000001.sst is damaged at offset ", `    "short" 8.put, 0 bytes`)
	if strings.Contains(out, "4.merge, ") {
		t.Errorf("what cannot be read is in\n%s", out)
	}
}

func TestDumpPrintsALogPastTheDamage(t *testing.T) {
	disk := dumpStore(t, false)
	at := int64(strings.Index(contentOf(t, disk, "d/000001.log"), "three"))
	flipByte(t, disk, "d/000001.log", at)
	out, err := dumped(disk, "d/000001.log", lsm.DumpOptions{Entries: true})
	if damage := damageOf(t, err); damage.File != "d/000001.log" || damage.Offset > at {
		t.Errorf("%v, but byte %d is damaged", err, at)
	}
	contains(t, out, "\n  after state 1\n", "\n  batch to 9 from the pieces of 1, ", "\nunreadable from ")
}

// The write that was torn was acknowledged to nobody.
func TestATornEndIsNoDamageToDump(t *testing.T) {
	disk := dumpStore(t, false)
	end := int64(len(strings.TrimRight(contentOf(t, disk, "d/000001.log"), "\x00")))
	f, err := disk.OpenWrite("d/000001.log")
	noErr(t, err)
	noErr(t, f.Truncate(end-30))
	noErr(t, f.Close())
	out, err := dumped(disk, "d/000001.log", lsm.DumpOptions{})
	noErr(t, err)
	contains(t, out, "\nunreadable from ", ", the last write was not finished\n")
}

func TestDumpNamesRecordsThatMakeNoSense(t *testing.T) {
	disk := vfs.NewMem()
	noErr(t, vfs.MkdirDurable(disk, "d"))
	log, err := journal.Create(journal.Options{FS: disk, Dir: "d"}, journal.Tail{})
	noErr(t, err)
	for _, rec := range []string{"", "\x01", "\x01\x05\x09", "\x03\x05", "\x03\x05\x01\x02", "\x09\x01", "\x04\x05"} {
		_, err := log.Append([]byte(rec))
		noErr(t, err)
	}
	_, err = log.Close()
	noErr(t, err)
	out, err := dumped(disk, "d/000001.log", lsm.DumpOptions{})
	if damage := damageOf(t, err); damage.Offset != 64 || damage.What != "empty record" {
		t.Error(err)
	}
	contains(t, out, "malformed: empty record", "malformed: malformed record", "unknown operation 9", "malformed: malformed commit record",
		"malformed: record of unknown kind 9", "\n  after state 5\n")
}

func TestDumpSaysWhatItCannotPrint(t *testing.T) {
	disk := dumpStore(t, false)
	for _, name := range []string{"LOCK", "000001.spare", "1.sst", "000000.log", "manifest-1.log", "other-000001.log"} {
		writeFile(t, disk, "x/"+name, "a text that is no file of a store, but as long as the header of one")
		if _, err := dumped(disk, "x/"+name, lsm.DumpOptions{}); err == nil || !strings.Contains(err.Error(), "cannot be printed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"000001.sst", "000001.log", "manifest-000001.log"} {
		writeFile(t, disk, "x/"+name, "a text that is no file of a store, but as long as the header of one")
		_, err := dumped(disk, "x/"+name, lsm.DumpOptions{})
		if damage := damageOf(t, err); damage.File != "x/"+name {
			t.Error(err)
		}
	}
	if _, err := dumped(disk, "d", lsm.DumpOptions{}); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Error(err)
	}
	if _, err := dumped(disk, "d/000009.log", lsm.DumpOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestDumpOfASegmentThatWasNotBegun(t *testing.T) {
	disk := vfs.NewMem()
	writeFile(t, disk, "x/000001.log", strings.Repeat("\x00", 100))
	out, err := dumped(disk, "x/000001.log", lsm.DumpOptions{})
	noErr(t, err)
	contains(t, out, "the segment was not begun\n")
}

func TestDumpStopsWhenItCannotWrite(t *testing.T) {
	disk, full := dumpStore(t, true), errors.New("full")
	for _, file := range []string{"d/000001.sst", "d/000002.log", "d/manifest-000001.log"} {
		if err := lsm.Dump(failing{full}, disk, file, lsm.DumpOptions{Values: true}); !errors.Is(err, full) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func contains(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			t.Errorf("%q is not in\n%s", p, out)
		}
	}
}

func damageOf(t *testing.T, err error) *kv.CorruptionError {
	t.Helper()
	var damage *kv.CorruptionError
	if !errors.As(err, &damage) {
		t.Fatalf("the error is %v, want a *kv.CorruptionError", err)
	}
	return damage
}

func contentOf(t *testing.T, disk vfs.FS, file string) string {
	t.Helper()
	data, err := vfs.ReadFile(disk, file, 1<<30)
	noErr(t, err)
	return string(data)
}

// writeFile makes a file, and its directory.
func writeFile(t *testing.T, disk vfs.FS, file, data string) {
	t.Helper()
	noErr(t, disk.MkdirAll(file[:strings.LastIndex(file, "/")]))
	f, err := disk.Create(file)
	noErr(t, err)
	_, err = f.WriteAt([]byte(data), 0)
	noErr(t, errors.Join(err, f.Close()))
}

// flipByte inverts a byte.
func flipByte(t *testing.T, disk vfs.FS, file string, at int64) {
	t.Helper()
	f, err := disk.OpenWrite(file)
	noErr(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	noErr(t, err)
	b[0] ^= 0xff
	_, err = f.WriteAt(b, at)
	noErr(t, errors.Join(err, f.Close()))
}
