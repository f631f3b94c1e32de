package logstore_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/vfs"
)

// written returns a disk with a log of three segments that was closed, or not.
func written(t testing.TB, closed bool) (*vfs.Mem, logstore.Options, []string, []logstore.Ref) {
	m, opt := disk(t)
	s := open(t, opt, logstore.Tail{})
	var refs []logstore.Ref
	var records []string
	for i := range 40 {
		records = append(records, fmt.Sprintf("record %d %0*d", i, i*11%400, 0))
		refs = append(refs, mustAdd(t, s, records[i]))
		check(t, s.MakeStable(refs[i].Addr))
	}
	if closed {
		check(t, s.Close())
	}
	return m.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone}), opt, records, refs
}

// Every damage to a log is an error, or changes nothing, or, in a log that was not
// closed, takes records off its end that no later one proves to have been stable.
func TestDamageAnywhereIsNoticed(t *testing.T) {
	for _, closed := range []bool{true, false} {
		m, opt, records, refs := written(t, closed)
		names, err := m.List("log")
		check(t, err)
		if len(names) < 3 {
			t.Fatal("the log has only", names)
		}
		for _, name := range names {
			name = "log/" + name
			info, err := m.Stat(name)
			check(t, err)
			for at := int64(0); at < info.Size; at += 3 {
				c := m.Clone()
				damageByte(t, c, name, at)
				opt.FS = c
				stillRight(t, opt, records, refs, fmt.Sprintf("%s, byte %d", name, at), closed, 1)
			}
			for at := int64(0); at < info.Size; at += 40 {
				c := m.Clone()
				f, err := c.OpenWrite(name)
				check(t, err)
				check(t, f.Truncate(at))
				opt.FS = c
				stillRight(t, opt, records, refs, fmt.Sprintf("%s cut at %d", name, at), closed, len(records))
			}
		}
		for i := 0; i+1 < len(names); i++ {
			c := m.Clone()
			check(t, c.Remove("log/"+names[i]))
			opt.FS = c
			if _, _, _, err := scan(opt, 1); !isCorruption(err) {
				t.Fatal("a missing segment:", err)
			}
		}
	}
}

func damageByte(t testing.TB, m *vfs.Mem, name string, at int64) {
	f, err := m.OpenWrite(name)
	check(t, err)
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	check(t, err)
	b[0] ^= 0x5a
	_, err = f.WriteAt(b[:], at)
	check(t, err)
}

// stillRight checks what is read from a damaged log.
func stillRight(t *testing.T, opt logstore.Options, records []string, refs []logstore.Ref, what string, closed bool, most int) {
	t.Helper()
	got, _, tail, err := scan(opt, 0)
	if err != nil && !isCorruption(err) {
		t.Fatalf("%s: %v", what, err)
	}
	if len(got) > len(records) || !slices.Equal(got, records[:len(got)]) {
		t.Fatalf("%s: other records were read", what)
	}
	if err == nil && len(got) < len(records) {
		// Only the last record is not proven to have been durable, as long as what
		// proves it is there. A log that was closed says that it was not.
		lost := len(records) - len(got)
		if refs[len(got)].Addr.Segment() != refs[len(refs)-1].Addr.Segment() || closed && tail.Clean || lost > most {
			t.Fatalf("%s: %d records were lost silently", what, lost)
		}
	}
	opt.ReadOnly = true
	s, err := logstore.Open(opt, tail)
	check(t, err)
	defer s.Close()
	for i, ref := range refs {
		data, outcome, err := s.Read(ref, nil)
		if outcome == logstore.OK && string(data) != records[i] || outcome == logstore.Unknown || (outcome == logstore.Corrupt) != isCorruption(err) {
			t.Fatalf("%s: read %d: %.20q %v %v", what, i, data, outcome, err)
		}
	}
}

func TestANewerFormatIsSaidSo(t *testing.T) {
	m, opt, _, _ := written(t, true)
	opt.FS = m
	f, err := m.OpenWrite("log/000001.seg")
	check(t, err)
	check(t, newerHeader(f))
	if _, _, _, err := scan(opt, 0); err == nil || isCorruption(err) {
		t.Fatal(err)
	}
}

func FuzzScan(f *testing.F) {
	m, opt, _, _ := written(f, true)
	for _, name := range []string{"log/000001.seg", "log/000002.seg"} {
		data, err := vfs.ReadFile(m, name, 1<<20)
		check(f, err)
		f.Add(data)
		f.Add(data[:200])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, opt := vfs.NewMem(), opt
		check(t, m.MkdirAll("log"))
		file, err := m.Create("log/000001.seg")
		check(t, err)
		_, err = file.WriteAt(data, 0)
		check(t, err)
		opt.FS = m
		got, refs, tail, err := scan(opt, 0)
		if err != nil {
			return
		}
		opt.ReadOnly = true
		s := open(t, opt, tail)
		for i, ref := range refs {
			wants(t, s, ref, got[i])
		}
		check(t, s.Close())
	})
}
