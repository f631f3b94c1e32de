package kvtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// put writes one key.
func (s *diskSession) put(d kv.Durability, key, val string) error {
	b := new(kv.Batch)
	b.Put(dataKey(key), []byte(val))
	return s.apply(s.store, b, kv.WriteOptions{Durability: d})
}

// reopen opens the store with the options of the session.
func (s *diskSession) reopen() error {
	store, err := s.open(s.options)
	if err != nil {
		return err
	}
	s.store = store
	return nil
}

// close closes the store. If it says that it did, everything is durable.
func (s *diskSession) close() error {
	if s.store == nil {
		return nil
	}
	store, before := s.store, s.acked
	s.store = nil
	err := store.Close()
	if err == nil {
		s.promise(before)
	}
	if again := store.Close(); again != nil && err == nil {
		return fmt.Errorf("%w: the second Close returned %w", errWrongAnswer, again)
	}
	if _, err := store.Snapshot(context.Background()); !errors.Is(err, kv.ErrClosed) {
		s.violated("after Close, Snapshot returned %v", err)
	}
	return err
}

// sync syncs, if the engine can.
func (s *diskSession) sync() error {
	syncer, ok := s.store.(kv.Syncer)
	if !ok || !s.store.Features().Syncer {
		return nil
	}
	before := s.acked
	err := syncer.Sync(context.Background())
	if err == nil {
		s.promise(before)
	}
	return err
}

// flush flushes, if the engine can. What is in files is durable.
func (s *diskSession) flush() error {
	flusher, ok := s.store.(kv.Flusher)
	if !ok || !s.store.Features().Flusher {
		return nil
	}
	before := s.acked
	err := flusher.Flush(context.Background())
	if err == nil {
		s.promise(before)
	}
	return err
}

// checkpoint makes a copy in dir, if the engine can.
func (s *diskSession) checkpoint(dir string) error {
	cp, ok := s.store.(kv.Checkpointer)
	if !ok || !s.store.Features().Checkpointer {
		return nil
	}
	s.copies = append(s.copies, checkpointCopy{dir: dir, from: s.acked})
	err := cp.Checkpoint(context.Background(), dir)
	if err == nil {
		s.copies[len(s.copies)-1].done = true
	}
	return err
}

// readBack reads everything. What comes without an error must be right.
func (s *diskSession) readBack() error {
	got, err := readStore(s.store)
	if err != nil {
		return err
	}
	if err := s.check(got, s.acked); err != nil {
		return fmt.Errorf("%w: %w", errWrongAnswer, err)
	}
	return nil
}

// verifyDisk verifies, if the engine can.
func verifyDisk(store kv.Store) error {
	v, ok := store.(kv.Verifier)
	if !ok || !store.Features().Verifier {
		return nil
	}
	return v.Verify(context.Background(), nil)
}

// play runs a scenario under a hook. When it returns the store is open, closed or
// was never opened, as the scenario left it.
func (s *diskSession) play(sc diskScenario, hook func(vfs.Op) error) error {
	if !sc.closed {
		if err := s.reopen(); err != nil {
			return fmt.Errorf("open before any fault: %w", err)
		}
	}
	s.arm(hook)
	return sc.run(s)
}
