package journal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
	"pgregory.net/rapid"
)

// A log gives back what was appended, in order, whatever the options, the sizes
// of the records, and how often it was rotated, closed or left open.
func TestRecordsComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, opt := disk(t)
		opt.SegmentSize = int64(rapid.SampledFrom([]int{4 << 10, 64 << 10, 1 << 20}).Draw(rt, "segment"))
		opt.MaxGroup = rapid.SampledFrom([]int{1, 100, 40 << 10, 0}).Draw(rt, "group")
		opt.Sector = rapid.SampledFrom([]int{0, 512, 4096, 32768}).Draw(rt, "sector")
		opt.Recycle = rapid.IntRange(-1, 2).Draw(rt, "recycle")
		opt.NoPreallocate = rapid.Bool().Draw(rt, "no preallocation")
		if rapid.Bool().Draw(rt, "sealed") {
			opt.Sealer = newGCM(t)
		}
		w := create(t, opt, journal.Tail{})
		var want []string
		segments := map[string]uint64{}
		var floor, from uint64 = 0, 1
		for i := range rapid.IntRange(0, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 12).Draw(rt, "step") {
			case 0:
				var err error
				floor, err = w.Rotate()
				check(t, err)
			case 1:
				if rapid.Bool().Draw(rt, "close") {
					end := closeLog(t, w)
					wantRecords(t, opt, from, &end, want)
				} else {
					check(t, w.Sync())
				}
				tail := wantRecords(t, opt, from, nil, want)
				w, floor = create(t, opt, tail), 0
			case 2:
				if floor > from {
					check(t, w.Sync())
					check(t, w.Release(floor))
					from = floor
					want = slices.DeleteFunc(want, func(r string) bool { return segments[r] < floor })
				}
			default:
				size := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, 100<<10)).Draw(rt, "size")
				r := fmt.Sprintf("%d:%s", i, strings.Repeat("x", size))
				segments[r] = floor
				put(t, w, journal.Level(rapid.IntRange(0, 2).Draw(rt, "level")), r)
				want = append(want, r)
			}
		}
		end := closeLog(t, w)
		if !wantRecords(t, opt, from, &end, want).Clean {
			rt.Fatal("the log is not clean")
		}
	})
}

func TestAnEmptyLogIsNoError(t *testing.T) {
	_, opt := disk(t)
	opt.Dir = "log/none"
	tail := wantRecords(t, opt, 5, nil, nil)
	if tail.Next != 5 || tail.First != 0 || tail.Clean {
		t.Fatalf("tail is %+v", tail)
	}
	closeLog(t, create(t, opt, journal.Tail{}))
	if tail := wantRecords(t, opt, 0, nil, nil); tail.Next != 2 || !tail.Clean || tail.Length != 64+24 {
		t.Fatalf("tail is %+v", tail)
	}
}

func TestEmptyRecordsAndParts(t *testing.T) {
	_, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Process, "", "")
	_, err := w.AppendParts([]byte("a"), nil, []byte("bc"))
	check(t, err)
	check(t, w.Sync())
	wantRecords(t, opt, 1, nil, []string{"", "", "abc"})
	end := closeLog(t, w)
	wantRecords(t, opt, 1, &end, []string{"", "", "abc"})
}

func TestTwoLogsInOneDirectory(t *testing.T) {
	_, opt := disk(t)
	a, b := opt, opt
	a.Prefix, b.Prefix = "a-", "b-"
	wa, wb := create(t, a, journal.Tail{}), create(t, b, journal.Tail{})
	put(t, wa, journal.Synced, "one")
	put(t, wb, journal.Synced, "two")
	wantRecords(t, a, 0, nil, []string{"one"})
	wantRecords(t, b, 0, nil, []string{"two"})
}

func TestRotateSeparatesRecords(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Process, "a")
	two, err := w.Rotate()
	check(t, err)
	again, err := w.Rotate()
	check(t, err)
	if two != 2 || again != 2 {
		t.Fatalf("rotated to %d and %d", two, again)
	}
	check(t, w.Release(two)) // the segment that is written to stays
	put(t, w, journal.Synced, "b")
	wantRecords(t, opt, 2, nil, []string{"b"})
	names, err := m.List("log")
	check(t, err)
	if want := []string{"000001.spare", "000002.log"}; !slices.Equal(names, want) {
		t.Fatalf("files are %q, want %q", names, want)
	}
}

func TestReleasedSegmentsAreReused(t *testing.T) {
	m, opt := disk(t)
	opt.SegmentSize = 4 << 10
	w := create(t, opt, journal.Tail{})
	for i := range 20 {
		put(t, w, journal.Synced, strings.Repeat(fmt.Sprint(i%10), 3000))
		n, err := w.Rotate()
		check(t, err)
		check(t, w.Release(n))
	}
	if s := w.Stats(); s.Segments != 20 || s.Recycled < 15 {
		t.Fatalf("stats are %+v", s)
	}
	names, err := m.List("log")
	check(t, err)
	if len(names) > 3 {
		t.Fatalf("files are %q", names)
	}
	wantRecords(t, opt, 20, nil, []string{strings.Repeat("9", 3000)})
}

func TestCloseIsFinal(t *testing.T) {
	_, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	ticket, err := w.Append([]byte("a"))
	check(t, err)
	end := closeLog(t, w)
	if again := closeLog(t, w); again != end {
		t.Fatalf("closed at %v, then at %v", end, again)
	}
	check(t, w.Wait(ticket, journal.Synced))
	check(t, ticket.Failed())
	_, appendErr := w.Append(nil)
	_, rotateErr := w.Rotate()
	for _, err := range []error{appendErr, rotateErr, w.Sync(), w.Resume(), w.Release(1)} {
		if !errors.Is(err, vfs.ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	}
}

func TestCreateReplacesOnlyItsOwnNumber(t *testing.T) {
	m, opt := disk(t)
	put(t, create(t, opt, journal.Tail{Next: 3}), journal.Synced, "a")
	if _, err := journal.Create(opt, journal.Tail{Next: 2}); err == nil {
		t.Fatal("a segment was started before one that is there")
	}
	check(t, m.Corrupt("log/000003.log", func(b []byte) []byte { return []byte("garbage") }))
	tail := wantRecords(t, opt, 3, nil, nil)
	if tail.Next != 3 || tail.Torn == nil {
		t.Fatalf("tail is %+v", tail)
	}
	put(t, create(t, opt, tail), journal.Synced, "b")
	wantRecords(t, opt, 3, nil, []string{"b"})
}

func TestVisitEndsTheReading(t *testing.T) {
	_, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "a", "b")
	stop := errors.New("stop")
	n := 0
	_, err := journal.Read(opt, 1, nil, func(journal.Record) error { n++; return stop })
	if err != stop || n != 1 {
		t.Fatalf("%v after %d records", err, n)
	}
}

func TestASealedLogNeedsItsKey(t *testing.T) {
	_, opt := disk(t)
	plain := opt
	opt.Sealer = newGCM(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "secret")
	wantRecords(t, opt, 1, nil, []string{"secret"})
	if _, _, err := read(plain, 1, nil); !errors.Is(err, journal.ErrSealed) {
		t.Fatal(err)
	}
	data, err := vfs.ReadFile(opt.FS, "log/000001.log", 1<<20)
	check(t, err)
	if strings.Contains(string(data), "secret") {
		t.Fatal("the record is in the file as it is")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, good := disk(t)
	for _, change := range []func(*journal.Options){
		func(o *journal.Options) { o.FS = nil },
		func(o *journal.Options) { o.SegmentSize = 100 },
		func(o *journal.Options) { o.MaxGroup = -1 },
		func(o *journal.Options) { o.Sector = 1000 },
	} {
		opt := good
		change(&opt)
		if _, err := journal.Create(opt, journal.Tail{}); err == nil {
			t.Fatalf("%+v is valid", opt)
		}
	}
	if _, err := good.FS.Stat("log/000001.log"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}
