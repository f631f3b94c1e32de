package pagecache_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/bwtree/pagecache"
	"github.com/varvedb/varve/vfs"
)

// text is a page that is a list of lines; a fragment is one more.
type text struct{ lines []string }

type lines struct{}

func (lines) Recover(image []byte, fragments [][]byte) (*text, error) {
	if bytes.Contains(image, []byte("bad")) {
		return nil, errors.New("it says that it is bad")
	}
	p := &text{}
	if len(image) > 0 {
		p.lines = strings.Split(string(image), "\n")
	}
	for _, f := range fragments {
		p.lines = append(p.lines, string(f))
	}
	return p, nil
}

func (lines) Merge(p *text, f []byte) (*text, error) {
	n := len(p.lines)
	return &text{append(p.lines[:n:n], string(f))}, nil
}

func (lines) Image(dst []byte, p *text) []byte { return append(dst, strings.Join(p.lines, "\n")...) }
func (lines) Size(p *text) int64               { return int64(len(strings.Join(p.lines, "\n"))) }
func (lines) Freeze(*text) bool                { return true }

type cache = pagecache.Cache[*text]
type page = pagecache.Page[*text]

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newCache returns a cache on a log store on a new disk.
func newCache(t testing.TB, opt pagecache.Options) (*vfs.Mem, *logstore.Store, *cache) {
	t.Helper()
	m := vfs.NewMem()
	s, err := logstore.Open(logstore.Options{FS: m, Dir: ".", SegmentSize: 4 << 10, BufferSize: 512}, logstore.Tail{})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return m, s, pagecache.New(s, vfs.Go(), lines{}, opt)
}

func get(t testing.TB, c *cache, p *page) (string, pagecache.Token[*text]) {
	t.Helper()
	content, token, err := c.Get(p)
	check(t, err)
	return strings.Join(content.lines, ","), token
}

func TestOnlyTheNewestTokenChangesAPage(t *testing.T) {
	_, _, c := newCache(t, pagecache.Options{})
	p := c.Allocate(&text{[]string{"a"}})
	_, first := get(t, c, p)
	second, ok, err := c.Merge(p, first, []byte("b"))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, _ := c.Merge(p, first, []byte("c")); ok {
		t.Fatal("an old token merged")
	}
	if _, ok := c.Replace(p, first, &text{}); ok {
		t.Fatal("an old token replaced")
	}
	if c.Free(p, first) {
		t.Fatal("an old token freed")
	}
	if got, _ := get(t, c, p); got != "a,b" {
		t.Fatal(got)
	}
	third, ok := c.Replace(p, second, &text{[]string{"z"}})
	if got, _ := get(t, c, p); !ok || got != "z" {
		t.Fatal(got)
	}
	if !c.Free(p, third) || c.Stats().Bytes != 0 {
		t.Fatal("the page was not freed:", c.Stats())
	}
	if _, _, err := c.Get(p); !errors.Is(err, vfs.ErrClosed) {
		t.Fatal(err)
	}
}

func TestAPageIsAnImageAndAFewFragmentsOnDisk(t *testing.T) {
	for _, most := range []int{-1, 1, 3} {
		_, s, c := newCache(t, pagecache.Options{Fragments: most, Capacity: -1})
		p := c.Allocate(&text{[]string{"0"}})
		want := "0"
		for i := 1; i < 20; i++ {
			_, err := c.Flush(p)
			check(t, err)
			for range i % 3 {
				_, token := get(t, c, p)
				_, ok, err := c.Merge(p, token, []byte(fmt.Sprint(i)))
				if !ok || err != nil {
					t.Fatal(ok, err)
				}
				want += fmt.Sprint(",", i)
			}
			where, err := c.Flush(p)
			check(t, err)
			if len(where.Fragments) > max(most, 0) {
				t.Fatalf("%d fragments, at most %d", len(where.Fragments), most)
			}
			again := c.Attach(where)
			if got, _ := get(t, c, again); got != want {
				t.Fatalf("round %d, %d fragments: %s, want %s", i, len(where.Fragments), got, want)
			}
			if _, all := c.Where(p); !all {
				t.Fatal("a flushed page is not all on disk")
			}
		}
		check(t, s.Sync())
	}
}

func TestTheCapacityIsExact(t *testing.T) {
	_, _, c := newCache(t, pagecache.Options{Capacity: 1000})
	var pages []*page
	for i := range 50 {
		pages = append(pages, c.Allocate(&text{[]string{fmt.Sprintf("%03d%097d", i, 0)}}))
	}
	if used := c.Stats().Bytes; used != 5000 {
		t.Fatal("pages that are not on disk must stay:", used)
	}
	for _, p := range pages {
		_, err := c.Flush(p)
		check(t, err)
	}
	if used := c.Stats().Bytes; used != 1000 {
		t.Fatal("there is room for ten:", used)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		i := rng.IntN(len(pages))
		if got, _ := get(t, c, pages[i]); got[:3] != fmt.Sprintf("%03d", i) {
			t.Fatal(got)
		}
		if used := c.Stats().Bytes; used > 1000 {
			t.Fatal("there is room for ten:", used)
		}
	}
	_, token := get(t, c, pages[0])
	c.Grow(pages[0], token, 500)
	if used := c.Stats().Bytes; used > 1000 || used <= 500 {
		t.Fatal("after it has grown:", used)
	}
	for _, p := range pages {
		_, token := get(t, c, p)
		c.Free(p, token)
	}
	if used := c.Stats().Bytes; used != 0 {
		t.Fatal("after all was freed:", used)
	}
}

func TestAScanLeavesTheHotSet(t *testing.T) {
	_, _, c := newCache(t, pagecache.Options{Capacity: 2000})
	var pages []*page
	for i := range 200 {
		pages = append(pages, c.Allocate(&text{[]string{fmt.Sprintf("%0100d", i)}}))
		_, err := c.Flush(pages[i])
		check(t, err)
	}
	hot := pages[:10]
	touch := func() {
		for range 2 {
			for _, p := range hot {
				get(t, c, p)
			}
		}
	}
	touch()
	before := c.Stats().Misses
	scanned := 0
	for i, p := range pages[10:] {
		get(t, c, p)
		scanned++
		if i%5 == 4 {
			touch() // the hot set is used meanwhile
		}
	}
	if missed := c.Stats().Misses - before - int64(scanned); missed > 0 {
		t.Fatalf("%d pages of the hot set were read again", missed)
	}
}

func TestConcurrentMergesAreEachThereOnce(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		_, _, c := newCache(t, pagecache.Options{Capacity: 300, Fragments: 2})
		var pages []*page
		for range 5 {
			pages = append(pages, c.Allocate(&text{}))
		}
		var wait sync.WaitGroup
		for w := range 6 {
			wait.Go(func() {
				for i := range 60 {
					p := pages[(w+i)%len(pages)]
					for {
						_, token, err := c.Get(p)
						if err != nil {
							t.Error(err)
							return
						}
						if _, ok, _ := c.Merge(p, token, []byte(fmt.Sprintf("%d/%d", w, i))); ok {
							break
						}
					}
					if i%4 == 0 {
						if _, err := c.Flush(p); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wait.Wait()
		seen := map[string]int{}
		for _, p := range pages {
			where, err := c.Flush(p)
			check(t, err)
			content, _, err := c.Get(c.Attach(where))
			check(t, err)
			for _, l := range content.lines {
				seen[l]++
			}
		}
		for w := range 6 {
			for i := range 60 {
				if n := seen[fmt.Sprintf("%d/%d", w, i)]; n != 1 {
					t.Fatalf("fragment %d of %d is there %d times", i, w, n)
				}
			}
		}
	}
}

func TestWhatIsFlushedAndSyncedSurvivesAPowerCut(t *testing.T) {
	m, s, c := newCache(t, pagecache.Options{})
	p := c.Allocate(&text{[]string{"image"}})
	_, err := c.Flush(p)
	check(t, err)
	_, token := get(t, c, p)
	_, _, err = c.Merge(p, token, []byte("fragment"))
	check(t, err)
	where, err := c.Flush(p)
	check(t, err)
	check(t, s.Sync())
	opt := logstore.Options{FS: m.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone}), Dir: "."}
	tail, err := logstore.Scan(opt, 0, nil)
	check(t, err)
	again, err := logstore.Open(opt, tail)
	check(t, err)
	defer again.Close()
	c = pagecache.New(again, vfs.Go(), lines{}, pagecache.Options{})
	if got, _ := get(t, c, c.Attach(where)); got != "image,fragment" || len(where.Refs()) != 2 {
		t.Fatal(got)
	}
}

func TestDamageIsAnErrorThatNamesThePlace(t *testing.T) {
	m, s, c := newCache(t, pagecache.Options{Capacity: -1})
	bad, err := c.Flush(c.Allocate(&text{[]string{"bad"}}))
	check(t, err)
	good, err := c.Flush(c.Allocate(&text{[]string{"good"}}))
	check(t, err)
	check(t, s.Sync())
	for what, where := range map[string]pagecache.Location{
		"what Recover refuses":   bad,
		"nothing":                {},
		"a record that is none":  {Image: logstore.Ref{Addr: good.Image.Addr + 8, Size: 5}},
		"an image as a fragment": {Image: good.Image, Fragments: []logstore.Ref{good.Image}},
	} {
		_, _, err := c.Get(c.Attach(where))
		var damage *vfs.CorruptionError
		if !errors.As(err, &damage) || damage.File == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	f, err := m.OpenWrite("000001.seg")
	check(t, err)
	_, err = f.WriteAt([]byte{0xff}, good.Image.Addr.Offset()+25)
	check(t, err)
	if _, _, err := c.Get(c.Attach(good)); err == nil {
		t.Error("a damaged page was read")
	}
}

func TestAReadThatFailsCanBeTriedAgain(t *testing.T) {
	faulty := vfs.NewFaulty(vfs.NewMem())
	s, err := logstore.Open(logstore.Options{FS: faulty, Dir: "."}, logstore.Tail{})
	check(t, err)
	defer s.Close()
	c := pagecache.New(s, vfs.Go(), lines{}, pagecache.Options{})
	where, err := c.Flush(c.Allocate(&text{[]string{"x"}}))
	check(t, err)
	check(t, s.Sync())
	p := c.Attach(where)
	faulty.SetHook(vfs.FailAt(0, nil, vfs.OpRead))
	faulty.SetHook(vfs.FailAt(0, vfs.ErrInjected, vfs.OpRead))
	if _, _, err := c.Get(p); !errors.Is(err, vfs.ErrInjected) {
		t.Fatal(err)
	}
	if got, _ := get(t, c, p); got != "x" {
		t.Fatal(got)
	}
}

func TestACachedGetAllocatesNothing(t *testing.T) {
	_, _, c := newCache(t, pagecache.Options{})
	p := c.Allocate(&text{[]string{"x"}})
	if n := testing.AllocsPerRun(1000, func() {
		if _, _, err := c.Get(p); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
