package kvtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// maintain does what must not change the content.
func (m *modelRun) maintain(s step) (err error) {
	ctx, has := context.Background(), m.store.Features()
	switch s.kind {
	case stepVerify:
		return m.verify()
	case stepStats:
		return m.stats(s.id)
	case stepCheckpoint:
		return m.checkpoint()
	case stepSync:
		if x, ok := m.store.(kv.Syncer); ok && has.Syncer {
			err = x.Sync(ctx)
		}
	case stepFlush:
		if x, ok := m.store.(kv.Flusher); ok && has.Flusher {
			err = x.Flush(ctx)
		}
	case stepCompact:
		if x, ok := m.store.(kv.Compactor); ok && has.Compactor {
			err = x.Compact(ctx, kv.Span{}, nil)
		}
	}
	return errors.Join(err, sameContent(m.store, m.now))
}

// checkpoint makes a copy, opens it and compares.
func (m *modelRun) checkpoint() (err error) {
	cp, ok := m.store.(kv.Checkpointer)
	if !ok || !m.store.Features().Checkpointer {
		return nil
	}
	m.copies++
	env := m.env
	env.Dir, env.MustExist = fmt.Sprint("copy", m.copies), true
	if err := cp.Checkpoint(context.Background(), env.Dir); err != nil {
		return err
	}
	copied, err := m.open(env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	if err := errors.Join(sameContent(copied, m.now), verifyAll(copied)); err != nil {
		return fmt.Errorf("the copy: %w", err)
	}
	return nil
}

// reopen closes the store and opens it under other options.
func (m *modelRun) reopen(s step) (err error) {
	if m.e.Volatile {
		return nil
	}
	if err := m.closeAll(); err != nil {
		return err
	}
	m.env.Seed = s.seed
	m.store, err = m.open(m.env)
	return err
}

// readOnly looks at the store through a read-only handle.
func (m *modelRun) readOnly(s step) (err error) {
	if m.e.Volatile {
		return nil
	}
	if err := m.closeAll(); err != nil {
		return err
	}
	env := m.env
	env.ReadOnly = true
	if m.store, err = m.open(env); err != nil {
		return err
	}
	if err := m.verify(); err != nil {
		return fmt.Errorf("read-only: %w", err)
	}
	if _, err := m.store.Apply(context.Background(), new(kv.Batch), kv.WriteOptions{}); !errors.Is(err, kv.ErrReadOnly) {
		return fmt.Errorf("a write to a read-only store: %v", err)
	}
	if err := m.closeAll(); err != nil {
		return err
	}
	m.store, err = m.open(m.env)
	return err
}
