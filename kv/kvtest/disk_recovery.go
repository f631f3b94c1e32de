package kvtest

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// recovery opens what a failure has left and checks it.
type recovery struct {
	engine  Engine
	seed    uint64
	options uint64
	past    *diskHistory
	survive kv.Seq // must be there
	copies  []checkpointCopy
}

// check opens the store of a copy of disk. What is there must be a state that
// the history allows, the store must verify, take a write with a new number, and
// have all of that when it is opened once more. It returns how many operations
// opening took.
func (r *recovery) check(disk *vfs.Mem) (ops int64, err error) {
	s := &diskSession{machine: newMachine(r.engine, r.seed, disk.Clone()), diskHistory: r.past, options: r.options}
	if r.seed%4 == 0 {
		s.options = seedFor(r.seed, "other options")
	}
	err = s.run(func() error {
		if err := s.reopen(); err != nil {
			return fmt.Errorf("open: %w", err)
		}
		ops = s.ops
		if err := s.shows(r.survive); err != nil {
			return err
		}
		if err := s.continues(); err != nil {
			return err
		}
		if r.seed%2 == 0 {
			return s.closesAndOpens()
		}
		s.faulty.Crash()
		s.abandon()
		return nil
	})
	if err == nil && r.seed%2 == 1 {
		err = r.opensAgain(s)
	}
	if err == nil && r.seed%8 < 2 {
		err = r.checkReadOnly(disk)
	}
	return ops, firstWrong(err, r.checkCopies(disk))
}

// shows checks what the open store holds, and that it verifies.
func (s *diskSession) shows(survive kv.Seq) error {
	got, err := readStore(s.store)
	if err != nil {
		return err
	}
	if err := s.check(got, survive); err != nil {
		return err
	}
	if err := verifyDisk(s.store); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	s.diskHistory = s.newHistory(got)
	return nil
}

// continues makes a write.
func (s *diskSession) continues() error {
	if err := s.put(kv.Sync, "continued", "yes"); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := s.readBack(); err != nil {
		return fmt.Errorf("after a write: %w", err)
	}
	return s.wrong
}

func (s *diskSession) closesAndOpens() error {
	if err := s.close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if err := s.reopen(); err != nil {
		return fmt.Errorf("open after a clean close: %w", err)
	}
	if err := s.readBack(); err != nil {
		return fmt.Errorf("after a clean close: %w", err)
	}
	return s.close()
}

// opensAgain cuts the power on s and opens what is left.
func (r *recovery) opensAgain(s *diskSession) error {
	disk := s.disk.CrashClone(vfs.CrashOptions{Seed: r.seed})
	next := &diskSession{machine: newMachine(r.engine, r.seed, disk), diskHistory: s.diskHistory, options: s.options}
	err := next.run(func() error {
		if err := next.reopen(); err != nil {
			return err
		}
		return firstWrong(next.shows(s.synced), next.close())
	})
	if err != nil {
		return fmt.Errorf("open after a power cut behind the recovery: %w", err)
	}
	return nil
}

// checkAfter cuts the power at operation k of opening a copy of disk, and checks
// what that leaves.
func (r *recovery) checkAfter(disk *vfs.Mem, k int64) error {
	s := &diskSession{machine: newMachine(r.engine, r.seed, disk.Clone()), diskHistory: r.past, options: r.options}
	if err := s.run(func() error {
		s.arm(vfs.CrashAt(k))
		err := s.reopen()
		if err != nil && !s.faulty.Crashed() {
			return fmt.Errorf("open: %w", err)
		}
		s.faulty.Crash()
		s.abandon()
		return nil
	}); err != nil {
		return err
	}
	again := *r
	again.seed = seedFor(r.seed, k)
	_, err := again.check(s.disk.CrashClone(vfs.CrashOptions{Seed: again.seed}))
	return err
}

// checkCopies opens the checkpoints. One that was finished must be there; one
// that was not must be whole if it opens.
func (r *recovery) checkCopies(disk *vfs.Mem) error {
	for _, c := range r.copies {
		s := &diskSession{machine: newMachine(r.engine, r.seed, disk.Clone()), diskHistory: r.past}
		err := s.run(func() error {
			store, err := s.open(r.options, func(env *Env) { env.Dir, env.MustExist = c.dir, true })
			if err != nil {
				return err
			}
			s.store = store
			if err := s.shows(c.from); err != nil {
				return fmt.Errorf("%w: %w", errWrongAnswer, err)
			}
			return s.close()
		})
		if err != nil && (c.done || errors.Is(err, errWrongAnswer) || isRunFailure(err)) {
			return fmt.Errorf("checkpoint %s: %w", c.dir, err)
		}
	}
	return nil
}

// isRunFailure reports whether err is about the program and not the disk.
func isRunFailure(err error) bool {
	var panicked *vfs.PanicError
	var stuck *vfs.DeadlockError
	return errors.As(err, &panicked) || errors.As(err, &stuck)
}

// checkReadOnly opens a copy of disk that takes no writes.
func (r *recovery) checkReadOnly(disk *vfs.Mem) error {
	s := &diskSession{machine: newMachine(r.engine, r.seed, disk.Clone()), diskHistory: r.past}
	s.disk.SetReadOnly(true)
	err := s.run(func() error {
		store, err := s.open(r.options, func(env *Env) { env.ReadOnly = true })
		if errors.Is(err, kv.ErrNotExist) && len(r.past.base) == 0 && r.survive == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		s.store = store
		if err := s.shows(r.survive); err != nil {
			return err
		}
		if err := s.put(kv.Sync, "must not", "be there"); !errors.Is(err, kv.ErrReadOnly) {
			return fmt.Errorf("a write returned %w", err)
		}
		return s.close()
	})
	if err != nil {
		return fmt.Errorf("opened read-only: %w", err)
	}
	return nil
}

// checkInPlace opens the store on the disk itself, where its lock must be free,
// and cuts the power, during that or after it.
func (r *recovery) checkInPlace(disk *vfs.Mem) error {
	s := &diskSession{machine: newMachine(r.engine, r.seed, disk), diskHistory: r.past, options: r.options}
	return s.run(func() error {
		s.arm(vfs.CrashAt(int64(r.seed % 60)))
		if err := s.reopen(); err != nil && !s.faulty.Crashed() {
			return fmt.Errorf("open: %w", err)
		}
		s.faulty.Crash()
		s.abandon()
		return nil
	})
}
