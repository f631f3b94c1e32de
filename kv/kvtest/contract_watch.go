package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

func watchClauses() []clause {
	return []clause{
		{"a feed tells each batch of its spans, in order", watchTells},
		{"ranges are cut to the spans", watchCuts},
		{"a feed begins after a state", watchBegins},
		{"weak writes are told once they are durable", watchWeak},
		{"what is told survives a power cut", watchDurable},
		{"a large batch is told as a whole", watchLarge},
		{"a feed goes on after the store was opened again", watchReopened},
		{"a feed that falls behind tells all or that it cannot", watchBehind},
		{"a feed beside writers tells what makes the store", watchWriters},
		{"waiting ends with the context, the feed and the store", watchEnds},
	}
}

// watch returns a feed, closed at the end of the test.
func (s *subject) watch(after kv.Seq, spans ...kv.Span) kv.Feed {
	s.t.Helper()
	w, ok := s.store.(kv.Watcher)
	if !ok || !s.store.Features().Watcher {
		s.t.Skip("the store tells no changes")
	}
	f, err := w.Watch(after, spans...)
	s.ok(err)
	s.t.Cleanup(func() { s.ok(f.Close()) })
	return f
}

// durably applies the batch that f fills.
func (s *subject) durably(f func(*kv.Batch)) kv.Seq {
	s.t.Helper()
	seq, err := s.try(kv.WriteOptions{}, f)
	s.ok(err)
	return seq
}

// tells fails the test unless the next change is the one of the batch that has
// the number, with the operations as changeText has them.
func (s *subject) tells(f kv.Feed, seq kv.Seq, want string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	c, err := f.Next(ctx)
	s.ok(err)
	if got := changeText(c); c.Seq != seq || got != want {
		s.t.Fatalf("the feed tells %d: %s, want %d: %s", c.Seq, short(got), seq, short(want))
	}
	s.that(f.Seq() == seq, "the feed is at %d after it told %d", f.Seq(), seq)
}

// tellsNothing fails the test if the feed has a change now.
func (s *subject) tellsNothing(f kv.Feed) {
	s.t.Helper()
	c, ok, err := f.Poll()
	s.ok(err)
	if ok {
		s.t.Fatalf("the feed tells %d: %s", c.Seq, changeText(c))
	}
}

func changeText(c kv.Change) string {
	var list []string
	for _, op := range c.Ops {
		switch op.Kind {
		case kv.OpPut:
			list = append(list, fmt.Sprintf("%s=%s", op.Key, op.Value))
		case kv.OpDelete:
			list = append(list, fmt.Sprintf("-%s", op.Key))
		case kv.OpDeleteRange:
			list = append(list, fmt.Sprintf("-[%s,%s)", op.Key, op.Value))
		case kv.OpMerge:
			list = append(list, fmt.Sprintf("%s+%d:%x", op.Key, op.Merger, op.Value))
		}
	}
	return strings.Join(list, " ")
}

func watchTells(s *subject) {
	s.put("a", "old")
	all, some := s.watch(0), s.watch(0, kv.Span{Start: []byte("b"), End: []byte("d")})
	one := s.durably(func(b *kv.Batch) {
		b.Put([]byte("a"), []byte("1"))
		b.Put([]byte("b"), nil)
		b.Delete([]byte("c"))
	})
	s.tells(all, one, "a=1 b= -c")
	s.tells(some, one, "b= -c")
	s.durably(func(b *kv.Batch) { b.Put([]byte("d"), nil) })
	s.tellsNothing(some)
	s.durably(func(b *kv.Batch) {})
	three := s.durably(func(b *kv.Batch) { b.Merge(kv.MergeAdd, []byte("c"), kv.AppendAdd(nil, 3)) })
	s.tells(some, three, fmt.Sprintf("c+%d:%x", kv.MergeAdd, kv.AppendAdd(nil, 3)))
	s.tellsNothing(some)
	s.ok(some.Close())
	_, err := some.Next(s.t.Context())
	s.is(err, kv.ErrClosed)
}

func watchCuts(s *subject) {
	f := s.watch(0, kv.Span{Start: []byte("c"), End: []byte("f")})
	for _, c := range [][3]string{
		{"a", "z", "-[c,f)"}, {"d", "z", "-[d,f)"}, {"a", "d", "-[c,d)"}, {"d", "e", "-[d,e)"},
		{"a", "c", ""}, {"f", "z", ""}, {"a", "", "-[c,f)"}, {"e", "", "-[e,f)"}, {"g", "", ""},
	} {
		seq := s.durably(func(b *kv.Batch) {
			var end []byte
			if c[1] != "" {
				end = []byte(c[1])
			}
			b.DeleteRange([]byte(c[0]), end)
		})
		if c[2] == "" {
			s.tellsNothing(f)
		} else {
			s.tells(f, seq, c[2])
		}
	}
	open := s.watch(0, kv.Span{Start: []byte("x")})
	seq := s.durably(func(b *kv.Batch) { b.DeleteRange([]byte("a"), nil) })
	s.tells(open, seq, "-[x,)")
	two := s.watch(0, kv.Span{Start: []byte("b"), End: []byte("c")}, kv.Span{Start: []byte("m"), End: []byte("n")})
	seq = s.durably(func(b *kv.Batch) {
		b.DeleteRange([]byte("a"), []byte("z"))
		b.Put([]byte("m"), nil)
		b.Put([]byte("k"), nil)
		b.Put([]byte("b"), nil)
	})
	s.tells(two, seq, "-[b,c) -[m,n) m= b=")
}

func watchBegins(s *subject) {
	s.watch(0)
	first := s.durably(func(b *kv.Batch) { b.Put([]byte("a"), nil) })
	snap := s.snapshot()
	defer snap.Close()
	s.that(snap.Seq() == first, "a snapshot has the number of the newest batch")
	second := s.durably(func(b *kv.Batch) { b.Put([]byte("b"), nil) })
	f, err := s.store.(kv.Watcher).Watch(snap.Seq())
	if errors.Is(err, kv.ErrCompacted) {
		return // the options keep nothing
	}
	s.ok(err)
	defer f.Close()
	s.tells(f, second, "b=")
	_, err = s.store.(kv.Watcher).Watch(second + 1<<40)
	s.is(err, kv.ErrCompacted)
}

func watchWeak(s *subject) {
	f := s.watch(0)
	var seqs []kv.Seq
	for i := range 3 {
		seqs = append(seqs, s.put(fmt.Sprint(i), ""))
	}
	last := s.durably(func(b *kv.Batch) { b.Put([]byte("x"), nil) })
	for i, seq := range seqs {
		s.tells(f, seq, fmt.Sprint(i, "="))
	}
	s.tells(f, last, "x=")
}

// watchDurable cuts the power again and again beside writers, and looks for what
// was told by then.
func watchDurable(s *subject) {
	s.needsFiles()
	f := s.watch(0)
	var wg sync.WaitGroup
	defer wg.Wait()
	const n = 60
	wg.Go(func() {
		for i := range n {
			var b kv.Batch
			b.Put(fmt.Append(nil, i), nil)
			opt := kv.WriteOptions{Durability: []kv.Durability{kv.Process, kv.Process, kv.Sync}[i%3]}
			if _, err := s.store.Apply(context.Background(), &b, opt); err != nil {
				s.t.Error(err)
			}
		}
	})
	for range n {
		c, err := f.Next(s.t.Context())
		if errors.Is(err, kv.ErrCompacted) {
			return // the options keep too little
		}
		s.ok(err)
		cut := s.disk.CrashClone(vfs.CrashOptions{Mode: vfs.KeepNone})
		left, err := s.other(func(env *Env) { env.FS = cut })
		s.ok(err)
		s.wants(left, string(c.Ops[0].Key), "")
	}
}

func watchLarge(s *subject) {
	f := s.watch(0)
	value := bytes.Repeat([]byte("v"), 3<<20)
	seq := s.durably(func(b *kv.Batch) { b.Put([]byte("large"), value) })
	after := s.durably(func(b *kv.Batch) { b.Put([]byte("small"), nil) })
	c, err := f.Next(s.t.Context())
	if errors.Is(err, kv.ErrCompacted) {
		return // it is more than the options keep
	}
	s.ok(err)
	s.that(c.Seq == seq && changeText(c) == "large="+string(value), "the large batch is told")
	if c, err = f.Next(s.t.Context()); !errors.Is(err, kv.ErrCompacted) {
		s.that(err == nil && c.Seq == after, "the one after it is told: %v", err)
	}
}

func watchReopened(s *subject) {
	s.needsFiles()
	f := s.watch(0)
	seq := s.durably(func(b *kv.Batch) { b.Put([]byte("a"), nil) })
	s.tells(f, seq, "a=")
	s.ok(f.Close())
	next := s.put("b", "")
	s.reopen()
	last := s.durably(func(b *kv.Batch) { b.Put([]byte("c"), nil) })
	again, err := s.store.(kv.Watcher).Watch(seq)
	if errors.Is(err, kv.ErrCompacted) {
		return // the options keep nothing
	}
	s.ok(err)
	defer again.Close()
	s.tells(again, next, "b=")
	s.tells(again, last, "c=")
}

// watchBehind writes far more than is kept before it reads.
func watchBehind(s *subject) {
	f := s.watch(0)
	value := strings.Repeat("v", 5000)
	var want []kv.Seq
	for i := range 60 {
		want = append(want, s.durably(func(b *kv.Batch) { b.Put(fmt.Append(nil, i), []byte(value)) }))
		if x, ok := s.store.(kv.Flusher); ok && s.store.Features().Flusher && i%10 == 9 {
			s.ok(x.Flush(s.t.Context()))
		}
	}
	for i, seq := range want {
		c, err := f.Next(s.t.Context())
		if errors.Is(err, kv.ErrCompacted) {
			_, again := f.Next(s.t.Context())
			s.is(again, kv.ErrCompacted)
			return
		}
		s.ok(err)
		s.that(c.Seq == seq, "change %d is of batch %d, not %d", i, seq, c.Seq)
	}
}

// watchWriters applies what a feed tells to a second store, and compares.
func watchWriters(s *subject) {
	second, err := s.other(func(env *Env) { env.Dir = "second" })
	s.ok(err)
	f := s.watch(0)
	var wg sync.WaitGroup
	var bad errorList
	const writers, each = 4, 50
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				var b kv.Batch
				b.Put(fmt.Append(nil, "k", i%7), fmt.Append(nil, w, i))
				b.Merge(kv.MergeAdd, []byte("n"), kv.AppendAdd(nil, 1))
				if i%10 == 0 {
					b.DeleteRange([]byte("k2"), []byte("k5"))
				}
				d := []kv.Durability{kv.Process, kv.Sync, kv.Buffered}[i%3]
				_, err := s.store.Apply(context.Background(), &b, kv.WriteOptions{Durability: d})
				bad.add(err)
			}
		})
	}
	var last kv.Seq
	for range writers * each {
		c, err := f.Next(s.t.Context())
		if errors.Is(err, kv.ErrCompacted) {
			wg.Wait()
			s.ok(bad.join())
			return // the options keep too little
		}
		s.ok(err)
		s.that(c.Seq > last, "numbers rise: %d after %d", c.Seq, last)
		last = c.Seq
		snap := s.snapshot()
		s.that(snap.Seq() >= c.Seq, "what is told is visible: %d at %d", c.Seq, snap.Seq())
		s.ok(snap.Close())
		s.ok(applyOps(second, c.Ops))
	}
	wg.Wait()
	s.ok(bad.join())
	want := newContent()
	it := second.Iter(kv.IterOptions{})
	for ok := it.First(); ok; ok = it.Next() {
		want.set(string(it.Key()), string(it.Value()))
	}
	s.ok(it.Close())
	s.ok(sameContent(s.store, want))
}

func applyOps(store kv.Store, ops []kv.Op) error {
	var b kv.Batch
	for _, op := range ops {
		b.Add(op)
	}
	_, err := store.Apply(context.Background(), &b, kv.WriteOptions{Durability: kv.Process})
	return err
}

func watchEnds(s *subject) {
	f, other := s.watch(0), s.watch(0)
	s.tellsNothing(f)
	ended := make(chan error, 2)
	go func() { _, err := f.Next(context.Background()); ended <- err }()
	time.Sleep(time.Millisecond)
	s.ok(f.Close())
	s.is(<-ended, kv.ErrClosed)
	go func() { _, err := other.Next(context.Background()); ended <- err }()
	time.Sleep(time.Millisecond)
	store := s.store
	s.store = nil
	leaked := store.Close()
	s.that(leaked != nil && strings.Contains(leaked.Error(), "feed"), "Close reports the feed that was left open: %v", leaked)
	s.is(<-ended, kv.ErrClosed)
	_, err := store.(kv.Watcher).Watch(0)
	s.is(err, kv.ErrClosed)
}
