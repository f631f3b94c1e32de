package version

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
)

// served connects to a map that answers, and counts what travels.
func served(t testing.TB, m *Map[string, string]) *countingConn {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- errors.Join(m.Serve(there), there.Close()) }()
	t.Cleanup(func() {
		here.Close()
		if err := <-done; err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Log("served:", err)
		}
	})
	return &countingConn{Conn: here}
}

type countingConn struct {
	net.Conn
	bytes int
	limit int // of bytes read, then the connection breaks; 0 is none
}

func (c *countingConn) Read(p []byte) (int, error) {
	if c.limit > 0 && c.bytes >= c.limit {
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p)
	c.bytes += n
	return n, err
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes += n
	return n, err
}

// sameHistory fails unless two maps have the same branches with the same
// histories and contents.
func sameHistory(t testing.TB, a, b *Map[string, string]) {
	t.Helper()
	text := func(m *Map[string, string]) (list []string) {
		for _, info := range must(m.Branches())(t) {
			br := m.BranchByID(info.ID)
			s := info.Name + ":"
			l := br.Log(false)
			for c := range l.All() {
				s += fmt.Sprint(" ", c.Global, c.Message, len(c.Parents), c.Root.Sum, c.Meta)
			}
			check(t, l.Err())
			list = append(list, s, fmt.Sprint(collect(t, br.All())))
			for k := range collect(t, br.All()) {
				v, _, err := br.Blame(k)
				check(t, err)
				list = append(list, k+v.Info.Global.String())
			}
		}
		slices.Sort(list)
		return list
	}
	if x, y := text(a), text(b); !slices.Equal(x, y) {
		t.Fatalf("%v\nis not\n%v", x, y)
	}
}

func TestACloneIsTheSame(t *testing.T) {
	origin := newWorld(t, 9)
	for range 150 {
		origin.step()
	}
	for id, mb := range origin.model.branches { // what is uncommitted stays at home
		check(t, origin.m.BranchByID(id).Discard())
		mb.working = maps.Clone(origin.model.content(mb.head))
	}
	clone, _ := newMap[string, string](t)
	conn := served(t, origin.m)
	got := must(clone.Fetch(conn, ""))(t)
	if got.Commits == 0 || len(must(clone.Tags())(t)) != len(origin.model.tags) {
		t.Fatal(got)
	}
	for _, mb := range origin.model.branches {
		if mb.head == 0 {
			continue // a branch without commits does not travel
		}
		b := must(clone.Branch(mb.name))(t)
		if got := collect(t, b.All()); !maps.Equal(got, mb.working) {
			t.Fatal(mb.name, got)
		}
	}
	again := must(clone.Fetch(conn, ""))(t)
	if again.Commits != 0 {
		t.Fatal(again)
	}
	var bundle bytes.Buffer
	check(t, origin.m.Bundle(&bundle))
	other, _ := newMap[string, string](t)
	must(other.Unbundle(&bundle, ""))(t)
	if len(must(other.Branches())(t)) != len(must(clone.Branches())(t)) {
		t.Fatal("a bundle is not a clone")
	}
	check(t, origin.store.Close())
}

// shared returns a map with a long history and a clone of it.
func shared(t testing.TB) (origin, clone *Map[string, string], main, copied *Branch[string, string]) {
	origin, main = newMap[string, string](t)
	for i := range 300 {
		put(t, main, fmt.Sprintf("k%03d", i%50), fmt.Sprint("a value of some length ", i))
	}
	clone, copied = newMap[string, string](t)
	must(clone.Fetch(served(t, origin), ""))(t)
	sameHistory(t, origin, clone)
	return origin, clone, main, copied
}

func TestOnlyWhatIsMissingTravels(t *testing.T) {
	origin, clone, main, copied := shared(t)
	// How much it is: each edit with its commit, written down alone.
	before := must(main.Head())(t)
	for i := range 40 {
		put(t, main, fmt.Sprintf("k%03d", i), fmt.Sprint("another value of some length ", i))
	}
	var alone bytes.Buffer
	check(t, origin.Bundle(&alone, before))
	conn := served(t, origin)
	if got := must(clone.Fetch(conn, ""))(t); got.Commits != 40 {
		t.Fatal(got)
	}
	sameHistory(t, origin, clone)
	if conn.bytes > alone.Len()*12/10 {
		t.Fatalf("%d bytes travelled for %d", conn.bytes, alone.Len())
	}
	// And back.
	base := must(copied.Head())(t)
	for i := range 40 {
		put(t, copied, fmt.Sprintf("n%03d", i), fmt.Sprint("a new value of some length ", i))
	}
	alone.Reset()
	check(t, clone.Bundle(&alone, base))
	conn = served(t, origin)
	check(t, clone.Push(conn, copied))
	sameHistory(t, origin, clone)
	if conn.bytes > alone.Len()*12/10 {
		t.Fatalf("%d bytes travelled for %d", conn.bytes, alone.Len())
	}
}

func TestAFetchGoesOnWhereTheConnectionWasCut(t *testing.T) {
	origin, clone, main, _ := shared(t)
	for i := range 2000 {
		put(t, main, fmt.Sprintf("k%03d", i%50), fmt.Sprint("another value of some length ", i))
	}
	whole := served(t, origin)
	cut := &countingConn{Conn: whole.Conn, limit: 150_000}
	if _, err := clone.Fetch(cut, ""); err == nil {
		t.Fatal("the cut was not noticed")
	}
	rest := must(clone.Fetch(served(t, origin), ""))(t)
	if rest.Commits == 0 || rest.Commits > 1800 {
		t.Fatalf("%d commits came after the cut", rest.Commits)
	}
	sameHistory(t, origin, clone)
}

func TestADamagedBundleIsRefused(t *testing.T) {
	origin, main := newMap[string, string](t)
	for i := range 5 {
		put(t, main, "k", fmt.Sprint(i))
	}
	var bundle bytes.Buffer
	check(t, origin.Bundle(&bundle))
	for i := range bundle.Bytes() {
		bad := bytes.Clone(bundle.Bytes())
		bad[i] ^= 1 << (i % 8)
		m, _ := newMap[string, string](t)
		_, err := m.Unbundle(bytes.NewReader(bad), "")
		var damage *kv.CorruptionError
		if !errors.As(err, &damage) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func TestAPushThatIsNoStepForwardIsRefused(t *testing.T) {
	origin, clone, main, copied := shared(t)
	put(t, main, "ours", "1")
	put(t, copied, "theirs", "1")
	err := clone.Push(served(t, origin), copied)
	if !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
	if _, ok, err := main.Get("theirs"); ok || err != nil {
		t.Fatal(ok, err)
	}
	// Fetch beside the own branch, merge, and push again.
	must(clone.Fetch(served(t, origin), "origin"))(t)
	must(copied.Merge(must(clone.Branch("origin/main"))(t), nil))(t)
	check(t, clone.Push(served(t, origin), copied))
	if v, _, err := main.Get("theirs"); v != "1" || err != nil {
		t.Fatal(v, err)
	}
	other, own := newMap[string, string](t)
	put(t, own, "a", "1")
	if _, err := other.Fetch(served(t, origin), "origin"); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
}

// FuzzUnbundle reads streams with right checksums and anything inside.
func FuzzUnbundle(f *testing.F) {
	store := memory(f)
	m, err := Open[string, string](OnStore(store, testSpace, kv.Sync), nil)
	check(f, err)
	main := must(m.Main())(f)
	put(f, main, "a", "1", "b", "2")
	put(f, main, "a", "-")
	check(f, m.Tag("t", 1, "tag"))
	var bundle bytes.Buffer
	check(f, m.Bundle(&bundle))
	f.Add(framesOf(&bundle))
	f.Fuzz(func(t *testing.T, frames []byte) {
		m, _ := newMap[string, string](t)
		m.Unbundle(streamOf(t, frames), "")
		InspectBundle(streamOf(t, frames))
	})
}

// framesOf returns the frames of a stream without their checksums.
func framesOf(stream io.Reader) (frames []byte) {
	for r := newFrameReader(stream); ; {
		kind, payload, err := r.next()
		if err != nil {
			return frames
		}
		frames = appendBytes(append(frames, kind), payload)
	}
}

// streamOf makes a stream of frames, with checksums.
func streamOf(t *testing.T, frames []byte) io.Reader {
	var stream bytes.Buffer
	w := newFrameWriter(&stream)
	for len(frames) > 0 {
		payload, rest, ok := takeBytes(frames[1:])
		if !ok {
			break
		}
		w.frame(frames[0], payload)
		frames = rest
	}
	check(t, w.flush())
	return &stream
}

// Two maps that fetch from each other have each other's branches, and no more
// each time.
func TestWhatFollowsAnotherMapDoesNotTravel(t *testing.T) {
	origin, clone, main, copied := shared(t)
	for i := range 3 {
		put(t, main, "ours", fmt.Sprint(i))
		must(clone.Fetch(served(t, origin), "origin"))(t)
		must(copied.Merge(must(clone.Branch("origin/main"))(t), nil))(t)
		must(origin.Fetch(served(t, clone), "clone"))(t)
		must(main.Merge(must(origin.Branch("clone/main"))(t), nil))(t)
	}
	for _, side := range []struct {
		m    *Map[string, string]
		name string
	}{{clone, "origin/main"}, {origin, "clone/main"}} {
		m, name := side.m, side.name
		list := must(m.Branches())(t)
		if len(list) != 2 || list[1].Name != name {
			t.Fatal(list)
		}
		b := must(m.Branch(name))(t)
		check(t, b.Rename("kept"))
		if m == origin {
			check(t, b.MakeMain()) // now it is its own
			must(clone.Fetch(served(t, origin), "origin"))(t)
			must(clone.Branch("origin/kept"))(t)
			check(t, must(clone.Branch("origin/kept"))(t).Remove())
			check(t, main.MakeMain())
		}
		check(t, b.Remove())
	}
}
