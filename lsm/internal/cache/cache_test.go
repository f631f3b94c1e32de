package cache

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// key is where a block is.
type key struct{ file, offset uint64 }

// contents returns the only bytes that these tests ever add at a key.
func contents(k key, size int) []byte {
	b := make([]byte, max(size, 16))
	binary.LittleEndian.PutUint64(b, k.file)
	binary.LittleEndian.PutUint64(b[8:], k.offset)
	return b
}

// check compares what a cache counts with what can be found in it, and walks
// its structures.
func check(t *testing.T, c *Cache) Stats {
	t.Helper()
	var used, pinned, entries int64
	for i := range c.shards {
		s := &c.shards[i]
		u, p, n := checkShard(t, s)
		if room := max(s.capacity, p+s.capacity/8); u > room {
			t.Fatalf("shard %d uses %d of %d bytes, %d pinned", i, u, s.capacity, p)
		}
		used, pinned, entries = used+u, pinned+p, entries+n
	}
	st := c.Stats()
	if st.Used != used || st.Pinned != pinned || st.Entries != entries {
		t.Fatalf("%+v; found are used %d, pinned %d, entries %d", st, used, pinned, entries)
	}
	return st
}

func checkShard(t *testing.T, s *shard) (used, pinned, entries int64) {
	t.Helper()
	tab := s.table.Load()
	filled, listed, queued := 0, 0, 0
	for i := range tab.slots {
		b := tab.slots[i].Load()
		if b != nil {
			filled++
		}
		if b == nil || b == tab.removed {
			continue
		}
		entries++
		used += b.size()
		if b.pinned {
			pinned += b.size()
		}
		if tab.find(b.hash, b.file, b.offset) != b {
			t.Fatalf("block %d/%d is not found", b.file, b.offset)
		}
	}
	for file, b := range s.files {
		for ; b != nil; b = b.behind {
			if listed++; b.file != file || b.behind != nil && b.behind.before != b {
				t.Fatalf("the list of file %d is broken", file)
			}
		}
	}
	for _, q := range []*queue{&s.small, &s.main} {
		var bytes int64
		for b := q.oldest; b != nil; b = b.newer {
			if queued++; b.queue != q || b.pinned || b.newer == nil && q.newest != b {
				t.Fatal("a queue is broken")
			}
			bytes += b.size()
		}
		if bytes != q.bytes {
			t.Fatalf("a queue counts %d bytes and has %d", q.bytes, bytes)
		}
		used -= bytes
	}
	if used != pinned || pinned != s.pinned {
		t.Fatalf("%d bytes are in no queue, %d pinned, %d counted", used, pinned, s.pinned)
	}
	if filled != tab.filled || int(entries) != tab.live || int(entries) != listed || 2*filled > len(tab.slots) {
		t.Fatalf("table of %d: %d filled, %d live; found %d, %d, listed %d",
			len(tab.slots), tab.filled, tab.live, filled, entries, listed)
	}
	return pinned + s.small.bytes + s.main.bytes, pinned, entries
}

func TestAHitReturnsWhatWasAdded(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		c := New(9 << 20)
		pinned := map[key]bool{}
		first := map[key]*byte{} // of the block last added when there was none
		for i := range 20000 {
			k := key{rng.Uint64N(20), rng.Uint64N(40) << (rng.Uint64N(2) * 12)}
			switch op := rng.IntN(1000); {
			case op < 500:
				v, ok := c.Get(k.file, k.offset)
				if pinned[k] && !ok {
					t.Fatalf("seed %d: pinned block %v is gone", seed, k)
				}
				if ok && &v[0] != first[k] {
					t.Fatalf("seed %d: %v has other bytes", seed, k)
				}
			case op < 995:
				v := contents(k, rng.IntN(16<<10))
				if _, ok := c.Get(k.file, k.offset); !ok {
					first[k] = &v[0]
				}
				pin := rng.IntN(100) == 0
				c.Add(k.file, k.offset, v, pin)
				pinned[k] = pinned[k] || pin
			case op < 999:
				c.EvictFile(k.file)
				for off := range uint64(40) {
					delete(pinned, key{k.file, off})
					delete(pinned, key{k.file, off << 12})
				}
				if _, ok := c.Get(k.file, k.offset); ok {
					t.Fatalf("seed %d: file %d left a block", seed, k.file)
				}
			default:
				c.SetCapacity(rng.Int64N(10 << 20))
			}
			if i%1000 == 0 {
				check(t, c)
			}
		}
		check(t, c)
	}
}

func TestEvictFileLeavesNothing(t *testing.T) {
	c := New(64 << 20)
	for i := range uint64(1000) {
		for file := range uint64(3) {
			c.Add(file, i*4096, contents(key{file, i * 4096}, 100), i%10 == 0)
		}
	}
	c.EvictFile(1)
	c.EvictFile(77)
	if st := check(t, c); st.Entries != 2000 || st.Pinned != 200*(100+Overhead) || st.Evictions != 0 {
		t.Fatalf("%+v", st)
	}
	for i := range uint64(1000) {
		_, a := c.Get(0, i*4096)
		_, b := c.Get(1, i*4096)
		_, d := c.Get(2, i*4096)
		if !a || b || !d {
			t.Fatalf("block %d: %v %v %v", i, a, b, d)
		}
	}
	c.EvictFile(0)
	c.EvictFile(2)
	if st := check(t, c); st.Entries != 0 || st.Used != 0 || len(c.shards[0].files) != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestPinnedBlocksStayAndLeaveRoomForOthers(t *testing.T) {
	c := New(2 << 20)
	pin := func(file uint64) {
		for i := range uint64(300) {
			c.Add(file, i, contents(key{file, i}, 10000), true)
		}
	}
	pin(1)
	for i := range uint64(2000) {
		c.Add(2, i, contents(key{2, i}, 1000), false)
	}
	st := check(t, c)
	if st.Pinned != 300*(10000+Overhead) || st.Used <= st.Pinned+(200<<10) || st.Used > st.Pinned+st.Capacity {
		t.Fatalf("%+v", st)
	}
	for i := range uint64(300) {
		if v, ok := c.Get(1, i); !ok || !bytes.Equal(v, contents(key{1, i}, 10000)) {
			t.Fatalf("block %d is gone", i)
		}
	}
}

func TestAddUpgradesToPinned(t *testing.T) {
	c := New(2 << 20)
	first := []byte("first")
	c.Add(1, 2, first, false)
	c.Add(1, 2, []byte("another"), false)
	c.Add(1, 2, []byte("a third"), true)
	c.Add(1, 2, []byte("a fourth"), false)
	c.Add(1, 2, []byte("a fifth"), true)
	c.SetCapacity(0)
	if v, ok := c.Get(1, 2); !ok || &v[0] != &first[0] {
		t.Fatalf("%q %v", v, ok)
	}
	if st := check(t, c); st.Pinned != 5+Overhead || st.Used != st.Pinned {
		t.Fatalf("%+v", st)
	}
}

func TestACacheOfNoCapacityHoldsPinnedBlocksOnly(t *testing.T) {
	for _, capacity := range []int64{0, -1} {
		c := New(capacity)
		c.Add(1, 0, []byte("one"), false)
		c.Add(1, 1, []byte("two"), true)
		c.Add(1, 2, nil, false)
		c.Add(1, 3, nil, true)
		_, a := c.Get(1, 0)
		_, b := c.Get(1, 1)
		_, d := c.Get(1, 2)
		_, e := c.Get(1, 3)
		if a || !b || d || !e {
			t.Fatalf("%v %v %v %v", a, b, d, e)
		}
		check(t, c)
	}
}

func TestABlockLargerThanItsShardIsLeftOut(t *testing.T) {
	c := New(8 << 20)
	for i := range uint64(100) {
		c.Add(1, i, contents(key{1, i}, 1000), false)
	}
	before := c.Stats()
	c.Add(2, 0, make([]byte, 2<<20-Overhead+1), false)
	if st := check(t, c); st != before {
		t.Fatalf("%+v, before %+v", st, before)
	}
	c.Add(2, 0, make([]byte, 2<<20-Overhead), false)
	if _, ok := c.Get(2, 0); !ok {
		t.Fatal("a block as large as its shard is not there")
	}
	c.Add(2, 1, make([]byte, 5<<20), true)
	if _, ok := c.Get(2, 1); !ok {
		t.Fatal("a pinned block is not there")
	}
	check(t, c)
}

func TestAScanLeavesTheHotSet(t *testing.T) {
	const capacity, size, blocks = 16 << 20, 4 << 10, 3000 // 12 of 16 MiB are hot
	rng := rand.New(rand.NewPCG(1, 2))
	c := New(capacity)
	var hits, reads int
	read := func() {
		k := key{1, rng.Uint64N(blocks) * size}
		reads++
		if _, ok := c.Get(k.file, k.offset); ok {
			hits++
			return
		}
		c.Add(k.file, k.offset, contents(k, size), false)
	}
	for range 10 * blocks {
		read()
	}
	hits, reads = 0, 0
	for i := range uint64(10 * capacity / size) {
		c.Get(2, i*size)
		c.Add(2, i*size, contents(key{2, i * size}, size), false)
		read()
	}
	if ratio := float64(hits) / float64(reads); ratio < 0.9 {
		t.Fatalf("the hot set is found at %.1f %%", 100*ratio)
	} else {
		t.Logf("the hot set is found at %.1f %%", 100*ratio)
	}
	check(t, c)
}

func TestHitsAreCounted(t *testing.T) {
	c := New(2 << 20)
	c.Add(1, 1, []byte("one"), false)
	for range 1000 {
		c.Get(1, 1)
	}
	c.Get(1, 2)
	if st := c.Stats(); st.Hits != 1000 || st.Misses != 1 {
		t.Fatalf("%+v", st)
	}
	const n = 1 << 20
	for range n - 1000 {
		c.Get(1, 1)
	}
	if st := c.Stats(); st.Hits < n*9/10 || st.Hits > n*11/10 { // 6 standard deviations
		t.Fatalf("%d hits, not about %d", st.Hits, n)
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	c := New(8 << 20)
	c.Add(1, 1, []byte("one"), false)
	if n := testing.AllocsPerRun(1000, func() { c.Get(1, 1); c.Get(1, 2) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
