package sst

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/varvedb/varve/lsm/internal/entry"
)

// randomOptions are options of which each value matters in some run.
func randomOptions(rnd *rand.Rand) WriterOptions {
	pick := func(n ...int) int { return n[rnd.IntN(len(n))] }
	return WriterOptions{
		FileNumber:      uint64(rnd.IntN(1000)),
		BlockSize:       pick(64, 100, 500, 4096, 64<<10),
		IndexBlockSize:  pick(64, 300, 4096),
		RestartInterval: pick(1, 2, 3, 16, 32, 255),
		Compression:     Compression(rnd.IntN(4)),
		BloomBits:       pick(-1, 1, 10, 20),
		PrefixLength:    pick(0, 1, 4, 7),
		HashIndex:       rnd.IntN(2) == 0,
	}
}

// TestTablesAreLikeASortedSlice compares random tables with the entries that
// were put into them.
func TestTablesAreLikeASortedSlice(t *testing.T) {
	runs := 40
	if testing.Short() {
		runs = 6
	}
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			opt := randomOptions(rnd)
			t.Logf("%+v", opt)
			all := random(rnd, 1+rnd.IntN(1500), 3000)
			var cache Cache
			if rnd.IntN(3) > 0 {
				cache = newCache()
			}
			r, _ := table(t, opt, cache, all)
			checkGets(t, rnd, r, all)
			iopt := IterOptions{NoFill: rnd.IntN(2) == 0, Sequential: rnd.IntN(2) == 0, Lazy: rnd.IntN(2) == 0}
			it := r.NewIter(iopt)
			checkWalks(t, it, all)
			checkSeeks(t, it, all)
			checkWandering(t, rnd, it, all)
			check(t, it.Close())
		})
	}
}

func checkGets(t *testing.T, rnd *rand.Rand, r *Reader, all []kvt) {
	for _, e := range all {
		for _, key := range []string{e.key, e.key + "\x00", e.key + "0", strings.TrimSuffix(e.key, "1")} {
			for _, at := range []entry.Trailer{entry.Newest, e.t, e.t + 1, e.t - 1, entry.Trailer(rnd.IntN(256_000))} {
				checkGet(t, r, all, key, at)
			}
		}
	}
}

func checkGet(t *testing.T, r *Reader, all []kvt, key string, at entry.Trailer) {
	t.Helper()
	got, value, ok, err := r.Get([]byte(key), at)
	check(t, err)
	i := lowerBound(all, key, at)
	want := i < len(all) && all[i].key == key
	if ok != want || ok && (got != all[i].t || string(value) != all[i].value) {
		t.Fatalf("get %q at %v: %v %.60q %v", key, at, got, value, ok)
	}
	for n := range min(len(key), 9) {
		may, err := r.MayContainPrefix([]byte(key[:n]))
		check(t, err)
		if want && !may {
			t.Fatalf("prefix %q of a key is not there", key[:n])
		}
	}
	if may, err := r.MayContain([]byte(key)); err != nil || want && !may {
		t.Fatalf("key %q is not there: %v", key, err)
	}
}

func checkWalks(t *testing.T, it *Iter, all []kvt) {
	i := 0
	for ok := it.First(); ; ok = it.Next() {
		expect(t, it, ok, all, i)
		if i++; !ok {
			break
		}
	}
	expect(t, it, it.Next(), all, len(all))
	expect(t, it, it.Prev(), all, len(all))
	i = len(all) - 1
	for ok := it.Last(); ; ok = it.Prev() {
		expect(t, it, ok, all, i)
		if i--; !ok {
			break
		}
	}
	expect(t, it, it.Prev(), all, -1)
	expect(t, it, it.Next(), all, -1)
}

func checkSeeks(t *testing.T, it *Iter, all []kvt) {
	for i, e := range all {
		key := []byte(e.key)
		expect(t, it, it.SeekGE(key, e.t), all, i)
		expect(t, it, it.SeekLT(key, e.t), all, i-1)
		if e.t > 0 {
			expect(t, it, it.SeekGE(key, e.t-1), all, i+1)
			expect(t, it, it.SeekLT(key, e.t-1), all, i)
		}
		j := lowerBound(all, e.key, entry.Newest)
		expect(t, it, it.SeekGE(key, entry.Newest), all, j)
		expect(t, it, it.SeekLT(key, entry.Newest), all, j-1)
		between := e.key + "\x00"
		j = lowerBound(all, between, entry.Newest)
		expect(t, it, it.SeekGE([]byte(between), entry.Newest), all, j)
		expect(t, it, it.SeekLT([]byte(between), entry.Newest), all, j-1)
	}
	expect(t, it, it.SeekLT(nil, entry.Newest), all, -1)
	expect(t, it, it.SeekGE([]byte("\xff\xff\xff\xff\xff"), 0), all, lowerBound(all, "\xff\xff\xff\xff\xff", 0))
}

func checkWandering(t *testing.T, rnd *rand.Rand, it *Iter, all []kvt) {
	i, ok := 0, it.First()
	for range 3000 {
		switch rnd.IntN(12) {
		case 0:
			i = rnd.IntN(len(all))
			ok = it.SeekGE([]byte(all[i].key), all[i].t)
		case 1:
			i = rnd.IntN(len(all))
			ok = it.SeekLT([]byte(all[i].key), all[i].t)
			i--
		case 2: // to where it is
			if it.Valid() {
				ok = it.SeekGE(it.Key(), it.Trailer())
			}
		case 3, 4, 5, 6, 7:
			if it.Valid() {
				i++
			}
			ok = it.Next()
		default:
			if it.Valid() {
				i--
			}
			ok = it.Prev()
		}
		if i < 0 || i >= len(all) {
			expect(t, it, ok, all, i)
			i, ok = 0, it.First()
		}
		expect(t, it, ok, all, i)
	}
}
