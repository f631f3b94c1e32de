package lsm

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// numberedSource returns what Import reads: keys from to before to.
func numberedSource(from, to int) func() (key, val []byte, err error) {
	return func() ([]byte, []byte, error) {
		if from == to {
			return nil, nil, io.EOF
		}
		from++
		return fmt.Appendf(nil, "k%06d", from-1), fmt.Appendf(nil, "value %d", from-1), nil
	}
}

func TestAnImportGoesAsDeepAsItsRangeIsEmpty(t *testing.T) {
	s := open(t, Options{TargetFile: 8000})
	if _, err := s.Import(ctx, numberedSource(0, 5000)); err != nil {
		t.Fatal(err)
	}
	if n := levels(s); n[6] < 3 || s.version().NumFiles() != n[6] {
		t.Error("an import into an empty store:", n)
	}
	deep := levels(s)[6]
	if _, err := s.Import(ctx, numberedSource(6000, 7000)); err != nil {
		t.Fatal(err)
	}
	if n := levels(s); n[6] <= deep || s.version().NumFiles() != n[6] {
		t.Error("an import beside what is there:", n)
	}
	if _, err := s.Import(ctx, numberedSource(100, 200)); err != nil {
		t.Fatal(err)
	}
	if n := levels(s); n[5] != 1 {
		t.Error("an import over what is there:", n)
	}
	put(t, s, "k000150", "above")
	flush(t, s)
	if _, err := s.Import(ctx, numberedSource(150, 151)); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "k000150", "value 150")
	compact(t, s)
	holds(t, s, "k000150", "value 150")
	holds(t, s, "k000199", "value 199")
}

func TestARestoreGoesPastTheLog(t *testing.T) {
	from := open(t, Options{})
	if _, err := from.Import(ctx, numberedSource(0, 20_000)); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if _, err := kv.Backup(ctx, from, &backup, nil); err != nil {
		t.Fatal(err)
	}
	whole := backup.Bytes()
	to := open(t, Options{Dir: "db", FS: vfs.NewMem()})
	info, err := kv.Restore(ctx, to, bytes.NewReader(whole), nil)
	if err != nil || info.Entries != 20_000 {
		t.Fatal(info, err)
	}
	if n := to.Metrics().LogBytes; n > 1000 {
		t.Errorf("%d bytes went to the log", n)
	}
	holds(t, to, "k019999", "value 19999")

	damaged := bytes.Clone(whole)
	damaged[len(damaged)-40] ^= 1
	none := open(t, Options{})
	if _, err := kv.Restore(ctx, none, bytes.NewReader(damaged), nil); err == nil {
		t.Fatal("a damaged backup was restored")
	}
	if got := keys(t, none, kv.IterOptions{}); got != "" {
		t.Errorf("of a damaged backup %d bytes of keys are there", len(got))
	}
}

func BenchmarkImport(b *testing.B) {
	s, err := Open(ctx, &Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if _, err := s.Import(ctx, numberedSource(0, 100_000)); err != nil {
			b.Fatal(err)
		}
	}
}
