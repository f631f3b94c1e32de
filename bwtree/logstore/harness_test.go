package logstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/vfs"
)

// disk returns a disk with a durable directory "log" and options for a log there.
func disk(t testing.TB) (*vfs.Mem, logstore.Options) {
	t.Helper()
	m := vfs.NewMem()
	check(t, m.MkdirAll("log"))
	check(t, m.SyncDir("/"))
	return m, logstore.Options{FS: m, Dir: "log", SegmentSize: 4 << 10, BufferSize: 256}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, opt logstore.Options, after logstore.Tail) *logstore.Store {
	t.Helper()
	s, err := logstore.Open(opt, after)
	check(t, err)
	return s
}

// add appends a record.
func add(s *logstore.Store, data string) (logstore.Ref, error) {
	r, err := s.Reserve(len(data))
	if err != nil {
		return logstore.Ref{}, err
	}
	copy(r.Bytes(), data)
	return r.Complete(), nil
}

func mustAdd(t testing.TB, s *logstore.Store, data string) logstore.Ref {
	t.Helper()
	ref, err := add(s, data)
	check(t, err)
	return ref
}

// wants fails the test unless the record is there.
func wants(t testing.TB, s *logstore.Store, ref logstore.Ref, data string) {
	t.Helper()
	got, outcome, err := s.Read(ref, nil)
	if outcome != logstore.OK || err != nil || string(got) != data {
		t.Fatalf("read %v: %.20q %v %v, want %.20q", ref, got, outcome, err, data)
	}
}

// scan returns the records of a log.
func scan(opt logstore.Options, from uint32) ([]string, []logstore.Ref, logstore.Tail, error) {
	var got []string
	var refs []logstore.Ref
	tail, err := logstore.Scan(opt, from, func(r logstore.Record) error {
		got = append(got, string(r.Data))
		refs = append(refs, r.Ref)
		return nil
	})
	return got, refs, tail, err
}

func wantRecords(t testing.TB, opt logstore.Options, from uint32, want []string) logstore.Tail {
	t.Helper()
	got, _, tail, err := scan(opt, from)
	check(t, err)
	if !slices.Equal(got, want) {
		t.Fatalf("read %d records, want %d: %.200q, want %.200q", len(got), len(want), got, want)
	}
	return tail
}

// numbered returns records of different sizes.
func numbered(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%d:%s", i, strings.Repeat("x", []int{0, 3, 100, 700, 20, 5000}[i%6])))
	}
	return list
}

func isCorruption(err error) bool {
	var c *vfs.CorruptionError
	return errors.As(err, &c) && c.File != "" && c.What != ""
}
