package ref

import (
	"context"
)

// Sync implements kv.Syncer.
func (s *Store) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if s.log == nil {
		return nil
	}
	if err := s.mendHole(); err != nil {
		return err
	}
	if err := s.log.Sync(); err != nil {
		return s.fail(err)
	}
	return nil
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
