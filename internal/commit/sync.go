package commit

import (
	"context"
	"errors"

	"github.com/varvedb/varve/kv"
)

// Sync is that of kv.Syncer.
func (p *Pipeline) Sync(ctx context.Context) error {
	if err := p.Enter(ctx); err != nil {
		return err
	}
	defer p.Leave()
	if p.log == nil {
		return nil
	}
	for {
		if err := p.mendHole(); err != nil {
			return err
		}
		err := p.SyncLog()
		if err == nil {
			return nil
		}
		// Writes of others that the log dropped are their affair; visible ones
		// leave a hole to mend.
		if !errors.Is(err, kv.ErrNoSpace) {
			return err
		}
	}
}

// SyncLog makes all records durable; it fails if one of a visible write was
// dropped.
func (p *Pipeline) SyncLog() error {
	p.mu.Lock()
	soft := p.soft
	p.mu.Unlock()
	err := p.log.Sync()
	if err == nil {
		err = soft.failed()
	}
	if err == nil {
		return nil
	}
	return p.fail(err)
}

// intervalSync syncs, and comes again.
func (p *Pipeline) intervalSync() {
	if err := p.Sync(context.Background()); err != nil && !errors.Is(err, kv.ErrClosed) {
		p.opt.Logger.Error("varve: periodic sync failed", "dir", p.opt.Name, "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closing {
		p.stopSync = p.opt.Executor.AfterFunc(p.opt.SyncInterval, p.intervalSync)
	}
}
