package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

// follow returns the records that a follower finds now.
func follow(t testing.TB, f *journal.Follower) (got []string, err error) {
	t.Helper()
	for {
		ok, err := f.Next(func(r journal.Record) error {
			got = append(got, string(r.Data))
			return nil
		})
		if err != nil || !ok {
			return got, err
		}
	}
}

func wantFollow(t testing.TB, f *journal.Follower, want ...string) {
	t.Helper()
	if got, err := follow(t, f); err != nil || !slices.Equal(got, want) {
		t.Fatalf("found %q, %v, want %q", got, err, want)
	}
}

func TestAFollowerReadsWhatIsDurable(t *testing.T) {
	for _, sector := range []int{0, 512} {
		_, opt := disk(t)
		opt.Sector = sector
		w := create(t, opt, journal.Tail{})
		f := w.Follow(1)
		wantFollow(t, f)
		put(t, w, journal.Synced, "a", strings.Repeat("b", 100_000))
		put(t, w, journal.Buffered, "c")
		wantFollow(t, f, "a", strings.Repeat("b", 100_000))
		_, err := w.Rotate()
		check(t, err)
		put(t, w, journal.Synced, "d")
		wantFollow(t, f, "c", "d")
		wantFollow(t, f)
		check(t, f.Close())
		closeLog(t, w)
	}
}

func TestAFollowerCrossesAnUncleanEnd(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "a")
	put(t, w, journal.Buffered, "lost")
	opt.FS = m.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
	_, tail, err := read(opt, 1, nil)
	check(t, err)
	w = create(t, opt, tail)
	put(t, w, journal.Synced, "b")
	f := w.Follow(1)
	wantFollow(t, f, "a", "b")
	check(t, f.Close())
	closeLog(t, w)
}

func TestAFollowerIsTooLate(t *testing.T) {
	_, opt := disk(t)
	opt.Retain = 1 << 20
	opt.SegmentSize = 64 << 10
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "a")
	f := w.Follow(1)
	release := func() {
		n, err := w.Rotate()
		check(t, err)
		put(t, w, journal.Synced, fmt.Sprint("segment ", n))
		check(t, w.Release(n))
	}
	release()
	wantFollow(t, f, "a", "segment 2")
	late := w.Follow(1)
	for range 40 {
		release()
	}
	if _, err := follow(t, late); !errors.Is(err, journal.ErrReleased) {
		t.Fatal(err)
	}
	if got, err := follow(t, f); len(got) > 0 || !errors.Is(err, journal.ErrReleased) {
		t.Fatal("segments are passed over: ", got, err)
	}
	segments, err := w.Segments()
	check(t, err)
	if len(segments) < 10 || len(segments) > 18 {
		t.Fatalf("%d segments are kept", len(segments))
	}
	kept, err := follow(t, w.Follow(segments[0]))
	if err != nil || len(kept) != len(segments) {
		t.Fatalf("%q, %v", kept, err)
	}
	closeLog(t, w)
}

func TestAFollowerFindsDamage(t *testing.T) {
	m, opt := disk(t)
	w := create(t, opt, journal.Tail{})
	put(t, w, journal.Synced, "first", "second")
	file, err := m.OpenWrite("log/000001.log")
	check(t, err)
	_, err = file.WriteAt([]byte("X"), 85)
	check(t, err)
	f := w.Follow(1)
	var damage *vfs.CorruptionError
	if _, err := follow(t, f); !errors.As(err, &damage) || damage.Offset != 64 {
		t.Fatal(err)
	}
	check(t, errors.Join(f.Close(), file.Close()))
	closeLog(t, w)
}

func TestAFollowerWaits(t *testing.T) {
	_, opt := disk(t)
	opt.SegmentSize = 4 << 10
	w := create(t, opt, journal.Tail{})
	f := w.Follow(1)
	const n = 2000
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range n {
			ticket, err := w.Append([]byte(fmt.Sprint(i)))
			if err == nil && i%7 == 0 {
				err = w.Wait(ticket, journal.Synced)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
		if err := w.Sync(); err != nil {
			t.Error(err)
		}
	})
	for next := 0; next < n; {
		check(t, f.Wait(t.Context()))
		got, err := follow(t, f)
		check(t, err)
		for _, r := range got {
			if r != fmt.Sprint(next) {
				t.Fatalf("%s instead of %d", r, next)
			}
			next++
		}
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := f.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- f.Wait(t.Context()) }()
	closeLog(t, w)
	if err := <-done; err != nil && !errors.Is(err, vfs.ErrClosed) {
		t.Fatal(err)
	}
	check(t, f.Close())
}
