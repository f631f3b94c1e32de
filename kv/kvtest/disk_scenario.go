package kvtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// diskScenario is one public operation in a small story, during which the disk will
// fail.
type diskScenario struct {
	name string
	// begin is the disk that it starts from.
	begin beginning
	// closed starts it before the store is open.
	closed bool
	// run returns the first error that the store gave; a wrong answer is one
	// that is errWrongAnswer.
	run func(*diskSession) error
}

// beginning is a disk to start from.
type beginning int

const (
	beginClean beginning = iota // a store that was closed
	beginUnclean
	beginEmpty
)

// diskScenarios returns what crashes and faults are tried on.
func diskScenarios() []diskScenario {
	return []diskScenario{
		{name: "put", run: runPut},
		{name: "durabilities", run: runDurabilities},
		{name: "batch", run: runBatch},
		{name: "compare and swap", run: runSwap},
		{name: "transaction", run: runTxn},
		{name: "large batch", run: runLarge},
		{name: "sync", run: runSync},
		{name: "flush", run: runFlush},
		{name: "import", run: runImport},
		{name: "checkpoint", run: runCheckpoint},
		{name: "read", run: (*diskSession).readBack},
		{name: "create", begin: beginEmpty, closed: true, run: runOpen},
		{name: "open", closed: true, run: runOpen},
		{name: "open after a crash", begin: beginUnclean, closed: true, run: runOpen},
		{name: "close", run: runClose},
		{name: "two writers", run: runWriters},
		{name: "life", begin: beginEmpty, closed: true, run: runLife},
	}
}

// diskSession is a scenario on a machine.
type diskSession struct {
	*machine
	*diskHistory
	options uint64 // seed of the options
	store   kv.Store
	copies  []checkpointCopy
}

// checkpointCopy is a checkpoint and what it must hold.
type checkpointCopy struct {
	dir  string
	from kv.Seq // acknowledged before it began
	done bool
}

func runPut(s *diskSession) error {
	for i := range 3 {
		if err := s.put(kv.Sync, fmt.Sprint("k", i), fmt.Sprint("put ", i)); err != nil {
			return err
		}
	}
	return nil
}

func runDurabilities(s *diskSession) error {
	for i, d := range []kv.Durability{kv.Process, kv.Buffered, kv.Process, kv.Sync, kv.Buffered, kv.Buffered, kv.Process} {
		if err := s.put(d, fmt.Sprint("k", i%3), fmt.Sprint(d, " ", i)); err != nil {
			return err
		}
	}
	return nil
}

func runBatch(s *diskSession) error {
	b := new(kv.Batch)
	b.Put(dataKey("k1"), []byte("changed"))
	b.DeleteRange(dataKey("k2"), dataKey("k5"))
	b.Put(dataKey("k3"), []byte("after the range"))
	b.Delete(dataKey("k7"))
	b.Merge(kv.MergeAdd, dataKey("sum"), kv.AppendAdd(nil, 5))
	if err := s.apply(s.store, b, kv.WriteOptions{}); err != nil {
		return err
	}
	b = new(kv.Batch)
	b.Delete(dataKey("k3"))
	b.Merge(kv.MergeAdd, dataKey("sum"), kv.AppendAdd(nil, -2))
	b.Put(dataKey("k3x"), bytesOf('x', 700))
	return s.apply(s.store, b, kv.WriteOptions{})
}

func runSwap(s *diskSession) error {
	swap := func(old, next string) error {
		b := new(kv.Batch)
		b.Put(dataKey("lock"), []byte(next))
		want := kv.KV{Key: dataKey("lock"), Value: []byte(old), Absent: old == ""}
		return s.apply(s.store, b, kv.WriteOptions{If: &kv.Conditions{Equal: []kv.KV{want}}})
	}
	if err := swap("", "first"); err != nil {
		return err
	}
	if err := swap("", "second"); !errors.Is(err, kv.ErrConflict) {
		return firstWrong(err, fmt.Errorf("%w: a condition that does not hold was taken for true", errWrongAnswer))
	}
	return swap("first", "third")
}

func runTxn(s *diskSession) error {
	for _, key := range []string{"k1", "k2"} {
		tx, err := kv.Begin(context.Background(), s.store)
		if err != nil {
			return err
		}
		b := new(kv.Batch)
		val, _, err := tx.Get(dataKey(key), nil)
		if err != nil {
			return firstWrong(err, tx.Abort())
		}
		b.Put(dataKey(key+" copy"), val)
		b.Delete(dataKey(key))
		if err := s.commit(tx, b); err != nil {
			return err
		}
	}
	return nil
}

// commit does the operations of b in tx and commits it.
func (s *diskSession) commit(tx *kv.Txn, b *kv.Batch) error {
	a := s.begin(b, kv.Sync)
	for op := range a.batch.Ops() {
		switch op.Kind {
		case kv.OpPut:
			tx.Put(op.Key, op.Value)
		case kv.OpDelete:
			tx.Delete(op.Key)
		}
	}
	seq, err := tx.Commit(context.Background(), kv.WriteOptions{})
	s.end(a, seq, err)
	return err
}

func runLarge(s *diskSession) error {
	b := new(kv.Batch)
	for i := range 12 {
		b.Put(dataKey(fmt.Sprint("large", i)), bytesOf(byte('a'+i), 5000))
	}
	b.DeleteRange(dataKey("k4"), dataKey("k6"))
	if err := s.apply(s.store, b, kv.WriteOptions{}); err != nil {
		return err
	}
	return s.put(kv.Sync, "k0", "after the large one")
}

func runSync(s *diskSession) error {
	err := s.put(kv.Process, "k1", "unsynced")
	err = firstWrong(err, s.put(kv.Buffered, "k2", "unsynced"))
	if err != nil {
		return err
	}
	return firstWrong(s.sync(), s.put(kv.Process, "k1", "later"))
}

func runFlush(s *diskSession) error {
	if err := s.put(kv.Process, "k1", "unsynced"); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	return firstWrong(s.put(kv.Buffered, "k2", "after"), s.put(kv.Sync, "k3", "after"))
}

// runImport imports between writes that are not durable yet.
func runImport(s *diskSession) error {
	err := firstWrong(s.put(kv.Process, "k1", "unsynced"), s.importSorted("k1", "k1x", "k5"))
	return firstWrong(err, s.put(kv.Buffered, "k5", "after"), s.put(kv.Sync, "k3", "after"))
}

// importSorted imports keys, which rise, and a mark.
func (s *diskSession) importSorted(keys ...string) error {
	in, ok := s.store.(kv.Importer)
	if !ok || !s.store.Features().Importer {
		return nil
	}
	b := new(kv.Batch)
	for _, key := range keys {
		b.Put(dataKey(key), []byte("imported"))
	}
	a := s.begin(b, kv.Sync)
	var ops []kv.Op
	for op := range a.batch.Ops() {
		ops = append(ops, op)
	}
	seq, err := in.Import(context.Background(), func() (key, val []byte, err error) {
		if len(ops) == 0 {
			return nil, nil, io.EOF
		}
		op := ops[0]
		ops = ops[1:]
		return op.Key, op.Value, nil
	})
	s.end(a, seq, err)
	return err
}

func runCheckpoint(s *diskSession) error {
	if err := s.put(kv.Process, "k1", "unsynced"); err != nil {
		return err
	}
	return firstWrong(s.checkpoint("data/copies/one"), s.put(kv.Sync, "k3", "after"))
}

func runOpen(s *diskSession) error {
	if err := s.reopen(); err != nil {
		return err
	}
	return s.readBack()
}

func runClose(s *diskSession) error {
	err := s.put(kv.Process, "k1", "unsynced")
	err = firstWrong(err, s.put(kv.Buffered, "k2", "unsynced"))
	if err != nil {
		return err
	}
	return s.close()
}

// runWriters lets two tasks write, in batches that touch the same keys, and a
// third flush.
func runWriters(s *diskSession) error {
	tasks := vfs.NewGroup(s.sim)
	errs := make([]error, 3)
	for w := range 2 {
		tasks.Go(fmt.Sprint("writer ", w), func() {
			for i := 0; i < 4 && errs[w] == nil; i++ {
				b := new(kv.Batch)
				b.Put(dataKey("shared"), fmt.Append(nil, w, "-", i))
				b.Delete(dataKey(fmt.Sprint("k", i)))
				b.Put(dataKey(fmt.Sprint("k", i+w)), bytesOf(byte('0'+w), 900))
				errs[w] = s.apply(s.store, b, kv.WriteOptions{Durability: kv.Durability(i % 2)})
			}
		})
	}
	tasks.Go("flusher", func() { errs[2] = s.flush() })
	tasks.Wait()
	return firstWrong(errs...)
}

// runLife makes a store, fills it, closes it, and does so again.
func runLife(s *diskSession) error {
	for round := range 2 {
		if err := s.reopen(); err != nil {
			return err
		}
		for i := range 3 {
			b := new(kv.Batch)
			b.Put(dataKey(fmt.Sprint("k", i)), bytesOf(byte('a'+round), 1500))
			b.DeleteRange(dataKey("l"), dataKey("m"))
			b.Put(dataKey(fmt.Sprint("l", i)), nil)
			if err := s.apply(s.store, b, kv.WriteOptions{}); err != nil {
				return err
			}
		}
		if err := firstWrong(s.readBack(), s.close()); err != nil {
			return err
		}
	}
	return nil
}

func bytesOf(c byte, n int) []byte { return []byte(strings.Repeat(string(rune(c)), n)) }
