package version

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
)

func history(t testing.TB, r *reader[string, string], key string) (list []string) {
	t.Helper()
	h := r.History(key)
	for v := range h.All() {
		text := fmt.Sprintf("%d=%s", v.Commit, v.Value)
		if v.Removed {
			text = fmt.Sprintf("%d gone", v.Commit)
		}
		if !v.Known && v.Commit != 0 {
			text += " forgotten"
		}
		list = append(list, text)
	}
	check(t, h.Err())
	return list
}

func TestTheHistoryOfAKeyHopsFromChangeToChange(t *testing.T) {
	m, main := newMap[string, string](t)
	put(t, main, "a", "1", "z", "1") // 1
	put(t, main, "z", "2")           // 2
	put(t, main, "a", "-")           // 3
	put(t, main, "z", "3")           // 4
	side := must(main.Fork("side"))(t)
	put(t, side, "a", "side")          // 5
	put(t, main, "z", "4")             // 6
	must(main.Merge(side, nil))(t)     // 7
	put(t, main, "z", "5")             // 8
	check(t, main.Put("a", "working")) // not committed
	if got := history(t, &main.reader, "a"); !slices.Equal(got, []string{"0=working", "5=side", "3 gone", "1=1"}) {
		t.Fatal(got)
	}
	if got := history(t, &main.reader, "z"); !slices.Equal(got, []string{"8=5", "6=4", "4=3", "2=2", "1=1"}) {
		t.Fatal(got)
	}
	if got := history(t, &main.reader, "never"); got != nil {
		t.Fatal(got)
	}
	v, ok, err := must(m.At(4))(t).Blame("a")
	if v.Commit != 3 || !v.Removed || !ok || err != nil || v.Info.ID != 3 {
		t.Fatal(v, ok, err)
	}
	check(t, main.Discard())
	check(t, m.KeepReflog(0))
	check(t, side.Remove())
	must(m.Truncate(Retention{Last: 2}))(t)
	if got := history(t, &main.reader, "a"); !slices.Equal(got, []string{"5=side forgotten"}) {
		t.Fatal(got)
	}
}

// TestBlameIsWhoChangedAKeyLast compares with a model on random linear histories
// with merges of branches that do not clash.
func TestBlameIsWhoChangedAKeyLast(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	m, main := newMap[string, string](t)
	writer := map[string]CommitID{}
	gone := map[string]CommitID{}
	for i := range 150 {
		b := main
		if i%10 == 9 {
			b = must(main.Fork(fmt.Sprint("side", i)))(t)
		}
		var e Edits[string, string]
		touched := map[string]bool{}
		for range 1 + rng.IntN(4) {
			k := fmt.Sprint("k", rng.IntN(40))
			_, there := writer[k]
			if touched[k] = rng.IntN(3) > 0 || !there; touched[k] {
				e.Put(k, fmt.Sprint("v", i))
			} else {
				e.Delete(k)
			}
		}
		id := must(b.CommitEdits(&e, "c", nil))(t)
		for k, set := range touched {
			if set {
				writer[k] = id
			} else {
				delete(writer, k)
				gone[k] = id
			}
		}
		if b != main {
			must(main.Merge(b, nil))(t)
			check(t, b.Remove())
		}
	}
	for k := range maps.Keys(gone) {
		v, ok, err := main.Blame(k)
		by, there := writer[k]
		if !there {
			by = gone[k]
		}
		if !ok || err != nil || v.Commit != by || v.Removed == there {
			t.Fatal(k, v.Commit, by, v.Removed, err)
		}
	}
	if _, ok, err := must(m.At(1))(t).Blame("nothing"); ok || err != nil {
		t.Fatal(ok, err)
	}
}

// damages returns what a row could be instead. Engines guard the bytes of rows;
// nodes guard themselves too.
func damages(row [2][]byte) [][]byte {
	last := len(row[1]) - 1
	list := [][]byte{nil, row[1][:last]}
	if row[0][8] == rowNode {
		for i := 0; i <= last; i += 7 {
			bad := slices.Clone(row[1])
			bad[i] ^= 0x40
			list = append(list, bad)
		}
	}
	return list
}

// TestDamageNamesTheCommit overwrites each node and row of a map in turn: what
// reads it returns an error or the right answer.
func TestDamageNamesTheCommit(t *testing.T) {
	store := memory(t)
	m := must(Open[string, string](OnStore(store, testSpace, 0), nil))(t)
	main := must(m.Main())(t)
	for i := range 3 {
		var e Edits[string, string]
		for j := range 200 {
			e.Put(fmt.Sprintf("k%03d", j*(i+1)%250), fmt.Sprint(i))
		}
		must(main.CommitEdits(&e, "c", nil))(t)
	}
	var rows [][2][]byte
	check(t, m.view(func(s *session) error {
		for _, row := range []byte{rowNode, rowCommit, rowBranch, rowRefs, rowEdge, rowMeta} {
			err := s.scan(rowKey(testSpace, row), func(k, v []byte) (bool, error) {
				rows = append(rows, [2][]byte{slices.Clone(k), slices.Clone(v)})
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	for _, row := range rows {
		for _, bad := range damages(row) {
			check(t, putRaw(store, row[0], bad))
			snap := must(store.Snapshot(ctx))(t)
			_, err := Verify(ctx, snap, testSpace)
			var damage *kv.CorruptionError
			if !errors.As(err, &damage) || row[0][8] == rowNode && !strings.Contains(err.Error(), "commit ") {
				t.Fatalf("row %q was changed to %q: %v", row[0][8:], bad, err)
			}
			check(t, snap.Close())
		}
		check(t, putRaw(store, row[0], row[1]))
	}
	snap := must(store.Snapshot(ctx))(t)
	report := must(Verify(ctx, snap, testSpace))(t)
	check(t, snap.Close())
	if report.Commits != 3 || report.Nodes < 10 {
		t.Fatal(report)
	}
}

// TestAStagedEditThatIsCutOffIsDamage empties the row of an uncommitted edit:
// whatever reads it says so.
func TestAStagedEditThatIsCutOffIsDamage(t *testing.T) {
	store := memory(t)
	m := must(Open[string, string](OnStore(store, testSpace, 0), nil))(t)
	main := must(m.Main())(t)
	check(t, main.Put("k", "v"))
	check(t, m.view(func(s *session) error {
		return s.scan(rowKey(testSpace, rowStaged), func(key, _ []byte) (bool, error) {
			return false, putRaw(store, slices.Clone(key), nil)
		})
	}))
	all, keys, h, d := main.All(), main.All(), main.History("k"), main.Uncommitted()
	for range all.All() {
	}
	for range keys.Keys() {
	}
	for range h.All() {
	}
	for range d.All() {
	}
	_, _, get := main.Get("k")
	_, count := main.Len()
	_, commit := main.Commit("c", nil)
	for what, err := range map[string]error{"all": all.Err(), "keys": keys.Err(), "history": h.Err(), "uncommitted": d.Err(), "get": get, "len": count, "commit": commit} {
		var damage *kv.CorruptionError
		if !errors.As(err, &damage) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A map whose rows cannot be read is not an empty one.
func TestAReadThatFailsIsNoMissingBranch(t *testing.T) {
	m, main := newMap[string, string](t)
	put(t, main, "k", "v")
	failing := m.In(failingHome{m.home})
	for what, err := range map[string]error{
		"branch": errorOf(failing.Branch("main")), "main": errorOf(failing.BranchByID(1).Info()), "other": errorOf(failing.Branch("x")),
	} {
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

var errDisk = errors.New("the disk does not answer")

// failingHome shows a map from which the record of the map cannot be read, and
// no branch.
type failingHome struct{ Home }

func (h failingHome) View(f func(kv.Reader, uint64) error) error {
	return h.Home.View(func(r kv.Reader, space uint64) error { return f(failingReader{r}, space) })
}

type failingReader struct{ kv.Reader }

func (r failingReader) Get([]byte, []byte) ([]byte, bool, error) { return nil, false, nil }
func (r failingReader) Has([]byte) (bool, error)                 { return false, errDisk }
