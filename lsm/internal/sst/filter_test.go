package sst

import (
	"fmt"
	"testing"

	"github.com/varvedb/varve/lsm/internal/entry"
)

func TestAFilterHasAllItsItems(t *testing.T) {
	for _, bits := range []int{1, 2, 3, 5, 10, 20, 63, maxBloomBits} {
		for _, n := range []int{1, 2, 50, 3000} {
			f := filterBuilder{bits: bits}
			for i := range n {
				f.add(Hash(fmt.Append(nil, "key", i)))
			}
			content := f.finish()
			for i := range n {
				if may, ok := mayContain(content, Hash(fmt.Append(nil, "key", i))); !may || !ok {
					t.Fatalf("%d bits, %d keys: key %d is missing", bits, n, i)
				}
			}
		}
	}
}

// The rates are those of a Bloom filter, and a part for its lines.
func TestFalsePositivesAreAsRareAsExpected(t *testing.T) {
	for bits, percent := range map[int]float64{5: 11.5, 10: 1.25, 14: 0.3, 20: 0.06} {
		f := filterBuilder{bits: bits}
		const n = 20000
		for i := range n {
			f.add(Hash(fmt.Append(nil, "key", i)))
		}
		content := f.finish()
		wrong := 0
		const probes = 200_000
		for i := range probes {
			if may, _ := mayContain(content, Hash(fmt.Append(nil, "no", i))); may {
				wrong++
			}
		}
		rate := float64(wrong) / probes * 100
		t.Logf("%d bits: %.3f%%, %d bytes", bits, rate, len(content))
		if rate > percent {
			t.Errorf("%d bits: %.3f%% are wrong, at most %.3f%% are expected", bits, rate, percent)
		}
	}
}

func TestTheFilterKeepsAbsentKeysFromTheirBlocks(t *testing.T) {
	r, _ := table(t, WriterOptions{}, nil, numbered(20000))
	may := 0
	for i := range 10000 {
		ok, err := r.MayContain(fmt.Appendf(nil, "key%06d+", i))
		check(t, err)
		if ok {
			may++
		}
	}
	if may > 150 {
		t.Errorf("%d of 10000 pass", may)
	}
}

func TestThePrefixFilterKeepsAbsentPrefixesOut(t *testing.T) {
	var all []kvt
	for i := range 5000 {
		all = append(all, put(fmt.Sprintf("p%05d/%d", 2*i, i), 1, ""))
	}
	r, _ := table(t, WriterOptions{PrefixLength: 6, BlockSize: 256, IndexBlockSize: 256}, newCache(), all)
	may := 0
	for i := range 5000 {
		if ok, err := r.MayContainPrefix(fmt.Appendf(nil, "p%05d/", 2*i)); err != nil || !ok {
			t.Fatal("a prefix is missing", i, err)
		}
		ok, err := r.MayContainPrefix(fmt.Appendf(nil, "p%05d", 2*i+1))
		check(t, err)
		if ok {
			may++
		}
	}
	if may > 100 {
		t.Errorf("%d of 5000 pass", may)
	}
	if ok, err := r.MayContainPrefix([]byte("p")); !ok || err != nil {
		t.Error("a short prefix does not pass", err)
	}
	if ok, err := r.MayContainPrefix([]byte("q")); ok || err != nil {
		t.Error("a prefix above all keys passes", err)
	}
}

func TestATableWithoutFiltersMayContainAnything(t *testing.T) {
	r, info := table(t, WriterOptions{BloomBits: -1, PrefixLength: 2}, nil, numbered(10))
	may, err := r.MayContain([]byte("key000003+"))
	prefix, prefixErr := r.MayContainPrefix([]byte("key000003+"))
	if !may || !prefix || err != nil || prefixErr != nil || info.FilterBytes != 0 {
		t.Fatal(may, prefix, err, prefixErr, info.FilterBytes)
	}
	checkGet(t, r, numbered(10), "key000003+", entry.Newest)
}
