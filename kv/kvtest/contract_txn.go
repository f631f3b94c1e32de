package kvtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
)

func txnClauses() []clause {
	return []clause{
		{"a transaction reads its snapshot and its own writes", txnReads},
		{"nothing of a transaction is seen before it commits", txnInvisible},
		{"an aborted transaction leaves nothing", txnAbort},
		{"savepoints take writes back, any number of times", txnSavepoints},
		{"a restored savepoint is not touched by what another path wrote", txnSavepointTree},
		{"a transaction that read what changed does not commit", txnConflict},
		{"transactions that read nothing in common all commit", txnNoFalseConflict},
		{"one that writes nothing commits whatever happened", txnReadOnlyCommits},
		{"a failed read poisons the commit", txnPoison},
		{"a write beyond the limits poisons the commit", txnTooLarge},
		{"a write in a read-only transaction is an error", txnReadOnlyWrites},
		{"after its end all is ErrClosed", txnEnded},
		{"Update tries again until it commits", updateRetries},
		{"Update gives up when the context ends", updateContext},
		{"Update aborts and returns the error of its function", updateError},
		{"View shows one state", viewOneState},
	}
}

func txnReads(s *subject) {
	s.put("a", "1", "b", "1", "c", "1")
	tx := s.begin()
	s.put("a", "2", "x", "2")
	tx.Put([]byte("b"), []byte("mine"))
	tx.Delete([]byte("c"))
	tx.Merge(mergeAppend, []byte("d"), []byte("+"))
	s.holds(tx, "a", "1", "b", "mine", "d", "+")
	tx.DeleteRange([]byte("b"), nil)
	s.holds(tx, "a", "1")
	tx.Put([]byte("b"), []byte("again"))
	s.ok(tx.MultiGet([][]byte{[]byte("b"), []byte("x"), []byte("a")}, func(i int, val []byte, ok bool) error {
		s.that(ok == (i != 1) && string(val) == []string{"again", "", "1"}[i], "MultiGet %d: %q", i, val)
		return nil
	}))
	s.ok(tx.Err())
	s.ok(tx.Abort())
}

func txnInvisible(s *subject) {
	tx := s.begin()
	tx.Put([]byte("a"), []byte("1"))
	tx.Put([]byte("b"), []byte("1"))
	s.holds(s.store)
	seq, err := tx.Commit(context.Background(), kv.WriteOptions{})
	s.ok(err)
	s.holds(s.store, "a", "1", "b", "1")
	snap := s.snapshot()
	s.that(snap.Seq() == seq, "Commit returns the number of the state it made")
	s.ok(snap.Close())
}

func txnAbort(s *subject) {
	s.put("a", "1")
	tx := s.begin()
	tx.DeleteRange(nil, nil)
	tx.Put([]byte("b"), nil)
	s.ok(tx.Abort())
	s.ok(tx.Abort())
	s.holds(s.store, "a", "1")
}

func txnSavepoints(s *subject) {
	s.put("a", "1")
	tx := s.begin()
	tx.Put([]byte("b"), []byte("1"))
	first := tx.Savepoint()
	for range 3 {
		tx.Put([]byte("b"), []byte("2"))
		tx.DeleteRange(nil, []byte("b"))
		tx.Put(make([]byte, kv.MaxKey+1), nil)
		second := tx.Savepoint()
		tx.Put([]byte("c"), []byte("3"))
		s.holds(tx, "b", "2", "c", "3")
		s.ok(tx.Restore(second))
		s.holds(tx, "b", "2")
		s.is(tx.Err(), kv.ErrTooLarge)
		s.ok(tx.Restore(first))
		s.holds(tx, "a", "1", "b", "1")
		s.ok(tx.Err())
	}
	other := s.begin()
	s.that(other.Restore(first) != nil, "a savepoint of another transaction is refused")
	s.ok(other.Abort())
	s.ok(s.commit(tx))
	s.holds(s.store, "a", "1", "b", "1")
}

// txnSavepointTree goes back to a savepoint, writes, and goes to one of the path
// that was left.
func txnSavepointTree(s *subject) {
	tx := s.begin()
	root := tx.Savepoint()
	tx.Put([]byte("left"), []byte("1"))
	left := tx.Savepoint()
	s.ok(tx.Restore(root))
	tx.Put([]byte("righ"), []byte("2"))
	right := tx.Savepoint()
	s.ok(tx.Restore(left))
	s.holds(tx, "left", "1")
	s.ok(tx.Restore(right))
	s.holds(tx, "righ", "2")
	s.ok(tx.Restore(left))
	s.ok(s.commit(tx))
	s.holds(s.store, "left", "1")
}

func txnConflict(s *subject) {
	key := []byte("k")
	for name, read := range map[string]func(*kv.Txn){
		"Get":      func(tx *kv.Txn) { tx.Get(key, nil) },
		"Has":      func(tx *kv.Txn) { tx.Has(key) },
		"MultiGet": func(tx *kv.Txn) { tx.MultiGet([][]byte{key}, func(int, []byte, bool) error { return nil }) },
		"Read":     func(tx *kv.Txn) { tx.Read(key) },
	} {
		for change, do := range map[string]func(*kv.Batch){
			"put":          func(b *kv.Batch) { b.Put(key, []byte("2")) },
			"delete":       func(b *kv.Batch) { b.Delete(key) },
			"merge":        func(b *kv.Batch) { b.Merge(mergeAppend, key, []byte("2")) },
			"range delete": func(b *kv.Batch) { b.DeleteRange(nil, nil) },
		} {
			s.put("k", "1")
			tx := s.begin()
			read(tx)
			tx.Put([]byte("written"), nil)
			s.apply(do)
			if err := s.commit(tx); !errors.Is(err, kv.ErrConflict) {
				s.t.Fatalf("a transaction that read a key by %s, before a %s, ends with %v", name, change, err)
			}
			s.wants(s.store, "written", absent)
		}
	}
	tx := s.begin()
	_, ok, err := tx.Get([]byte("absent"), nil)
	s.that(!ok && err == nil, "the key is absent")
	tx.Put([]byte("written"), nil)
	s.put("absent", "no more")
	s.is(s.commit(tx), kv.ErrConflict)
}

func txnNoFalseConflict(s *subject) {
	s.put("a", "1", "b", "1", "c", "1")
	var txs []*kv.Txn
	for i, key := range []string{"a", "b", "c", "absent"} {
		tx := s.begin()
		tx.Get([]byte(key), nil)
		tx.Put(fmt.Append(nil, "result", i), nil)
		txs = append(txs, tx)
	}
	blind := s.begin()
	blind.Put([]byte("result0"), []byte("blind")) // written by others, but not read
	s.put("a\x00", "near", "B", "near")
	for _, tx := range txs {
		s.ok(s.commit(tx))
	}
	s.ok(s.commit(blind))
	s.wants(s.store, "result0", "blind")
}

func txnReadOnlyCommits(s *subject) {
	s.put("a", "1")
	tx := s.begin()
	s.wants(tx, "a", "1")
	seq := tx.Seq()
	s.put("a", "2")
	got, err := tx.Commit(context.Background(), kv.WriteOptions{})
	s.ok(err)
	s.that(got == seq, "its number is that of its snapshot, %d, not %d", seq, got)
}

func txnPoison(s *subject) {
	s.put("n", "no number")
	s.merge(kv.MergeAdd, "n", []byte(sumOf(1)))
	for name, read := range map[string]func(*kv.Txn){
		"Get": func(tx *kv.Txn) { tx.Get([]byte("n"), nil) },
		"an iterator": func(tx *kv.Txn) {
			it := tx.Iter(kv.IterOptions{})
			it.First()
			it.Close()
		},
		"an iterator left open": func(tx *kv.Txn) { tx.Iter(kv.IterOptions{}).First() },
		"Fail":                  func(tx *kv.Txn) { tx.Fail(errors.New("decoding failed")) },
	} {
		tx := s.begin()
		read(tx)
		tx.Put([]byte("written"), nil)
		if err := s.commit(tx); err == nil || kv.Retryable(err) {
			s.t.Fatalf("a transaction in which %s failed ends with %v", name, err)
		}
		s.wants(s.store, "written", absent)
	}
	s.that(kv.View(s.t.Context(), s.store, func(r kv.Reader) error {
		r.Get([]byte("n"), nil)
		return nil
	}) != nil, "View reports a failed read that its function ignored")
	s.del("n")
}

func txnTooLarge(s *subject) {
	tx := s.begin()
	tx.Put([]byte("a"), nil)
	tx.Put(make([]byte, kv.MaxKey+1), nil)
	s.is(tx.Err(), kv.ErrTooLarge)
	s.is(s.commit(tx), kv.ErrTooLarge)
	tx = s.begin()
	tx.Put(make([]byte, kv.MaxKey+1), nil) // alone
	s.is(s.commit(tx), kv.ErrTooLarge)
	s.holds(s.store)
}

func txnReadOnlyWrites(s *subject) {
	ctx := context.Background()
	for i, write := range []func(*kv.Txn){
		func(tx *kv.Txn) { tx.Put([]byte("k"), nil) },
		func(tx *kv.Txn) { tx.Delete([]byte("k")) },
		func(tx *kv.Txn) { tx.DeleteRange(nil, nil) },
		func(tx *kv.Txn) { tx.Merge(mergeAppend, []byte("k"), nil) },
	} {
		s.put("k", "v")
		tx, err := kv.BeginRead(ctx, s.store)
		s.ok(err)
		s.wants(tx, "k", "v")
		write(tx)
		s.is(tx.Err(), kv.ErrReadOnly)
		if err := s.commit(tx); !errors.Is(err, kv.ErrReadOnly) {
			s.t.Fatalf("write %d: %v", i, err)
		}
		s.holds(s.store, "k", "v")
	}
}

func txnEnded(s *subject) {
	s.put("k", "v")
	for _, end := range []func(*kv.Txn) error{s.commit, (*kv.Txn).Abort} {
		tx := s.begin()
		it := tx.Iter(kv.IterOptions{})
		s.that(it.First(), "there is a key")
		sp := tx.Savepoint()
		s.ok(end(tx))
		_, _, err := tx.Get([]byte("k"), nil)
		s.is(err, kv.ErrClosed)
		_, err = tx.Has([]byte("k"))
		s.is(err, kv.ErrClosed)
		s.is(tx.MultiGet(nil, nil), kv.ErrClosed)
		late := tx.Iter(kv.IterOptions{})
		s.that(!late.First(), "an iterator of an ended transaction finds nothing")
		s.is(late.Close(), kv.ErrClosed)
		s.that(!it.Valid() && !it.First(), "open iterators ended with it")
		s.is(it.Err(), kv.ErrClosed)
		tx.Put([]byte("k"), []byte("late"))
		tx.DeleteRange(nil, nil)
		s.is(tx.Restore(sp), kv.ErrClosed)
		s.is(tx.Err(), kv.ErrClosed)
		s.is(s.commit(tx), kv.ErrClosed)
		s.that(tx.Abort() == nil, "Abort after the end does nothing")
	}
	s.holds(s.store, "k", "v")
}

func updateRetries(s *subject) {
	s.put("n", "0")
	attempts := 0
	s.ok(kv.Update(context.Background(), s.store, kv.WriteOptions{Durability: kv.Process}, func(tx *kv.Txn) error {
		attempts++
		val := s.value(tx, "n")
		if attempts < 4 {
			s.put("n", val+"+") // gets ahead
		}
		tx.Put([]byte("n"), []byte(val+"!"))
		return nil
	}))
	s.that(attempts == 4, "three attempts fail, the fourth commits: %d", attempts)
	s.wants(s.store, "n", "0+++!")
}

func updateContext(s *subject) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	attempts := 0
	err := kv.Update(ctx, s.store, kv.WriteOptions{}, func(tx *kv.Txn) error {
		if attempts++; attempts == 3 {
			cancel()
		}
		s.value(tx, "n")
		s.put("n", fmt.Sprint(attempts))
		tx.Put([]byte("n"), []byte("never"))
		return nil
	})
	s.is(err, context.Canceled)
	s.that(attempts == 3, "no attempt after the end of the context: %d", attempts)
	s.wants(s.store, "n", "3")
}

func updateError(s *subject) {
	sorry := errors.New("sorry")
	err := kv.Update(context.Background(), s.store, kv.WriteOptions{}, func(tx *kv.Txn) error {
		tx.Put([]byte("k"), nil)
		return sorry
	})
	s.is(err, sorry)
	s.holds(s.store)
}

func viewOneState(s *subject) {
	s.put("a", "1", "b", "1")
	s.ok(kv.View(context.Background(), s.store, func(r kv.Reader) error {
		s.wants(r, "a", "1")
		s.put("a", "2", "b", "2")
		s.holds(r, "a", "1", "b", "1")
		return nil
	}))
	s.holds(s.store, "a", "2", "b", "2")
}
