package sst

import (
	"testing"

	"github.com/varvedb/varve/lsm/internal/entry"
)

func TestACachedLookupAllocatesNothing(t *testing.T) {
	all := numbered(10000)
	for _, hashed := range []bool{false, true} {
		r, _ := table(t, WriterOptions{HashIndex: hashed}, newCache(), all)
		i := 0
		get := func() {
			_, _, ok, err := r.Get([]byte(all[i%len(all)].key), entry.Newest)
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			i += 37
		}
		for range all {
			get()
		}
		if n := testing.AllocsPerRun(1000, get); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func TestAWarmIteratorAllocatesNothing(t *testing.T) {
	all := numbered(10000)
	r, _ := table(t, WriterOptions{}, newCache(), all)
	it := r.NewIter(IterOptions{})
	checkWalks(t, it, all)
	it.First()
	key := []byte(all[5000].key)
	for name, f := range map[string]func(){
		"next": func() {
			if !it.Next() {
				it.First()
			}
		},
		"prev": func() {
			if !it.Prev() {
				it.Last()
			}
		},
		"seek": func() {
			it.SeekGE(key, entry.Newest)
			it.SeekLT(key, entry.Newest)
		},
		"init": func() {
			it.Init(r, IterOptions{Lazy: true, Upper: key})
			it.First()
			it.Next()
		},
	} {
		if n := testing.AllocsPerRun(15000, f); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	check(t, it.Close())
}
