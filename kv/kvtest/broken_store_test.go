package kvtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/kv/ref"
	"github.com/varvedb/varve/vfs"
)

// brokenStore is the reference engine with changes. A nil function changes
// nothing.
type brokenStore struct {
	*ref.Store
	env      Env
	apply    func(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error)
	snapshot func(s *brokenStore) (kv.Snapshot, error)
	iter     func(s *brokenStore, opt kv.IterOptions) kv.Iterator
	sync     func(s *brokenStore) error
	close    func(s *brokenStore) error
	verify   func(s *brokenStore) error
	failed   bool
	opened   kv.Seq
}

// brokenEngine opens stores with the changes of like.
func brokenEngine(like brokenStore) Engine {
	return Engine{Name: "broken", Open: func(ctx context.Context, env Env) (kv.Store, error) {
		s, err := openDiskRef(ctx, env)
		if err != nil {
			return nil, err
		}
		changed := like
		changed.Store, changed.env = s.(*ref.Store), env
		if snap, err := s.Snapshot(ctx); err == nil {
			changed.opened = snap.Seq()
			snap.Close()
		}
		return &changed, nil
	}}
}

func (s *brokenStore) Apply(ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	if s.apply == nil {
		return s.Store.Apply(ctx, b, opt)
	}
	return s.apply(s, ctx, b, opt)
}

func (s *brokenStore) Snapshot(ctx context.Context) (kv.Snapshot, error) {
	if s.snapshot == nil {
		return s.Store.Snapshot(ctx)
	}
	return s.snapshot(s)
}

func (s *brokenStore) Iter(opt kv.IterOptions) kv.Iterator {
	if s.iter == nil {
		return s.Store.Iter(opt)
	}
	return s.iter(s, opt)
}

func (s *brokenStore) Sync(ctx context.Context) error {
	if s.sync == nil {
		return s.Store.Sync(ctx)
	}
	return s.sync(s)
}

func (s *brokenStore) Verify(ctx context.Context, progress func(kv.Progress)) error {
	if s.verify == nil {
		return s.Store.Verify(ctx, progress)
	}
	return s.verify(s)
}

func (s *brokenStore) Close() error {
	if s.close == nil {
		return s.Store.Close()
	}
	return s.close(s)
}

// withCondition changes the conditions of writes.
func withConditions(change func(*kv.Conditions)) Engine {
	return brokenEngine(brokenStore{apply: func(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
		if opt.If != nil {
			c := *opt.If
			change(&c)
			opt.If = &c
		}
		return s.Store.Apply(ctx, b, opt)
	}})
}

// forgetDeletes drops what b deletes.
func forgetDeletes(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	kept := new(kv.Batch)
	for op := range b.Ops() {
		switch op.Kind {
		case kv.OpPut:
			kept.Put(op.Key, op.Value)
		case kv.OpDeleteRange:
			kept.DeleteRange(op.Key, op.Span().End)
		case kv.OpMerge:
			kept.Merge(op.Merger, op.Key, op.Value)
		}
	}
	return s.Store.Apply(ctx, kept, opt)
}

// inTwo applies a batch in two parts.
func inTwo(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	half, rest := new(kv.Batch), new(kv.Batch)
	n := 0
	for op := range b.Ops() {
		to := half
		if n++; n > 1 {
			to = rest
		}
		switch op.Kind {
		case kv.OpPut:
			to.Put(op.Key, op.Value)
		case kv.OpDelete:
			to.Delete(op.Key)
		case kv.OpDeleteRange:
			to.DeleteRange(op.Key, op.Span().End)
		case kv.OpMerge:
			to.Merge(op.Merger, op.Key, op.Value)
		}
	}
	if _, err := s.Store.Apply(ctx, half, opt); err != nil {
		return 0, err
	}
	opt.If = nil
	return s.Store.Apply(ctx, rest, opt)
}

// tooSoon acknowledges before anything is durable.
func tooSoon(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	opt.Durability = kv.Process
	return s.Store.Apply(ctx, b, opt)
}

// sureOfFailure says of a write whose outcome is unknown that it is not there.
func sureOfFailure(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	seq, err := s.Store.Apply(ctx, b, opt)
	if errors.Is(err, kv.ErrUnknownOutcome) {
		err = kv.ErrNoSpace
	}
	return seq, err
}

// countsAnew gives out numbers that begin with 1 at each opening.
func countsAnew(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	seq, err := s.Store.Apply(ctx, b, opt)
	return seq - s.opened, err
}

// hangs waits for ever in Close if a write failed.
func hangs() brokenStore {
	return brokenStore{
		apply: func(s *brokenStore, ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
			seq, err := s.Store.Apply(ctx, b, opt)
			s.failed = s.failed || err != nil
			return seq, err
		},
		close: func(s *brokenStore) error {
			for m := s.env.Executor.NewMutex(); s.failed; {
				m.Lock()
			}
			return s.Store.Close()
		},
	}
}

// liveSnapshot is a snapshot that shows what is written after it.
type liveSnapshot struct {
	*brokenStore
	seq kv.Seq
}

func (s *liveSnapshot) Seq() kv.Seq  { return s.seq }
func (s *liveSnapshot) Close() error { return nil }

func notIsolated(s *brokenStore) (kv.Snapshot, error) {
	snap, err := s.Store.Snapshot(context.Background())
	if err != nil {
		return nil, err
	}
	return &liveSnapshot{s, snap.Seq()}, snap.Close()
}

// quietIter reads from the disk at every move, as an engine with files would, and
// takes an error for the end.
type quietIter struct {
	kv.Iterator
	env Env
}

func (it *quietIter) First() bool { return it.disk() && it.Iterator.First() }
func (it *quietIter) Last() bool  { return it.disk() && it.Iterator.Last() }
func (it *quietIter) Next() bool  { return it.disk() && it.Iterator.Next() }
func (it *quietIter) Prev() bool  { return it.disk() && it.Iterator.Prev() }

func (it *quietIter) disk() bool {
	_, err := it.env.FS.Stat(it.env.Dir)
	return err == nil
}

func swallowErrors(s *brokenStore, opt kv.IterOptions) kv.Iterator {
	return &quietIter{s.Store.Iter(opt), s.env}
}

// ignoresDamage is an engine that cuts a damaged file off before the damage, or
// removes it, and goes on.
func ignoresDamage() Engine {
	return Engine{Name: "broken", Open: func(ctx context.Context, env Env) (kv.Store, error) {
		for range 3 {
			s, err := openDiskRef(ctx, env)
			var damage *kv.CorruptionError
			if !errors.As(err, &damage) {
				return s, err
			}
			if err := cutOff(env.FS, damage); err != nil {
				return nil, fmt.Errorf("%w: %w", damage, err)
			}
		}
		return openDiskRef(ctx, env)
	}}
}

func cutOff(disk vfs.FS, damage *kv.CorruptionError) error {
	if damage.Offset <= 0 {
		return disk.Remove(damage.File)
	}
	f, err := disk.OpenWrite(damage.File)
	if err != nil {
		return err
	}
	return firstWrong(f.Truncate(damage.Offset), f.Close())
}

// panicsAtDamage is an engine that takes damage for a mistake in the program.
func panicsAtDamage() Engine {
	return Engine{Name: "broken", Open: func(ctx context.Context, env Env) (kv.Store, error) {
		s, err := openDiskRef(ctx, env)
		if errors.As(err, new(*kv.CorruptionError)) {
			panic(err)
		}
		return s, err
	}}
}
