package ref

import (
	"context"
	"errors"

	"github.com/varvedb/varve/kv"
)

// Sync implements kv.Syncer.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.log == nil {
		return nil
	}
	for {
		if err := s.mendHole(); err != nil {
			return err
		}
		err := s.syncLog()
		if err == nil {
			return nil
		}
		// Writes of others that the journal dropped are their affair; visible
		// ones leave a hole to mend.
		if err = s.fail(err); !errors.Is(err, kv.ErrNoSpace) {
			return err
		}
	}
}

// syncLog syncs all records, and fails if one of a visible write was dropped.
func (s *Store) syncLog() error {
	s.commit.Lock()
	soft := s.soft
	s.commit.Unlock()
	if err := s.log.Sync(); err != nil {
		return err
	}
	return soft.failed()
}

// intervalSync syncs, and comes again.
func (s *Store) intervalSync() {
	if err := s.Sync(context.Background()); err != nil {
		s.opt.Logger.Error("varve: periodic sync failed", "dir", s.opt.Dir, "err", err)
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	if !s.closing {
		s.stopSync = s.opt.Executor.AfterFunc(s.opt.SyncInterval, s.intervalSync)
	}
}
