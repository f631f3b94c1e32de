package sst

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// salvage returns what is found in a table.
func salvage(t testing.TB, data []byte) (found []kvt, s *Salvaged) {
	t.Helper()
	s, err := Salvage(data, ReaderOptions{Name: "t.sst", FileNumber: 7}, func(key []byte, tr entry.Trailer, value []byte) error {
		found = append(found, kvt{string(key), tr, string(value)})
		return nil
	})
	check(t, err)
	if s.Entries != uint64(len(found)) {
		t.Fatalf("%d entries, %d counted", len(found), s.Entries)
	}
	return found, s
}

// salvageTable makes a table with some partitions.
func salvageTable(t testing.TB, c Compression) (data []byte, all []kvt, blocks int) {
	t.Helper()
	all = numbered(600)
	data, info := write(t, WriterOptions{FileNumber: 7, BlockSize: 256, IndexBlockSize: 256, Compression: c}, all,
		rangedel.Fragment{Start: []byte("a"), End: []byte("b"), Seqs: []kv.Seq{1 << 20}})
	return data, all, int(info.DataBlocks)
}

func TestSalvageFindsAllOfAnIntactTable(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		data, all, _ := salvageTable(t, c)
		found, s := salvage(t, data)
		if !slices.Equal(found, all) || len(s.Tombstones) != 1 || len(s.Gaps) > 0 || !s.Whole || s.Uncovered || s.MaxSeq != 1<<20 {
			t.Errorf("%v: %d entries of %d: %+v", c, len(found), len(all), *s)
		}
	}
}

// subsequence reports which of all are not found, if the others are, in order.
func subsequence(t testing.TB, found, all []kvt) (missing []kvt) {
	t.Helper()
	for _, e := range all {
		if len(found) > 0 && found[0] == e {
			found = found[1:]
		} else {
			missing = append(missing, e)
		}
	}
	if len(found) > 0 {
		t.Fatalf("%v was never written, or is out of order", found[0])
	}
	return missing
}

// explained reports whether gaps hold all that is missing.
func explained(missing []kvt, gaps []Gap) bool {
	return !slices.ContainsFunc(missing, func(e kvt) bool {
		return !slices.ContainsFunc(gaps, func(g Gap) bool { return g.Keys.Contains([]byte(e.key)) })
	})
}

func TestSalvageLosesNoMoreThanTheDamagedBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for c := None; c <= Zstd; c++ {
		intact, all, blocks := salvageTable(t, c)
		perBlock := 2 * len(all) / blocks
		for range 300 {
			data := bytes.Clone(intact)
			from := rng.IntN(len(data))
			to := min(len(data), from+1+rng.IntN(100))
			for i := from; i < to; i++ {
				data[i] ^= byte(1 + rng.IntN(255))
			}
			found, s := salvage(t, data)
			missing := subsequence(t, found, all)
			if len(missing) > 3*perBlock {
				t.Fatalf("%v: %d entries are missing after damage from %d to %d", c, len(missing), from, to)
			}
			if len(s.Gaps) == 0 || !explained(missing, s.Gaps) || s.Whole && len(missing)+1-len(s.Tombstones) > 0 {
				t.Fatalf("%v: %d entries are missing after damage from %d to %d: %+v", c, len(missing), from, to, *s)
			}
			if len(s.Tombstones) == 0 && !s.Uncovered {
				t.Fatalf("%v: the tombstone is missing after damage from %d to %d, and nobody says so", c, from, to)
			}
		}
	}
}

func TestSalvageReadsATableThatIsTooShort(t *testing.T) {
	intact, all, _ := salvageTable(t, LZ4)
	for n := 0; n < len(intact); n += 97 {
		found, s := salvage(t, intact[:n])
		missing := subsequence(t, found, all)
		if len(s.Gaps) == 0 || !explained(missing, s.Gaps) || s.Whole && len(missing) > 0 {
			t.Fatalf("%d bytes: %d entries are missing: %+v", n, len(missing), *s)
		}
		if len(s.Tombstones) == 0 && !s.Uncovered {
			t.Fatalf("%d bytes: the tombstone is missing, and nobody says so", n)
		}
	}
}

func TestSalvageTellsTheErrorOfItsCaller(t *testing.T) {
	data, _, _ := salvageTable(t, None)
	stop := errors.New("stop")
	if _, err := Salvage(data, ReaderOptions{FileNumber: 7}, func([]byte, entry.Trailer, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// FuzzSalvage reads files with any content: what it finds is in order.
func FuzzSalvage(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		data, _, _ := smallTable(f, c)
		f.Add(data, false)
		f.Add(data[:len(data)/2], true)
	}
	f.Fuzz(func(t *testing.T, data []byte, mended bool) {
		if len(data) > 16<<10 {
			return
		}
		data = bytes.Clone(data)
		if mended {
			mend(data, 7)
		}
		last, any := kvt{}, false
		_, err := Salvage(data, ReaderOptions{FileNumber: 7}, func(key []byte, tr entry.Trailer, value []byte) error {
			if any && last.compare(key, tr) >= 0 {
				t.Fatalf("%q %v is not after %q %v", key, tr, last.key, last.t)
			}
			last, any = kvt{string(key), tr, ""}, true
			return nil
		})
		if err != nil && !errors.Is(err, kv.ErrNewerFormat) {
			t.Fatal(err)
		}
	})
}
