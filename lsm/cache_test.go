package lsm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/cache"
	"github.com/varvedb/varve/vfs"
)

func TestStoresShareACache(t *testing.T) {
	c := NewCache(1 << 20)
	var stores []*Store
	for i := range 3 {
		s := open(t, Options{Dir: "db", FS: vfs.NewMem(), Cache: c, BlockCache: 64 << 20})
		apply(t, s, func(b *kv.Batch) {
			for k := range 2000 {
				b.Put(fmt.Appendf(nil, "k%04d", k), []byte(strings.Repeat(string(rune('a'+i)), 50)))
			}
		})
		flush(t, s)
		stores = append(stores, s)
	}
	for range 2 { // the tables have the same numbers, and the blocks the same offsets
		for i, s := range stores {
			for k := range 2000 {
				holds(t, s, fmt.Sprintf("k%04d", k), strings.Repeat(string(rune('a'+i)), 50))
			}
		}
	}
	sum := int64(0)
	for _, s := range stores {
		used := s.readers.cache.used()
		if used == 0 {
			t.Error("a store has nothing in the cache")
		}
		sum += used
	}
	if c.Used() != sum || sum > 1<<20 {
		t.Errorf("%d bytes are used, %d by the stores", c.Used(), sum)
	}
	for _, s := range stores {
		before, own := c.Used(), s.readers.cache.used()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if c.Used() != before-own {
			t.Errorf("%d bytes are used, %d before a store with %d was closed", c.Used(), before, own)
		}
	}
	if c.Used() != 0 {
		t.Errorf("%d bytes are used by nobody", c.Used())
	}
}

func TestASharedCacheForgetsTablesThatAreGone(t *testing.T) {
	c := NewCache(1 << 20)
	s := open(t, Options{Cache: c})
	for i := range 10 {
		put(t, s, "k", fmt.Sprint(i))
		flush(t, s)
		holds(t, s, "k", fmt.Sprint(i))
	}
	apply(t, s, func(b *kv.Batch) { b.Delete([]byte("k")) })
	compact(t, s)
	s.tasks.Wait()
	if n := s.version().NumFiles(); n != 0 || c.Used() != 0 {
		t.Errorf("%d tables, %d bytes", n, c.Used())
	}
	if s.readers.cache.id(7)>>storeShift != 1 || (share{Cache: cache.New(0)}).id(7) != 7 {
		t.Error("numbers of blocks")
	}
}
