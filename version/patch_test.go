package version

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
)

// patchOf writes the differences of two commits as a patch.
func patchOf(t testing.TB, m *Map[string, string], from, to CommitID) []byte {
	t.Helper()
	var out bytes.Buffer
	n := must(m.WritePatch(&out, from, to))(t)
	d := m.Diff(from, to)
	for range d.All() {
		n--
	}
	check(t, d.Err())
	if n != 0 {
		t.Fatalf("the number of differences is wrong by %d", n)
	}
	return out.Bytes()
}

func readPatch(t testing.TB, m *Map[string, string], data []byte) *Patch[string, string] {
	t.Helper()
	return must(m.ReadPatch(bytes.NewReader(data)))(t)
}

// TestAPatchLeadsFromOneVersionToTheOther takes pairs of commits of random
// histories: the patch between them leads from one to the other, and backwards.
func TestAPatchLeadsFromOneVersionToTheOther(t *testing.T) {
	for _, seed := range []uint64{21, 22, 23} {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 150 {
				w.step()
			}
			w.forgetDropped()
			list := append(w.visible(), 0)
			for i := range 30 {
				w.followPatch(fmt.Sprint("patched ", i), pick(w.rng, list), pick(w.rng, list))
			}
			check(t, w.store.Close())
		})
	}
}

// followPatch goes from a to b and back on a branch of its own.
func (w *world) followPatch(name string, from, to CommitID) {
	t := w.t
	a, b := w.model.content(from), w.model.content(to)
	data := patchOf(t, w.m, from, to)
	branch := must(w.m.CreateBranch(name, from))(t)
	kind := Applied
	if maps.Equal(a, b) {
		kind = UpToDate
	}
	for _, back := range []bool{false, true} {
		p, want := readPatch(t, w.m, data), b
		if back {
			p, want = p.Reverse(), a
		}
		res := must(branch.ApplyPatch(p, &MergeOptions[string, string]{Policy: Fail}))(t)
		if res.Kind != kind || res.Conflicts != 0 || res.Changes != len(mapDiff(a, b)) {
			t.Fatalf("from %d to %d: %+v", from, to, res)
		}
		if got := collect(t, branch.All()); !maps.Equal(got, want) {
			t.Fatalf("from %d to %d: %v, expected %v", from, to, got, want)
		}
	}
}

func TestAPatchIsADiff(t *testing.T) {
	m, main := newMap[string, string](t)
	a := put(t, main, "changed", "1", "gone", "2", "kept", "3", "", "empty key")
	large := strings.Repeat("x", 3*maxFrame)
	b := put(t, main, "changed", large, "gone", "-", "new", "", "", "-")
	data := patchOf(t, m, a, b)
	d := m.Diff(a, b)
	want := slices.Collect(d.All())
	p := readPatch(t, m, data)
	if got := slices.Collect(p.All()); !slices.Equal(got, want) || p.Err() != nil {
		t.Fatal(len(got), p.Err())
	}
	if p.From != must(m.Commit(a))(t).Global || p.To != must(m.Commit(b))(t).Global {
		t.Fatal(p.From, p.To)
	}
	d = m.Diff(b, a)
	want = slices.Collect(d.All())
	p = readPatch(t, m, data).Reverse()
	if got := slices.Collect(p.All()); !slices.Equal(got, want) || p.Err() != nil {
		t.Fatal(len(got), p.Err())
	}
	// A map that knows none of the commits takes it too.
	other, own := newMap[string, string](t)
	put(t, own, "changed", "1", "gone", "2", "", "empty key")
	res := must(own.ApplyPatch(readPatch(t, other, data), nil))(t)
	if v, _, err := own.Get("changed"); res.Conflicts != 0 || res.Changes != 4 || v != large || err != nil {
		t.Fatal(res, err)
	}
	if got := must(other.Commit(res.Commit))(t); !strings.Contains(got.Message, p.To.String()) {
		t.Fatal(got.Message)
	}
}

func TestWhatDoesNotFitAPatchIsAConflict(t *testing.T) {
	m, main := newMap[string, string](t)
	base := put(t, main, "fits", "1", "differs", "1", "gone", "1", "same", "1")
	patched := put(t, main, "fits", "2", "differs", "2", "gone", "2", "same", "2", "added", "2")
	data := patchOf(t, m, base, patched)
	for name, c := range map[string]struct {
		opt  *MergeOptions[string, string]
		want string
	}{
		"source": {nil, "added=2 differs=2 fits=2 gone=2 same=2"},
		"target": {&MergeOptions[string, string]{Policy: TargetWins}, "added=3 differs=3 fits=2 same=2"},
		"resolver": {&MergeOptions[string, string]{Resolve: func(c Conflict[string, string]) (Decision[string], error) {
			if !c.InTarget {
				return TakeTarget[string](), nil
			}
			return Keep(c.Base + c.Source + c.Target), nil
		}}, "added=23 differs=123 fits=2 same=2"},
		"fail": {&MergeOptions[string, string]{Policy: Fail}, "added=3 differs=3 fits=1 same=2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := must(m.CreateBranch("b", base))(t)
			head := put(t, b, "differs", "3", "gone", "-", "same", "2", "added", "3")
			list := must(b.PatchConflicts(readPatch(t, m, data)))(t)
			if len(list) != 3 || list[1] != (Conflict[string, string]{"differs", "1", "2", "3", true, true, true}) {
				t.Fatal(list)
			}
			preview, err := b.PreviewPatch(readPatch(t, m, data), c.opt)
			if now := must(b.Head())(t); now != head || preview.Conflicts != 3 {
				t.Fatal(preview, err, now)
			}
			res, err2 := b.ApplyPatch(readPatch(t, m, data), c.opt)
			preview.Commit = res.Commit
			var failed *ConflictsError
			switch {
			case name == "fail":
				if !errors.As(err, &failed) || !errors.As(err2, &failed) || failed.Count != 3 || !bytes.Contains(failed.First, []byte("added")) {
					t.Fatal(err, err2)
				}
			case err != nil || err2 != nil || preview.Changes != res.Changes || preview.Kind != res.Kind || res.Kind != Applied:
				t.Fatal(preview, err, res, err2)
			}
			var got []string
			all := b.All()
			for k, v := range all.All() {
				got = append(got, k+"="+v)
			}
			check(t, all.Err())
			if s := strings.Join(got, " "); s != c.want {
				t.Fatalf("%s, expected %s", s, c.want)
			}
			check(t, b.Remove())
		})
	}
}

func TestAPatchThatIsThereChangesNothing(t *testing.T) {
	m, main := newMap[string, string](t)
	head := put(t, main, "a", "1", "b", strings.Repeat("large", 1000))
	data := patchOf(t, m, 0, head)
	res := must(main.ApplyPatch(readPatch(t, m, data), nil))(t)
	if res.Kind != UpToDate || res.Commit != head || res.Changes != 0 {
		t.Fatal(res)
	}
	res = must(main.ApplyPatch(readPatch(t, m, data), &MergeOptions[string, string]{CommitOptions: CommitOptions{AllowEmpty: true}}))(t)
	if res.Kind != Applied || res.Commit == head {
		t.Fatal(res)
	}
	_, err := main.ApplyPatch(readPatch(t, m, data), &MergeOptions[string, string]{CommitOptions: CommitOptions{Head: head}})
	if !errors.Is(err, ErrMoved) {
		t.Fatal(err)
	}
	check(t, main.Put("c", "uncommitted"))
	if _, err := main.PreviewPatch(readPatch(t, m, data), nil); !errors.Is(err, ErrUncommitted) {
		t.Fatal(err)
	}
	if _, err := m.WritePatch(io.Discard, 0, 99); !errors.Is(err, ErrNoCommit) {
		t.Fatal(err)
	}
}

func TestADamagedPatchIsRefused(t *testing.T) {
	m, main := newMap[string, string](t)
	a := put(t, main, "k", "1", "l", "1")
	b := put(t, main, "k", "2", "l", "-", "m", "2")
	data := patchOf(t, m, a, b)
	apply := func(data []byte) error {
		p, err := m.ReadPatch(bytes.NewReader(data))
		if err == nil {
			_, err = main.ApplyPatch(p.Reverse(), nil)
		}
		return err
	}
	var damage *kv.CorruptionError
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if err := apply(bad); !errors.As(err, &damage) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if err := apply(data[:i]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if head := must(main.Head())(t); head != b {
		t.Fatal("a damaged patch was applied")
	}
	numbers, _ := newMap[string, int](t)
	if _, err := numbers.ReadPatch(bytes.NewReader(data)); !errors.Is(err, codec.ErrShape) {
		t.Fatal(err)
	}
	check(t, apply(data))
}

// TestAPatchHoldsOnlyEdits makes streams with right checksums and wrong content.
func TestAPatchHoldsOnlyEdits(t *testing.T) {
	m, _ := newMap[string, int](t)
	shapes := m.shapes()
	head := append(append([]byte(patchMagic), rowFormat), make([]byte, 32)...)
	head = appendBytes(appendBytes(head, shapes[0]), shapes[1])
	key := func(k string) []byte { return must(m.kc.Append(nil, k))(t) }
	edit := func(flags byte, k []byte, values ...string) []byte {
		b := appendBytes([]byte{flags}, k)
		for _, v := range values {
			b = appendBytes(b, v)
		}
		return b
	}
	one := string(must(m.vc.Append(nil, 1))(t))
	good := edit(patchNew, key("b"), one)
	end := []byte{1}
	for name, frames := range map[string][]any{
		"an edit without flags":     {'E', edit(0, key("b")), 'Z', end},
		"an unknown flag":           {'E', edit(4, key("b"), one), 'Z', end},
		"an edit of nothing":        {'E', edit(patchOld|patchNew, key("b"), one, one), 'Z', end},
		"a value that is missing":   {'E', edit(patchNew, key("b")), 'Z', end},
		"a key that is none":        {'E', edit(patchNew, []byte{0xff}, one), 'Z', end},
		"a value that is none":      {'E', edit(patchNew, key("b"), "no number, surely"), 'Z', end},
		"a key twice":               {'E', good, 'E', good, 'Z', []byte{2}},
		"keys in descending order":  {'E', good, 'E', edit(patchNew, key("a"), one), 'Z', []byte{2}},
		"an empty frame":            {'E', good, 'E', []byte{}, 'Z', end},
		"a frame of a bundle":       {'E', good, 'C', good, 'Z', end},
		"a wrong number":            {'E', good, 'Z', []byte{2}},
		"a number with a long tail": {'E', good, 'Z', []byte{1, 0}},
		"a second header":           {'H', head, 'E', good, 'Z', end},
	} {
		var stream bytes.Buffer
		f := newFrameWriter(&stream)
		f.frame(frameHeader, head)
		for pair := range slices.Chunk(frames, 2) {
			f.frame(byte(pair[0].(rune)), pair[1].([]byte))
		}
		check(t, f.flush())
		p := must(m.ReadPatch(&stream))(t)
		for range p.All() {
		}
		var damage *kv.CorruptionError
		if !errors.As(p.Err(), &damage) {
			t.Errorf("%s: %v", name, p.Err())
		}
	}
}

// FuzzPatch reads and applies streams with right checksums and anything inside.
func FuzzPatch(f *testing.F) {
	m, err := Open[string, string](OnStore(memory(f), testSpace, kv.Sync), nil)
	check(f, err)
	main := must(m.Main())(f)
	a := put(f, main, "a", "1", "b", "2")
	b := put(f, main, "a", "-", "b", "3", "c", "4")
	for _, data := range [][]byte{patchOf(f, m, a, b), patchOf(f, m, 0, a), patchOf(f, m, b, b)} {
		f.Add(framesOf(bytes.NewReader(data)))
	}
	f.Fuzz(func(t *testing.T, frames []byte) {
		m, main := newMap[string, string](t)
		put(t, main, "a", "1", "b", "2")
		for _, back := range []bool{false, true} {
			p, err := m.ReadPatch(streamOf(t, frames))
			if err != nil {
				return
			}
			if back {
				p.Reverse()
			}
			main.ApplyPatch(p, nil)
		}
	})
}
