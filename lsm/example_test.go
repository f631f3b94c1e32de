package lsm_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm"
	"github.com/varvedb/varve/vfs"
)

// A store without a directory is in memory, and gone when it is closed.
func ExampleStore() {
	ctx := context.Background()
	s, err := lsm.Open(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	var b kv.Batch
	for i := range 1000 {
		b.Put(fmt.Appendf(nil, "key %03d", i), []byte("v"))
	}
	b.DeleteRange([]byte("key 003"), []byte("key 997"))
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := s.Compact(ctx, kv.Span{}, nil); err != nil {
		log.Fatal(err)
	}
	it := s.Iter(kv.IterOptions{})
	defer it.Close()
	for ok := it.Last(); ok; ok = it.Prev() {
		fmt.Println(string(it.Key()))
	}
	// Output:
	// key 999
	// key 998
	// key 997
	// key 002
	// key 001
	// key 000
}

// A store that is written much takes larger memtables, and more of them.
func ExampleOptions() {
	opt := lsm.Options{
		WriteBuffer: 32 << 20,
		BlockCache:  64 << 20,
		Compression: []lsm.Compression{lsm.NoCompression, lsm.LZ4, lsm.Zstd},
		L0Trigger:   -1,
	}
	fmt.Println(opt.Validate())
	opt.L0Trigger = 8
	s, err := lsm.Open(context.Background(), &opt)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Close())
	// Output:
	// lsm: L0Trigger is -1
	// <nil>
}

// The upper levels are rewritten often and compressed quickly, the last one well.
func ExampleCompression() {
	opt := lsm.Options{Compression: []lsm.Compression{lsm.NoCompression, lsm.S2, lsm.Zstd}}
	fmt.Println(opt.Validate())
	opt.Compression = append(opt.Compression, 99)
	fmt.Println(opt.Validate())
	// Output:
	// <nil>
	// lsm: compression 99 is not known
}

// A filter removes what has expired, when compaction comes by.
func ExampleFilter() {
	expired := func(_ int, _, value []byte) (lsm.Decision, []byte) {
		if string(value) == "old" {
			return lsm.Remove, nil
		}
		return lsm.Keep, nil
	}
	s, err := lsm.Open(context.Background(), &lsm.Options{Filter: expired})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	var b kv.Batch
	b.Put([]byte("k"), []byte("old"))
	if _, err := s.Apply(context.Background(), &b, kv.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := s.Compact(context.Background(), kv.Span{}, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Has([]byte("k")))
	// Output: false <nil>
}

// A decision is what a filter returns.
func ExampleDecision() {
	fmt.Println(lsm.Keep, lsm.Remove, lsm.Change)
	// Output: 0 1 2
}

// The text of a segment of the log names each operation.
func ExampleDumpOptions() {
	disk := vfs.NewMem()
	s, err := lsm.Open(context.Background(), &lsm.Options{Dir: "db", FS: disk})
	if err != nil {
		log.Fatal(err)
	}
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	if _, err := s.Apply(context.Background(), &b, kv.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
	if err := lsm.Dump(os.Stdout, disk, "db/000001.log", lsm.DumpOptions{Entries: true, Values: true}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// segment 1 of the log, 65536 bytes
	// group at 64
	//   after state 1
	// group at 83
	//   batch 2..2, 1 operations, 5 bytes
	//     put "k" = "v"
	// ends at 131, closed
}

// A listener learns what the store does in the background.
func ExampleEvent() {
	s, err := lsm.Open(context.Background(), &lsm.Options{OnEvent: func(e lsm.Event) {
		fmt.Println(e.Kind, e.TablesOut, e.Err)
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	if _, err := s.Apply(context.Background(), &b, kv.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := s.Flush(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: flush 1 <nil>
}

// The kind of an event is a word, for logs.
func ExampleEventKind() {
	fmt.Println(lsm.EventFlush, lsm.EventCompaction, lsm.EventStall)
	// Output: flush compaction stall
}

func ExampleRepair() {
	ctx, disk := context.Background(), vfs.NewMem()
	s, err := lsm.Open(ctx, &lsm.Options{Dir: "db", FS: disk})
	if err != nil {
		log.Fatal(err)
	}
	var b kv.Batch
	for _, name := range []string{"ada", "grace", "barbara"} {
		b.Put([]byte(name), []byte("engineer"))
	}
	if _, err := s.Apply(ctx, &b, kv.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
	// A bit of the manifest, which tells which tables there are, has changed.
	err = disk.Corrupt("db/manifest-000001.log", func(data []byte) []byte { data[100] ^= 1; return data })
	if err != nil {
		log.Fatal(err)
	}
	report, err := lsm.Repair(ctx, "db", &lsm.Options{Dir: "saved", FS: disk})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range report.Lost {
		fmt.Println("lost:", l.File)
	}
	saved, err := lsm.Open(ctx, &lsm.Options{Dir: "saved", FS: disk})
	if err != nil {
		log.Fatal(err)
	}
	defer saved.Close()
	val, ok, err := saved.Get([]byte("grace"), nil)
	fmt.Println(string(val), ok, err)
	// Output:
	// lost: db/manifest-000001.log
	// engineer true <nil>
}

// Sorted data of any size is put in at once, past the log.
func ExampleStore_Import() {
	ctx := context.Background()
	s, err := lsm.Open(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	n := 0
	_, err = s.Import(ctx, func() (key, val []byte, err error) {
		if n == 1000 {
			return nil, nil, io.EOF
		}
		n++
		return fmt.Appendf(nil, "key %03d", n-1), []byte("v"), nil
	})
	if err != nil {
		log.Fatal(err)
	}
	val, ok, err := s.Get([]byte("key 999"), nil)
	fmt.Println(string(val), ok, err, s.Metrics().LogBytes)
	// Output: v true <nil> 0
}

// Two stores share a cache.
func ExampleCache() {
	ctx, shared := context.Background(), lsm.NewCache(64<<20)
	for range 2 {
		s, err := lsm.Open(ctx, &lsm.Options{Cache: shared})
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
	}
	fmt.Println(shared.Used())
	// Output: 0
}
