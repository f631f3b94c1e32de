package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

// smallLog is a closed log of three segments with a recovered tail in the first.
func smallLog(t *testing.T) (m *vfs.Mem, opt journal.Options, end journal.End, records []string) {
	t.Helper()
	m, opt = disk(t)
	opt.NoPreallocate = true
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, numbered(0, 3)...)
	w = create(t, opt, wantRecords(t, opt, 1, nil, numbered(0, 3)))
	put(t, w, journal.Buffered, numbered(3, 3)...)
	_, err := w.Rotate()
	check(t, err)
	put(t, w, journal.Synced, numbered(6, 3)...)
	return m, opt, closeLog(t, w), numbered(0, 9)
}

var smallFiles = []string{"log/000001.log", "log/000002.log", "log/000003.log"}

// damaged checks that a log with damage is reported as corrupt or still read in
// full.
func damaged(t *testing.T, m *vfs.Mem, opt journal.Options, expect *journal.End, want []string,
	file string, damage func([]byte) []byte) (corrupt bool) {
	t.Helper()
	clone := m.Clone()
	check(t, clone.Corrupt(file, damage))
	opt.FS = clone
	got, _, err := read(opt, 1, expect)
	if err != nil {
		if !isCorruption(err) {
			t.Fatalf("%s: %v", file, err)
		}
		return true
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: damage is not noticed: read %q, want %q", file, got, want)
	}
	return false
}

// No damage to a log that was closed makes it shorter or different.
func TestDamageToAClosedLogIsNoticed(t *testing.T) {
	m, opt, end, want := smallLog(t)
	for _, file := range smallFiles {
		data, err := vfs.ReadFile(m, file, 1<<20)
		check(t, err)
		for i := range data {
			for _, bit := range []byte{1, 0x80, 0xff} {
				if !damaged(t, m, opt, &end, want, file, func(b []byte) []byte { b[i] ^= bit; return b }) {
					t.Fatalf("%s: nobody noticed the byte at %d", file, i)
				}
			}
			if !damaged(t, m, opt, &end, want, file, func(b []byte) []byte { return b[:i] }) {
				t.Fatalf("%s: nobody noticed the end at %d", file, i)
			}
			damaged(t, m, opt, &end, want, file, func(b []byte) []byte { clear(b[i:min(i+16, len(b))]); return b })
			damaged(t, m, opt, &end, want, file, func(b []byte) []byte { return append(b[:i:i], b[min(i+7, len(b)):]...) })
		}
		damaged(t, m, opt, &end, want, file, func(b []byte) []byte { return append(b, b...) })
		damaged(t, m, opt, &end, want, file, func(b []byte) []byte { return append(b, make([]byte, 5000)...) })
	}
}

func TestDamageToLargeClosedLogIsNoticed(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	var want []string
	for i := range 12 {
		want = append(want, strings.Repeat(string(rune('a'+i)), 13000*(i%3+1)))
		put(t, w, journal.Synced, want[i])
	}
	end := closeLog(t, w)
	const sector, block = 512, 32 << 10
	for at := 0; at < int(end.Length); at += sector {
		damaged(t, m, opt, &end, want, smallFiles[0], func(b []byte) []byte { clear(b[at : at+sector]); return b })
	}
	for a := 0; a+block < int(end.Length); a += block {
		for b := a + block; b+block < int(end.Length); b += block {
			if !damaged(t, m, opt, &end, want, smallFiles[0], func(data []byte) []byte {
				return swap(data, a, b, block)
			}) {
				t.Fatalf("nobody noticed that %d and %d are swapped", a, b)
			}
		}
	}
}

func swap(data []byte, a, b, n int) []byte {
	saved := bytes.Clone(data[a : a+n])
	copy(data[a:], data[b:b+n])
	copy(data[b:], saved)
	return data
}

// Missing, exchanged and added segments are noticed.
func TestTheChainIsChecked(t *testing.T) {
	m, opt, end, want := smallLog(t)
	for _, step := range []func(*vfs.Mem) error{
		func(m *vfs.Mem) error { return m.Remove(smallFiles[0]) },
		func(m *vfs.Mem) error { return m.Remove(smallFiles[1]) },
		func(m *vfs.Mem) error { return m.Remove(smallFiles[2]) },
		func(m *vfs.Mem) error { return m.Rename(smallFiles[2], smallFiles[1]) },
		func(m *vfs.Mem) error { return m.Rename(smallFiles[0], smallFiles[2]) },
		func(m *vfs.Mem) error { return m.Link(smallFiles[2], "log/000004.log") },
		func(m *vfs.Mem) error { return m.Link(smallFiles[2], "log/000009.log") },
	} {
		clone := m.Clone()
		check(t, step(clone))
		opt.FS = clone
		if got, _, err := read(opt, 1, &end); !isCorruption(err) {
			t.Fatalf("read %q: %v", got, err)
		}
	}
	opt.FS = m
	for _, e := range []journal.End{{Segment: 3, Length: end.Length - 1}, {Segment: 3, Length: end.Length + 1},
		{Segment: 2, Length: end.Length}, {Segment: 4, Length: 64}, {Segment: 3}, {}} {
		if _, _, err := read(opt, 1, &e); !isCorruption(err) {
			t.Fatalf("expected %v, read %v: %v", e, end, err)
		}
	}
	wantRecords(t, opt, 2, &end, want[3:])
}

// A missing segment is noticed though its neighbour is as long.
func TestEqualSegmentsAreTold(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	for range 4 {
		put(t, w, journal.Synced, "same")
		_, err := w.Rotate()
		check(t, err)
	}
	closeLog(t, w)
	check(t, m.Remove(smallFiles[1]))
	if got, _, err := read(opt, 1, nil); !isCorruption(err) {
		t.Fatalf("read %q: %v", got, err)
	}
}

func TestALogThatWasNotClosedIsNotWhatIsExpected(t *testing.T) {
	_, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "a")
	if _, _, err := read(opt, 1, &journal.End{Segment: 1, Length: w.Stats().Length}); !isCorruption(err) {
		t.Fatal(err)
	}
}

// In a log that was left open, damage to what a later write proves to have been
// durable is noticed; only what was written last can look like a torn tail.
func TestDamageToAnOpenLogIsNoticed(t *testing.T) {
	for _, records := range [][]string{numbered(0, 5), {"a", strings.Repeat("b", 40<<10), "c", strings.Repeat("d", 70<<10)}} {
		m, opt := disk(t)
		w := create(t, opt, journal.Tail{})
		put(t, w, journal.Synced, records[:len(records)-1]...)
		durable := int(w.Stats().Length)
		put(t, w, journal.Synced, records[len(records)-1])
		step := max(1, durable/2000)
		for i := 0; i < durable; i += step {
			zeros := i > 32700 && i < 32784 // may be the filling of a block
			if !damaged(t, m, opt, nil, records, smallFiles[0], func(b []byte) []byte { b[i] ^= 0x10; return b }) && !zeros {
				t.Fatalf("nobody noticed the byte at %d of %d", i, durable)
			}
		}
		tail := cutAt(t, m, opt, durable+10, records[:len(records)-1])
		if tail.Torn == nil || tail.Torn.Offset != int64(durable) || tail.Torn.Bytes > 10 || tail.Length != int64(durable) {
			t.Fatalf("tail is %+v, torn %+v", tail, tail.Torn)
		}
	}
}

func cutAt(t *testing.T, m *vfs.Mem, opt journal.Options, n int, want []string) journal.Tail {
	t.Helper()
	check(t, m.Corrupt(smallFiles[0], func(b []byte) []byte { return b[:n] }))
	return wantRecords(t, opt, 1, nil, want)
}

// A log that was synced, but not closed, ends without a torn tail.
func TestAnOpenLogEndsInZeros(t *testing.T) {
	_, opt := disk(t)
	put(t, create(t, opt, journal.Tail{}), journal.Synced, "a")
	if tail := wantRecords(t, opt, 1, nil, []string{"a"}); tail.Torn != nil || tail.Clean {
		t.Fatalf("tail is %+v", tail)
	}
}

func TestNewerFormatIsNotDamage(t *testing.T) {
	m, opt, _, _ := smallLog(t)
	check(t, m.Corrupt(smallFiles[2], func(b []byte) []byte {
		b[8] = 2
		sum := crc32.Checksum(b[:60], crc32.MakeTable(crc32.Castagnoli))
		binary.LittleEndian.PutUint32(b[60:], sum)
		return b
	}))
	_, _, err := read(opt, 1, nil)
	if !errors.Is(err, journal.ErrNewerFormat) || isCorruption(err) {
		t.Fatal(err)
	}
	if _, err := journal.Salvage(opt, 1, nil); !errors.Is(err, journal.ErrNewerFormat) {
		t.Fatal(err)
	}
}

// Salvage returns every group that is whole, and names what is not.
func TestSalvageReadsPastDamage(t *testing.T) {
	m, opt, _, records := smallLog(t)
	for _, file := range smallFiles {
		data, err := vfs.ReadFile(m, file, 1<<20)
		check(t, err)
		for i := range data {
			clone := m.Clone()
			check(t, clone.Corrupt(file, func(b []byte) []byte { b[i] ^= 0x55; return b }))
			opt.FS = clone
			got, lost := salvage(t, opt)
			if len(got) < len(records)-1 || !subsequence(got, records) {
				t.Fatalf("%s, byte %d: salvaged %q", file, i, got)
			}
			if len(lost) != 1 || lost[0].File != file || int64(i) < lost[0].From || int64(i) >= lost[0].To {
				t.Fatalf("%s, byte %d: lost %+v", file, i, lost)
			}
		}
	}
	check(t, m.Remove(smallFiles[1]))
	opt.FS = m
	got, lost := salvage(t, opt)
	if want := slices.Concat(records[:3], records[6:]); !slices.Equal(got, want) || len(lost) != 1 || lost[0].To != -1 {
		t.Fatalf("salvaged %q, lost %+v", got, lost)
	}
}

func salvage(t *testing.T, opt journal.Options) (got []string, lost []journal.Lost) {
	t.Helper()
	lost, err := journal.Salvage(opt, 1, func(r journal.Record) error {
		got = append(got, string(r.Data))
		return nil
	})
	check(t, err)
	return got, lost
}

// A group that spans blocks is lost as a whole; its neighbours are not.
func TestSalvageOfLargeGroups(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	large := strings.Repeat("x", 100<<10)
	put(t, w, journal.Synced, "a", large, "b", "c")
	closeLog(t, w)
	for _, at := range []int{200, 40 << 10, 90 << 10} {
		clone := m.Clone()
		check(t, clone.Corrupt(smallFiles[0], func(b []byte) []byte { b[at] ^= 1; return b }))
		opt.FS = clone
		got, lost := salvage(t, opt)
		if !slices.Equal(got, []string{"a", "b", "c"}) || len(lost) != 1 {
			t.Fatalf("byte %d: salvaged %d records, lost %+v", at, len(got), lost)
		}
	}
}

func subsequence(part, of []string) bool {
	for _, r := range of {
		if len(part) > 0 && part[0] == r {
			part = part[1:]
		}
	}
	return len(part) == 0
}
