package memtable

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// value returns what the storm stores for a trailer.
func value(tr entry.Trailer) []byte {
	size := int(tr>>8) % 200
	if tr>>8%512 == 0 {
		size = 100 << 10
	}
	return binary.LittleEndian.AppendUint64(make([]byte, size, size+8), uint64(tr))
}

func whole(tr entry.Trailer, v []byte) bool {
	return len(v) >= 8 && entry.Trailer(binary.LittleEndian.Uint64(v[len(v)-8:])) == tr
}

// Many goroutines add while others read: each reader meets entries that are
// whole, in order, and does not miss what was there before; at the end all are
// there.
func TestStorm(t *testing.T) {
	const writers, readers, rounds = 6, 2, 2500
	tab := New(3)
	var written [writers]atomic.Int64 // entries added
	models := make([][]record, writers)
	var write, read sync.WaitGroup
	for w := range writers {
		write.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 5))
			var in Inserter
			in.Init(tab)
			for i := range rounds {
				tr := entry.MakeTrailer(kv.Seq(i*writers+w), entry.Put)
				key := binary.BigEndian.AppendUint16(nil, uint16(rng.IntN(300)))
				if w%2 == 0 { // each at its own place, upward
					key = binary.BigEndian.AppendUint32([]byte{byte(w)}, uint32(i))
					in.Add(key, tr, value(tr))
				} else {
					tab.Add(key, tr, value(tr))
				}
				models[w] = append(models[w], record{key, tr, value(tr)})
				written[w].Add(1)
			}
		})
	}
	var done atomic.Bool
	for r := range readers {
		read.Go(func() {
			for !done.Load() && !t.Failed() {
				walkOnce(t, tab, r%2 == 1, &written)
			}
		})
	}
	write.Wait()
	done.Store(true)
	read.Wait()
	all := slices.Concat(models...)
	slices.SortFunc(all, func(a, b record) int { return entry.Compare(a.key, a.tr, b.key, b.tr) })
	check(t, tab, all)
}

// walkOnce reads the whole table in one direction.
func walkOnce(t *testing.T, tab *Table, backward bool, written *[6]atomic.Int64) {
	var least, count int64
	for w := range written {
		least += written[w].Load()
	}
	var it Iter
	it.Init(tab)
	var key []byte
	var tr entry.Trailer
	ok := it.First()
	if backward {
		ok = it.Last()
	}
	for ; ok; count++ {
		if !whole(it.Trailer(), it.Value()) {
			t.Errorf("%q %v has another value", it.Key(), it.Trailer())
			return
		}
		if c := entry.Compare(key, tr, it.Key(), it.Trailer()); count > 0 && c != -1 && !backward || count > 0 && c != 1 && backward {
			t.Errorf("%q %v and %q %v are out of order", key, tr, it.Key(), it.Trailer())
			return
		}
		key, tr = it.Key(), it.Trailer()
		if got, v, ok := tab.Get(key, tr); !ok || got != tr || !whole(tr, v) {
			t.Errorf("%q %v is not found", key, tr)
			return
		}
		if backward {
			ok = it.Prev()
		} else {
			ok = it.Next()
		}
	}
	if count < least {
		t.Errorf("a walk met %d entries of at least %d", count, least)
	}
}

// Of equal entries added at the same time one is kept, and counted once.
func TestRacingEqualEntries(t *testing.T) {
	const n = 2000
	tab := New(1)
	var model []record
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			var in Inserter
			in.Init(tab)
			for i := range n {
				in.Add(binary.BigEndian.AppendUint32(nil, uint32(i)), 256, []byte{byte(w)})
			}
		})
	}
	wg.Wait()
	it := tab.NewIter()
	for ok := it.First(); ok; ok = it.Next() {
		model = append(model, record{it.Key(), it.Trailer(), it.Value()})
	}
	if len(model) != n || tab.Len() != n {
		t.Fatalf("%d entries, Len is %d, want %d", len(model), tab.Len(), n)
	}
	for i, r := range model {
		if !bytes.Equal(r.key, binary.BigEndian.AppendUint32(nil, uint32(i))) {
			t.Fatalf("entry %d is %x", i, r.key)
		}
	}
	checkLevels(t, tab)
}
