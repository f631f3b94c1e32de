package varve_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/varvedb/varve"
	"github.com/varvedb/varve/vfs"
)

// told returns the next n commits as text.
func told[K, V any](t testing.TB, c *varve.Changes[K, V], n int) (list []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for commit := range c.All(ctx) {
		var parts []string
		for _, change := range commit {
			switch change.Kind {
			case varve.ChangePut:
				parts = append(parts, fmt.Sprintf("%v=%v", change.Key, change.Value))
			case varve.ChangeDelete:
				parts = append(parts, fmt.Sprintf("-%v", change.Key))
			case varve.ChangeDeleteRange:
				parts = append(parts, "-range")
			case varve.ChangeClear:
				parts = append(parts, "clear")
			}
		}
		if list = append(list, strings.Join(parts, " ")); len(list) == n {
			break
		}
	}
	check(t, c.Err())
	return list
}

func wantTold[K, V any](t testing.TB, c *varve.Changes[K, V], want ...string) {
	t.Helper()
	if got := told(t, c, len(want)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("told %q, want %q", got, want)
	}
}

func TestChangesOfACollectionAreTold(t *testing.T) {
	db := open(t)
	m := must(varve.OpenOrderedMap[int, string](db, "m"))(t)
	other := must(varve.OpenMap[string, int](db, "other"))(t)
	check(t, m.Put(1, "old"))
	changes := must(m.Watch(nil))(t)
	defer changes.Close()
	check(t, errors.Join(m.Put(1, "one"), other.Put("x", 1), m.Delete(1), m.DeleteRange(varve.From(5), varve.To(7))))
	check(t, db.Update(ctx, func(tx *varve.Tx) error {
		return errors.Join(m.In(tx).Put(2, "two"), other.In(tx).Put("y", 2), m.In(tx).Put(3, "three"))
	}))
	wantTold(t, changes, "1=one", "-1", "-range", "2=two 3=three")
}

func TestAClearIsToldAndWhatComesAfter(t *testing.T) {
	db := open(t)
	m := must(varve.OpenOrderedMap[int, string](db, "m"))(t)
	check(t, m.Put(1, "old"))
	changes := must(m.Watch(nil))(t)
	defer func() { check(t, changes.Close()) }()
	check(t, m.Put(2, "two"))
	check(t, m.Clear())
	check(t, m.Put(3, "three"))
	check(t, db.Rename("m", "n"))
	check(t, db.Update(ctx, func(tx *varve.Tx) error {
		return errors.Join(m.In(tx).Put(4, "gone"), m.In(tx).Clear(), m.In(tx).Put(5, "five"))
	}))
	wantTold(t, changes, "2=two", "clear", "3=three", "clear 5=five")
	check(t, m.Put(6, "six"))
	wantTold(t, changes, "6=six")
	check(t, db.Drop("n"))
	for range changes.All(ctx) {
		t.Fatal("a change after the drop")
	}
	if err := changes.Err(); !errors.Is(err, varve.ErrDropped) {
		t.Fatal(err)
	}
}

func TestWatchingGoesOnWhereATokenSays(t *testing.T) {
	disk := vfs.NewMem()
	db := must(varve.Open("db", &varve.Options{FS: disk}))(t)
	m := must(varve.OpenOrderedMap[int, string](db, "m"))(t)
	snap := must(db.Snapshot(ctx))(t)
	check(t, errors.Join(m.Put(1, "a"), m.Clear(), m.Put(2, "b")))
	changes := must(m.At(snap).Watch(nil))(t)
	check(t, snap.Close())
	wantTold(t, changes, "1=a", "clear")
	token := changes.Token()
	check(t, errors.Join(changes.Close(), db.Close()))

	db = openAt(t, disk)
	m = must(varve.OpenOrderedMap[int, string](db, "m"))(t)
	changes = must(m.Watch(token))(t)
	defer changes.Close()
	check(t, m.Put(3, "c"))
	wantTold(t, changes, "2=b", "3=c")
	for _, bad := range []string{"\x01", "\xff", "\x01\x02\x03", "\xff\xff\xff\xff\xff\x01\x01"} {
		if c, err := m.Watch([]byte(bad)); err == nil {
			t.Errorf("token %x is taken", bad)
			check(t, c.Close())
		}
	}
}

func TestSetsAndValuesAreWatched(t *testing.T) {
	db := open(t)
	set, value := must(varve.OpenSet[string](db, "s"))(t), must(varve.OpenValue[int](db, "v"))(t)
	members, numbers := must(set.Watch(nil))(t), must(value.Watch(nil))(t)
	defer members.Close()
	defer numbers.Close()
	check(t, errors.Join(set.Add("a"), value.Set(7), value.Delete()))
	wantTold(t, members, "a=[]")
	wantTold(t, numbers, "{}=7", "-{}")
}

// TestACopyThatFollowsIsEqual keeps a Go map in step with a collection by its
// changes alone.
func TestACopyThatFollowsIsEqual(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	db := open(t)
	m := must(varve.OpenOrderedMap[uint8, int](db, "m", varve.Counted()))(t)
	changes := must(m.Watch(nil))(t)
	defer changes.Close()
	for i := range 300 {
		k := uint8(rng.IntN(50))
		switch rng.IntN(12) {
		case 0:
			check(t, m.DeleteRange(varve.Above(k), varve.To(k+5)))
		case 1:
			check(t, m.DeleteRange(varve.From(k), varve.Unbounded[uint8]()))
		case 2:
			check(t, m.Clear())
		case 3, 4:
			check(t, m.Delete(k))
		default:
			check(t, m.Put(k, i))
		}
	}
	check(t, m.Put(255, 0)) // the last
	copied := make(map[uint8]int)
	for commit := range changes.All(ctx) {
		for _, c := range commit {
			for k := range copied {
				if covers, err := c.Covers(k); err != nil {
					t.Fatal(err)
				} else if covers {
					delete(copied, k)
				}
			}
			if c.Kind == varve.ChangePut {
				copied[c.Key] = c.Value
			}
		}
		if _, last := copied[255]; last {
			break
		}
	}
	check(t, changes.Err())
	if want := maps.Collect(m.All().All()); !maps.Equal(copied, want) {
		t.Fatalf("%v, want %v", copied, want)
	}
}
