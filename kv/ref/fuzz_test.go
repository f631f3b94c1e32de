package ref

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

func FuzzDecodeMeta(f *testing.F) {
	m := meta{snapshot: 3, size: 100, sum: 7, seq: 9, firstLog: 2, clean: true}
	f.Add(m.encode())
	f.Add([]byte(metaMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMeta("META", data)
		var damage *kv.CorruptionError
		if err != nil {
			if !errors.As(err, &damage) && !errors.Is(err, kv.ErrNewerFormat) {
				t.Fatal(err)
			}
			return
		}
		if again, err := decodeMeta("META", m.encode()); err != nil || again != m {
			t.Fatalf("%+v became %+v: %v", m, again, err)
		}
	})
}

// snapshotBytes returns the file of a small state and what META says of it.
func snapshotBytes(t testing.TB) ([]byte, meta) {
	t.Helper()
	st := &state{seq: 5}
	for _, k := range []string{"", "a", "b\x00"} {
		st.do(kv.Op{Kind: kv.OpPut, Key: []byte(k), Value: []byte("v" + k)}, kv.Mergers{})
	}
	st.do(kv.Op{Kind: kv.OpMerge, Key: []byte("m"), Value: []byte("x"), Merger: 99}, kv.Mergers{})
	disk := vfs.NewMem()
	size, sum, err := writeSnapshotFile(disk, "SNAP-000001", 1, st)
	if err != nil {
		t.Fatal(err)
	}
	b, err := vfs.ReadFile(disk, "SNAP-000001", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return b, meta{snapshot: 1, size: size, sum: sum, seq: 5}
}

func FuzzReadSnapshotFile(f *testing.F) {
	good, _ := snapshotBytes(f)
	f.Add(good)
	f.Add(good[:50])
	f.Fuzz(func(t *testing.T, data []byte) {
		_, m := snapshotBytes(t)
		m.size = int64(len(data)) // so that the rest of the checks is reached
		disk := vfs.NewMem()
		file, err := disk.Create("SNAP-000001")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
		entries := 0
		err = readSnapshotFile(disk, ".", &m, func([]byte, entry) error { entries++; return nil })
		if err == nil && !bytes.Equal(data, good) {
			t.Fatal("another file was taken for the snapshot")
		}
		if entries > len(data) {
			t.Fatalf("%d entries in %d bytes", entries, len(data))
		}
	})
}

func TestAVersionThatIsNewerIsSaidSo(t *testing.T) {
	m := meta{firstLog: 1}
	b := m.encode()
	b[8]++
	if _, err := decodeMeta("META", b); !errors.Is(err, kv.ErrNewerFormat) {
		t.Fatal(err)
	}
}

func TestACheckpointOpensAsAStore(t *testing.T) {
	ctx := context.Background()
	disk := vfs.NewMem()
	s, err := Open(ctx, &Options{Dir: "a", FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx, "b"); err == nil {
		t.Fatal("a checkpoint was written over another")
	}
	c, err := Open(ctx, &Options{Dir: "b", FS: disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone}), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if val, ok, err := c.Get([]byte("k"), nil); string(val) != "v" || !ok || err != nil {
		t.Fatal(string(val), ok, err)
	}
}
