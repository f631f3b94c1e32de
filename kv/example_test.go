package kv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
)

var ctx = context.Background()

func no(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// memory returns a store in memory that holds the pairs.
func memory(pairs ...string) kv.Store {
	s, err := ref.Open(ctx, nil)
	no(err)
	var b kv.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	return s
}

func show(r kv.Reader, key string) {
	val, ok, err := r.Get([]byte(key), nil)
	fmt.Printf("%s=%s %v %v\n", key, val, ok, err)
}

func ExampleStore() {
	s := memory("a", "1")
	defer s.Close()
	show(s, "a")
	show(s, "b")
	// Output:
	// a=1 true <nil>
	// b= false <nil>
}

func ExampleBatch() {
	s := memory("a", "1", "b", "2", "c", "3")
	defer s.Close()
	var b kv.Batch
	b.DeleteRange([]byte("a"), []byte("c"))
	b.Put([]byte("b"), []byte("new"))
	b.Merge(kv.MergeAdd, []byte("count"), kv.AppendAdd(nil, 5))
	_, err := s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	show(s, "a")
	show(s, "b")
	// Output:
	// a= false <nil>
	// b=new true <nil>
}

func ExampleSnapshot() {
	s := memory("a", "1")
	defer s.Close()
	snap, err := s.Snapshot(ctx)
	no(err)
	defer snap.Close()
	var b kv.Batch
	b.Delete([]byte("a"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	show(snap, "a")
	show(s, "a")
	// Output:
	// a=1 true <nil>
	// a= false <nil>
}

func ExampleIterator() {
	s := memory("a/1", "x", "a/2", "y", "b/1", "z")
	defer s.Close()
	it := s.Iter(kv.IterOptions{Prefix: []byte("a/")})
	for ok := it.Last(); ok; ok = it.Prev() {
		fmt.Printf("%s %s\n", it.Key(), it.Value())
	}
	fmt.Println(it.Close())
	// Output:
	// a/2 y
	// a/1 x
	// <nil>
}

func ExampleConditions() {
	s := memory("a", "1")
	defer s.Close()
	var b kv.Batch
	b.Put([]byte("a"), []byte("2"))
	stale := &kv.Conditions{Equal: []kv.KV{{Key: []byte("a"), Value: []byte("0")}}}
	_, err := s.Apply(ctx, &b, kv.WriteOptions{If: stale})
	var conflict *kv.ConflictError
	fmt.Println(errors.As(err, &conflict), string(conflict.Actual.Value))
	// Output: true 1
}

func ExampleCompareAndSwap() {
	s := memory()
	defer s.Close()
	key, none := []byte("a"), kv.KV{Absent: true}
	swapped, _, err := kv.CompareAndSwap(ctx, s, key, none, kv.KV{Value: []byte("1")}, kv.WriteOptions{})
	fmt.Println(swapped, err)
	swapped, actual, err := kv.CompareAndSwap(ctx, s, key, none, kv.KV{Value: []byte("2")}, kv.WriteOptions{})
	fmt.Println(swapped, string(actual.Value), err)
	// Output:
	// true <nil>
	// false 1 <nil>
}

func ExampleFeed() {
	s := memory("a", "1")
	defer s.Close()
	feed, err := s.(kv.Watcher).Watch(0)
	no(err)
	defer feed.Close()
	var b kv.Batch
	b.Put([]byte("b"), []byte("2"))
	b.Delete([]byte("a"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)

	change, err := feed.Next(ctx)
	no(err)
	for _, op := range change.Ops {
		fmt.Printf("%s=%s %v\n", op.Key, op.Value, op.Kind == kv.OpDelete)
	}
	fmt.Println(change.Seq == feed.Seq()) // a later feed goes on from there
	// Output:
	// b=2 false
	// a= true
	// true
}

func ExampleTxn() {
	s := memory("a", "1")
	defer s.Close()
	t, err := kv.Begin(ctx, s)
	no(err)
	defer t.Abort()
	show(t, "a")
	t.Put([]byte("b"), []byte("2"))

	var other kv.Batch // gets ahead
	other.Put([]byte("a"), []byte("9"))
	_, err = s.Apply(ctx, &other, kv.WriteOptions{})
	no(err)

	_, err = t.Commit(ctx, kv.WriteOptions{})
	fmt.Println(kv.Retryable(err), err)
	// Output:
	// a=1 true <nil>
	// true conflict: key "a" was written meanwhile
}

func ExampleUpdate() {
	s := memory("n", "1")
	defer s.Close()
	err := kv.Update(ctx, s, kv.WriteOptions{}, func(t *kv.Txn) error {
		n, _, err := t.Get([]byte("n"), nil)
		t.Put([]byte("n"), append(n, '!'))
		return err
	})
	no(err)
	show(s, "n")
	// Output: n=1! true <nil>
}

func ExampleIndexedBatch() {
	s := memory("a", "1", "b", "2")
	defer s.Close()
	b := kv.NewIndexedBatch(s, kv.Mergers{})
	b.Delete([]byte("a"))
	b.Put([]byte("c"), []byte("3"))
	it := b.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		fmt.Printf("%s=%s\n", it.Key(), it.Value())
	}
	no(it.Close())
	// Output:
	// b=2
	// c=3
}

func ExampleMergers() {
	appends := kv.Merger{ID: kv.FirstUserMerger, Merge: func(dst, value []byte, _ bool, operand []byte) ([]byte, error) {
		return append(append(dst, value...), operand...), nil
	}}
	mergers, err := kv.NewMergers(appends)
	no(err)
	s, err := ref.Open(ctx, &ref.Options{Mergers: mergers})
	no(err)
	defer s.Close()
	var b kv.Batch
	b.Merge(kv.FirstUserMerger, []byte("log"), []byte("one,"))
	b.Merge(kv.FirstUserMerger, []byte("log"), []byte("two"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	show(s, "log")
	// Output: log=one,two true <nil>
}

func ExampleResolver() {
	r := kv.NewResolver(1, 0)
	r.Open(1) // a transaction reads state 1
	var b kv.Batch
	b.Put([]byte("m"), nil)
	r.Record(2, &b)
	fmt.Println(r.Check(&kv.Conditions{At: 1, Keys: [][]byte{[]byte("a")}}))
	fmt.Println(r.Check(&kv.Conditions{At: 1, Spans: []kv.Span{{Start: []byte("a"), End: []byte("z")}}}))
	// Output:
	// <nil>
	// conflict: key "a" was written meanwhile
}

func ExampleBackup() {
	s := memory("a", "1", "b", "2")
	defer s.Close()
	var stream bytes.Buffer
	info, err := kv.Backup(ctx, s, &stream, nil)
	fmt.Println(info.Entries, err)
	other := memory()
	defer other.Close()
	info, err = kv.Restore(ctx, other, &stream, nil)
	fmt.Println(info.Entries, err)
	show(other, "b")
	// Output:
	// 2 <nil>
	// 2 <nil>
	// b=2 true <nil>
}

func ExampleBackupInfo() {
	s := memory("a", "1", "b", "2")
	defer s.Close()
	snap, err := s.Snapshot(ctx)
	no(err)
	var full, increment bytes.Buffer
	info, err := kv.Backup(ctx, snap, &full, nil)
	no(errors.Join(err, snap.Close()))

	var b kv.Batch
	b.Put([]byte("b"), []byte("new"))
	_, err = s.Apply(ctx, &b, kv.WriteOptions{})
	no(err)
	_, err = kv.BackupSince(ctx, s, info.Until, &increment, nil)
	no(err)

	other := memory()
	defer other.Close()
	info, err = kv.Restore(ctx, other, &full, nil)
	no(err)
	_, err = kv.RestoreIncrement(ctx, other, info.Until, &increment, nil)
	no(err)
	show(other, "b")
	// Output:
	// b=new true <nil>
}
