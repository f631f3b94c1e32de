package varve_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/codec"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

var ctx = context.Background()

// must returns v, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a database on a simulated disk; at the end of the test it is
// verified, and what was left open is reported.
func open(t testing.TB) *varve.DB {
	t.Helper()
	return openAt(t, vfs.NewMem())
}

func openAt(t testing.TB, fs vfs.FS) *varve.DB {
	t.Helper()
	opt := &varve.Options{FS: fs}
	if names, _ := fs.List("db"); len(names) == 0 {
		opt.Engine = engine()
	}
	db := must(varve.Open("db", opt))(t)
	t.Cleanup(func() {
		if err := db.Verify(ctx, nil); err != nil && !errors.Is(err, varve.ErrClosed) {
			t.Error(err)
		}
		check(t, db.Close())
	})
	return db
}

type release struct {
	Year  int
	Notes []string
}

func TestAMapKeepsWhatIsPut(t *testing.T) {
	db := open(t)
	m := must(varve.OpenMap[string, release](db, "releases"))(t)
	check(t, m.Put("go1.26", release{2026, []string{"new(expr)"}}))
	got, ok, err := m.Get("go1.26")
	if err != nil || !ok || got.Year != 2026 || got.Notes[0] != "new(expr)" {
		t.Fatal(got, ok, err)
	}
	if _, ok, err := m.Get("go1.99"); ok || err != nil {
		t.Fatal(ok, err)
	}
	old, had, err := m.Swap("go1.26", release{Year: 1})
	if err != nil || !had || old.Year != 2026 {
		t.Fatal(old, had, err)
	}
	actual, inserted, err := m.PutIfAbsent("go1.26", release{Year: 2})
	if err != nil || inserted || actual.Year != 1 {
		t.Fatal(actual, inserted, err)
	}
	v, err := m.GetOrPut("go1.25", func() release { return release{Year: 2025} })
	if err != nil || v.Year != 2025 {
		t.Fatal(v, err)
	}
	check(t, m.Update("go1.25", func(r release, ok bool) (release, bool) { r.Year++; return r, ok }))
	old, had, err = m.Remove("go1.25")
	if err != nil || !had || old.Year != 2026 {
		t.Fatal(old, had, err)
	}
	if n, err := m.Len(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	check(t, m.Clear())
	if empty, err := m.IsEmpty(); !empty || err != nil {
		t.Fatal(empty, err)
	}
}

func TestAMapTakesKeysWithoutOrder(t *testing.T) {
	type key struct{ Tags map[string]int }
	db := open(t)
	m := must(varve.OpenMap[key, int](db, "odd"))(t)
	check(t, m.Put(key{map[string]int{"b": 2, "a": 1}}, 7))
	if v, ok, err := m.Get(key{map[string]int{"a": 1, "b": 2}}); v != 7 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
}

// TestAnOrderedMapAgreesWithASortedSlice compares every reading method with the
// same question to a sorted slice, after random changes.
func TestAnOrderedMapAgreesWithASortedSlice(t *testing.T) {
	for _, counted := range []bool{false, true} {
		t.Run(fmt.Sprint("counted=", counted), func(t *testing.T) {
			db := open(t)
			var opts []varve.CollectionOption
			if counted {
				opts = append(opts, varve.Counted())
			}
			m := must(varve.OpenOrderedMap[int, string](db, "m", opts...))(t).Durable(varve.Process)
			want := map[int]string{}
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range 600 {
				changeAtRandom(t, rng, m, want, i)
				if i%20 == 0 {
					compare(t, rng, m, want)
				}
			}
		})
	}
}

func changeAtRandom(t *testing.T, rng *rand.Rand, m *varve.OrderedMap[int, string], want map[int]string, i int) {
	t.Helper()
	k, v := rng.IntN(200)-100, fmt.Sprint(i)
	switch rng.IntN(8) {
	case 0:
		check(t, m.Delete(k))
		delete(want, k)
	case 1:
		a, b := rng.IntN(200)-100, rng.IntN(20)
		check(t, m.DeleteRange(varve.Above(a), varve.To(a+b)))
		maps.DeleteFunc(want, func(k int, _ string) bool { return k > a && k <= a+b })
	case 2:
		k, _, ok, err := m.PopFirst()
		check(t, err)
		if ok {
			delete(want, k)
		}
	case 3:
		_, _, err := m.Remove(k)
		check(t, err)
		delete(want, k)
	case 4:
		if rng.IntN(30) == 0 {
			check(t, m.Clear())
			clear(want)
		}
	default:
		check(t, m.Put(k, v))
		want[k] = v
	}
}

func compare(t *testing.T, rng *rand.Rand, m *varve.OrderedMap[int, string], want map[int]string) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(want))
	if n, err := m.Len(); err != nil || int(n) != len(keys) {
		t.Fatalf("len %d %v, want %d", n, err, len(keys))
	}
	c := m.All()
	if got := maps.Collect(c.All()); c.Err() != nil || !maps.Equal(got, want) {
		t.Fatalf("all: %v %v", got, c.Err())
	}
	lo, hi := rng.IntN(200)-100, rng.IntN(200)-100
	var between []int
	for _, k := range keys {
		if k >= lo && k < hi {
			between = append(between, k)
		}
	}
	kc := m.KeyRange(varve.From(lo), varve.Below(hi))
	if got := slices.Collect(kc.All()); kc.Err() != nil || !slices.Equal(got, between) {
		t.Fatalf("keys in [%d,%d): %v, want %v", lo, hi, got, between)
	}
	kc = m.KeyRange(varve.From(lo), varve.Below(hi)).Backward().Limit(3)
	slices.Reverse(between)
	if got := slices.Collect(kc.All()); !slices.Equal(got, between[:min(3, len(between))]) {
		t.Fatalf("last three in [%d,%d): %v, want %v", lo, hi, got, between)
	}
	at, found := slices.BinarySearch(keys, lo)
	after := at
	if found {
		after++
	}
	for name, q := range map[string]struct {
		f    func(int) (int, string, bool, error)
		want int
	}{
		"ceiling": {m.Ceiling, at}, "lower": {m.Lower, at - 1},
		"floor": {m.Floor, after - 1}, "higher": {m.Higher, after},
	} {
		k, v, ok, err := q.f(lo)
		if inside := q.want >= 0 && q.want < len(keys); err != nil || ok != inside || ok && (k != keys[q.want] || v != want[k]) {
			t.Fatalf("%s of %d: %d %q %v %v", name, lo, k, v, ok, err)
		}
	}
}

func TestPagesGoOnWhereTheyStopped(t *testing.T) {
	db := open(t)
	m := must(varve.OpenOrderedMap[string, int](db, "m"))(t)
	for i := range 25 {
		check(t, m.Put(fmt.Sprintf("%02d", i), i))
	}
	var got []string
	var token []byte
	for pages := 0; ; pages++ {
		page, next, err := m.Page(token, 10)
		check(t, err)
		for _, e := range page {
			got = append(got, e.Key)
		}
		if next == nil {
			if pages != 2 {
				t.Fatal(pages, "pages before the last")
			}
			break
		}
		token = next
		check(t, m.Put("0", -1)) // before what is left: not seen
	}
	if len(got) != 25 || !slices.IsSorted(got) {
		t.Fatal(got)
	}
}

func TestPrefixesAndFields(t *testing.T) {
	type place struct {
		Country string
		City    string
	}
	db := open(t)
	m := must(varve.OpenOrderedMap[place, int](db, "places"))(t)
	for _, p := range []place{{"fr", "paris"}, {"fr", "lyon"}, {"f", "x"}, {"fra", "y"}} {
		check(t, m.Put(p, 1))
	}
	c := m.PrefixFields(place{Country: "fr"}, 1)
	n := 0
	for p := range c.All() {
		if p.Country != "fr" {
			t.Error(p)
		}
		n++
	}
	if c.Err() != nil || n != 2 {
		t.Fatal(n, c.Err())
	}
	s := must(varve.OpenSet[string](db, "words"))(t)
	check(t, s.AddAll(slices.Values([]string{"a", "ab", "abc", "b"})))
	kc := s.Prefix("ab")
	if got := slices.Collect(kc.All()); !slices.Equal(got, []string{"ab", "abc"}) {
		t.Fatal(got, kc.Err())
	}
	if c := m.Prefix(place{}); len(maps.Collect(c.All())) != 0 || !errors.Is(c.Err(), codec.ErrNoPrefix) {
		t.Fatal(c.Err())
	}
}

func TestRawMapsStoreBytesAsTheyAre(t *testing.T) {
	db := open(t)
	m := must(varve.OpenRawMap(db, "raw"))(t)
	for _, k := range []string{"", "\x00", "a", "a\x00", "\xff\xff"} {
		check(t, m.Put([]byte(k), []byte("="+k)))
	}
	c := m.Range(varve.Above([]byte("")), varve.To([]byte("a")))
	var got []string
	for k, v := range c.All() {
		got = append(got, string(k)+string(v))
	}
	if !slices.Equal(got, []string{"\x00=\x00", "a=a"}) || c.Err() != nil {
		t.Fatalf("%q %v", got, c.Err())
	}
}

func TestASetHoldsMembersOnce(t *testing.T) {
	db := open(t)
	s := must(varve.OpenSet[int](db, "s", varve.Counted()))(t)
	for _, k := range []int{5, 1, 5, 3} {
		check(t, s.Add(k))
	}
	if added, err := s.AddNew(5); added || err != nil {
		t.Fatal(added, err)
	}
	if n, err := s.Len(); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if k, ok, err := s.Floor(4); k != 3 || !ok || err != nil {
		t.Fatal(k, ok, err)
	}
	if had, err := s.Remove(9); had || err != nil {
		t.Fatal(had, err)
	}
	if k, ok, err := s.PopLast(); k != 5 || !ok || err != nil {
		t.Fatal(k, ok, err)
	}
	if got := slices.Collect(s.Backward().All()); !slices.Equal(got, []int{3, 1}) {
		t.Fatal(got)
	}
}

func TestAValueMayBeAbsent(t *testing.T) {
	db := open(t)
	v := must(varve.OpenValue[time.Time](db, "when"))(t)
	if _, ok, err := v.Get(); ok || err != nil {
		t.Fatal(ok, err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	if set, err := v.SetIfAbsent(now); !set || err != nil {
		t.Fatal(set, err)
	}
	if set, err := v.SetIfAbsent(now.Add(1)); set || err != nil {
		t.Fatal(set, err)
	}
	old, had, err := v.Swap(now.Add(time.Hour))
	if !had || !old.Equal(now) || err != nil {
		t.Fatal(old, had, err)
	}
	check(t, v.Delete())
	if _, ok, err := v.Get(); ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestAListAgreesWithASlice(t *testing.T) {
	db := open(t)
	l := must(varve.OpenList[int](db, "l"))(t).Durable(varve.Process)
	var want []int
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 800 {
		n := len(want)
		switch op := rng.IntN(9); {
		case op == 0:
			check(t, l.PushFront(i))
			want = slices.Insert(want, 0, i)
		case op == 1 && n > 0:
			v, ok, err := l.Pop()
			if !ok || err != nil || v != want[n-1] {
				t.Fatal(v, ok, err)
			}
			want = want[:n-1]
		case op == 2 && n > 0:
			v, ok, err := l.PopFront()
			if !ok || err != nil || v != want[0] {
				t.Fatal(v, ok, err)
			}
			want = want[1:]
		case op == 3:
			at := rng.IntN(n + 1)
			check(t, l.Insert(int64(at), i))
			want = slices.Insert(want, at, i)
		case op == 4 && n > 0:
			at := rng.IntN(n)
			v, err := l.RemoveAt(int64(at))
			if err != nil || v != want[at] {
				t.Fatal(v, err)
			}
			want = slices.Delete(want, at, at+1)
		case op == 5 && n > 0:
			at := rng.IntN(n)
			check(t, l.Set(int64(at), -i))
			want[at] = -i
		case op == 6 && rng.IntN(40) == 0:
			check(t, l.Truncate(int64(n/2)))
			want = want[:n/2]
		default:
			check(t, l.Push(i))
			want = append(want, i)
		}
	}
	c := l.All()
	for i, v := range c.All() {
		if want[i] != v {
			t.Fatalf("element %d is %d, want %d", i, v, want[i])
		}
	}
	got := slices.Collect(l.Values().All())
	if c.Err() != nil || !slices.Equal(got, want) {
		t.Fatal(got, want)
	}
	if n, err := l.Len(); int(n) != len(want) || err != nil {
		t.Fatal(n, err)
	}
	for _, i := range []int64{-1, int64(len(want))} {
		if _, err := l.Get(i); !errors.Is(err, varve.ErrOutOfRange) {
			t.Fatal(err)
		}
	}
}

func TestATransactionSpansCollections(t *testing.T) {
	db := open(t)
	from := must(varve.OpenMap[string, int](db, "from"))(t)
	to := must(varve.OpenOrderedMap[string, int](db, "to"))(t)
	check(t, from.Put("x", 10))
	boom := errors.New("boom")
	err := db.Update(ctx, func(tx *varve.Tx) error {
		check(t, from.In(tx).Delete("x"))
		check(t, to.In(tx).Put("x", 10))
		if v, ok, err := to.In(tx).Get("x"); v != 10 || !ok || err != nil {
			t.Error("a transaction does not see its own write")
		}
		if _, ok, _ := to.Get("x"); ok {
			t.Error("others see what is not committed")
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if _, ok, _ := from.Get("x"); !ok {
		t.Fatal("an aborted transaction has deleted")
	}
	check(t, db.Update(ctx, func(tx *varve.Tx) error {
		old, _, err := from.In(tx).Remove("x")
		if err != nil {
			return err
		}
		return to.In(tx).Put("x", old)
	}))
	if v, ok, err := to.Get("x"); v != 10 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
}

func TestASavepointTakesBackALaterClear(t *testing.T) {
	db := open(t)
	m := must(varve.OpenMap[string, int](db, "m"))(t)
	check(t, m.Put("a", 1))
	check(t, db.Update(ctx, func(tx *varve.Tx) error {
		s := tx.Savepoint()
		check(t, m.In(tx).Clear())
		check(t, m.In(tx).Put("b", 2))
		if _, ok, _ := m.In(tx).Get("a"); ok {
			t.Error("cleared, but there")
		}
		return tx.Restore(s)
	}))
	if v, ok, err := m.Get("a"); v != 1 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
	check(t, m.Put("c", 3))
	if n, err := m.Len(); n != 2 || err != nil {
		t.Fatal(n, err)
	}
}

func TestConcurrentIncrementsAreAllCounted(t *testing.T) {
	db := open(t)
	m := must(varve.OpenMap[string, int](db, "m", varve.Counted()))(t).Durable(varve.Process)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				err := m.Update("n", func(old int, _ bool) (int, bool) { return old + 1, true })
				if err == nil {
					err = m.Put(fmt.Sprint(g, i), i)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, _, err := m.Get("n"); v != 400 || err != nil {
		t.Fatal(v, err)
	}
	if n, err := m.Len(); n != 401 || err != nil {
		t.Fatal(n, err)
	}
}

func TestASnapshotDoesNotChange(t *testing.T) {
	db := open(t)
	m := must(varve.OpenMap[string, int](db, "m"))(t)
	check(t, m.Put("a", 1))
	snap := must(db.Snapshot(ctx))(t)
	defer snap.Close()
	check(t, m.Put("a", 2))
	check(t, m.Clear())
	check(t, db.Drop("m"))
	if v, ok, err := m.At(snap).Get("a"); v != 1 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
	if n, err := m.At(snap).Len(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := m.At(snap).Put("a", 3); !errors.Is(err, varve.ErrReadOnly) {
		t.Fatal(err)
	}
	if _, _, err := m.Get("a"); !errors.Is(err, varve.ErrDropped) {
		t.Fatal(err)
	}
}

func TestTheCatalogListsRenamesAndDrops(t *testing.T) {
	fs := vfs.NewMem()
	db := openAt(t, fs)
	users := must(varve.OpenMap[string, int](db, "app/users", varve.Counted()))(t)
	must(varve.OpenList[string](db, "app/log"))(t)
	check(t, users.Put("a", 1))
	list := must(db.Collections("app/"))(t)
	if len(list) != 2 || list[0].Name != "app/log" || list[1].String() != "map[string → int]" || list[1].Keys != 1 {
		t.Fatalf("%+v", list)
	}
	check(t, db.Rename("app/users", "people"))
	check(t, users.Put("b", 2))
	if err := db.Rename("people", "app/log"); !errors.Is(err, varve.ErrCollectionExists) {
		t.Fatal(err)
	}
	info := must(db.Describe(ctx, "people"))(t)
	if info.Keys != 2 || info.Bytes == 0 || info.ID != users.ID() {
		t.Fatalf("%+v", info)
	}
	if name := must(db.NameOf(users.ID()))(t); name != "people" {
		t.Fatal(name)
	}
	check(t, db.Drop("people"))
	if err := users.Put("c", 3); !errors.Is(err, varve.ErrDropped) {
		t.Fatal(err)
	}
	if err := db.Drop("people"); !errors.Is(err, varve.ErrNoCollection) {
		t.Fatal(err)
	}
	again := must(varve.OpenMap[string, int](db, "people"))(t)
	if again.ID() == users.ID() {
		t.Fatal("an ID was given again")
	}
	for _, bad := range []string{"", "/a", "a//b", "a/", "a\nb", string([]byte{0xff}), string(make([]byte, 2000))} {
		if _, err := varve.OpenMap[string, int](db, bad); !errors.Is(err, varve.ErrName) {
			t.Errorf("name %q: %v", bad, err)
		}
	}
}

func TestOpeningAsAnotherTypeNamesBoth(t *testing.T) {
	db := open(t)
	must(varve.OpenMap[string, int](db, "m"))(t)
	_, err := varve.OpenMap[string, string](db, "m")
	var wrong *varve.TypeError
	if !errors.As(err, &wrong) || !errors.Is(err, varve.ErrWrongType) {
		t.Fatal(err)
	}
	if wrong.Stored.String() != "map[string → int]" || wrong.Wanted.String() != "map[string → string]" {
		t.Fatal(err)
	}
	if _, err := varve.OpenOrderedMap[string, int](db, "m"); !errors.Is(err, varve.ErrWrongType) {
		t.Fatal(err)
	}
	type named string
	if _, err := varve.OpenMap[named, int64](db, "m"); err != nil {
		t.Fatal("another name for the same type:", err)
	}
}

func TestClearedRoomComesBackWhileOthersWrite(t *testing.T) {
	db := open(t)
	m := must(varve.OpenMap[int, []byte](db, "m"))(t).Durable(varve.Process)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 3000 {
			check(t, m.Put(i, make([]byte, 10)))
		}
	})
	for range 20 {
		check(t, m.Clear())
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	check(t, m.Clear())
	waitUntil(t, func() bool { return db.Metrics().LiveKeys <= 4 }) // the rows of the catalog
}

// waitUntil waits for what the background does.
func waitUntil(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

func TestHandlesAreStoredAsValues(t *testing.T) {
	db := open(t)
	inner := must(varve.OpenMap[string, int](db, "inner"))(t)
	check(t, inner.Put("x", 7))
	outer := must(varve.OpenMap[string, *varve.Map[string, int]](db, "outer"))(t)
	check(t, outer.Put("m", inner))
	h, ok, err := outer.Get("m")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, _, err := h.Get("x"); err == nil {
		t.Fatal("a handle without a database was used")
	}
	check(t, h.Attach(db))
	if v, ok, err := h.Get("x"); v != 7 || !ok || err != nil {
		t.Fatal(v, ok, err)
	}
}

func TestBindOpensTheFieldsOfAStruct(t *testing.T) {
	db := open(t)
	var app struct {
		Users    *varve.OrderedMap[string, int]
		Sessions *varve.Map[string, int] `varve:"live_sessions,counted"`
		Audit    struct {
			HTTPLog *varve.List[string]
		}
		Seen    *varve.Set[string]
		Version *varve.Value[int]
		Other   int `varve:"-"`
	}
	check(t, varve.Bind(db, &app))
	check(t, app.Audit.HTTPLog.Push("started"))
	check(t, app.Version.Set(3))
	var names []string
	for _, c := range must(db.Collections(""))(t) {
		names = append(names, c.Name)
	}
	want := []string{"audit/http_log", "live_sessions", "seen", "users", "version"}
	if !slices.Equal(names, want) {
		t.Fatal(names)
	}
	if err := varve.Bind(db, &struct{ N int }{}); err == nil {
		t.Fatal("an int was bound")
	}
	if err := varve.Bind(db, app); err == nil {
		t.Fatal("a struct was bound, not a pointer")
	}
}

func TestBackupsAndCopiesHoldTheSame(t *testing.T) {
	db := open(t)
	m := must(varve.OpenOrderedMap[int, string](db, "m", varve.Counted()))(t)
	check(t, m.PutAll(func(yield func(int, string) bool) {
		for i := range 10000 {
			if !yield(i, fmt.Sprint(i)) {
				return
			}
		}
	}))
	var stream bytes.Buffer
	must(db.Backup(ctx, &stream, nil))(t)
	other := must(varve.Restore(ctx, "", nil, nil, bytes.NewReader(stream.Bytes())))(t)
	defer other.Close()
	same := func(db *varve.DB, name string) {
		t.Helper()
		c := must(varve.OpenOrderedMap[int, string](db, name, varve.Counted()))(t)
		if n, err := c.Len(); n != 10000 || err != nil {
			t.Fatal(n, err)
		}
		if v, ok, err := c.Get(777); v != "777" || !ok || err != nil {
			t.Fatal(v, ok, err)
		}
	}
	same(other, "m")
	check(t, db.Copy(ctx, "m", db, "copy"))
	same(db, "copy")
	check(t, db.Copy(ctx, "m", other, "copy"))
	same(other, "copy")
	if err := db.Copy(ctx, "m", other, "copy"); !errors.Is(err, varve.ErrCollectionExists) {
		t.Fatal(err)
	}
	for _, at := range []int{0, 20, stream.Len() / 2, stream.Len() - 1} {
		damaged := bytes.Clone(stream.Bytes())
		damaged[at] ^= 0x40
		if db, err := varve.Restore(ctx, "", nil, nil, bytes.NewReader(damaged)); err == nil {
			t.Errorf("a backup with byte %d flipped was restored", at)
			db.Close()
		}
	}
	if _, err := varve.Restore(ctx, "", nil, nil, bytes.NewReader(stream.Bytes()[:stream.Len()-12])); err == nil {
		t.Error("half a backup was restored")
	}
}

func TestIncrementsHoldWhatChanged(t *testing.T) {
	db := open(t)
	m := must(varve.OpenOrderedMap[int, string](db, "m", varve.Counted()))(t)
	for i := range 1000 {
		check(t, m.Durable(varve.Process).Put(i, "old"))
	}
	var streams [4]bytes.Buffer
	info := must(db.Backup(ctx, &streams[0], nil))(t)
	for n := range 3 {
		switch n {
		case 0:
			check(t, errors.Join(m.DeleteRange(varve.From(10), varve.To(20)), m.Put(5, "new"), m.Delete(6)))
			must(varve.OpenSet[string](db, "made between"))(t)
		case 1:
			check(t, errors.Join(m.Clear(), m.Put(1, "after the clear"), db.Rename("m", "n")))
			check(t, db.Copy(ctx, "n", db, "copied"))
		}
		before := info
		info = must(db.BackupSince(ctx, before.Until, &streams[n+1], nil))(t)
		if info.Since != before.Until || info.Until < before.Until || n == 2 && info.Entries > 100 {
			t.Fatalf("%+v after %+v", info, before)
		}
		back := must(varve.Restore(ctx, "", nil, nil, bytes.NewReader(streams[0].Bytes()), readers(streams[1:n+2])...))(t)
		if got, want := dump(t, back), dump(t, db); got != want {
			t.Fatalf("after %d increments:\n%s\nwant\n%s", n+1, got, want)
		}
		check(t, errors.Join(back.Verify(ctx, nil), back.Close()))
	}
	if _, err := db.BackupSince(ctx, info.Until+1<<40, &streams[0], nil); !errors.Is(err, varve.ErrCompacted) {
		t.Error(err)
	}
	damaged := bytes.Clone(streams[2].Bytes())
	damaged[len(damaged)/2] ^= 1
	var damage *varve.CorruptionError
	_, err := varve.Restore(ctx, "", nil, nil, bytes.NewReader(streams[0].Bytes()), &streams[1], bytes.NewReader(damaged))
	if !errors.As(err, &damage) {
		t.Error(err)
	}
}

func readers(streams []bytes.Buffer) (list []io.Reader) {
	for i := range streams {
		list = append(list, bytes.NewReader(streams[i].Bytes()))
	}
	return list
}

func TestAViewFailsWithAReadThatFailed(t *testing.T) {
	db := open(t)
	m := must(varve.OpenMap[string, int](db, "m"))(t)
	var b kv.Batch
	check(t, m.Put("good", 1))
	snap := must(db.Store().Snapshot(ctx))(t)
	it := snap.Iter(kv.IterOptions{})
	var key []byte
	for ok := it.First(); ok; ok = it.Next() {
		key = bytes.Clone(it.Key()) // the last is the entry
	}
	check(t, cmp.Or(it.Close(), snap.Close()))
	b.Put(key, []byte("no number at all, too long"))
	must(db.Store().Apply(ctx, &b, kv.WriteOptions{}))(t)
	err := db.View(ctx, func(tx *varve.Tx) error {
		for range m.In(tx).All().All() {
			t.Error("an entry that cannot be decoded")
		}
		return nil
	})
	if !errors.Is(err, codec.ErrMalformed) {
		t.Fatal(err)
	}
	err = db.Update(ctx, func(tx *varve.Tx) error {
		m.In(tx).Get("good")
		return m.In(tx).Put("x", 1)
	})
	if !errors.Is(err, codec.ErrMalformed) {
		t.Fatal(err)
	}
}
