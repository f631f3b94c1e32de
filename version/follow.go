package version

import (
	"context"
	"iter"
)

// Feed is a walk over the moves of a branch's head that has not begun. It is
// used by one goroutine.
type Feed[K, V any] struct {
	b    *Branch[K, V]
	ctx  context.Context
	last CommitID
	err  error
}

// Move is a step of a branch's head.
type Move[K, V any] struct {
	From, To CommitID // From is 0 before the first commit
	m        *Map[K, V]
}

// Diff walks over what the step changed. If From has been removed meanwhile, as
// after a rollback, the diff ends with ErrNoCommit.
func (mv Move[K, V]) Diff() *Diff[K, V] { return mv.m.Diff(mv.From, mv.To) }

// Follow returns the moves of the branch's head away from a commit, 0 for all
// there was. Moves that come faster than they are taken are one. Writes through
// this process are seen at once.
func (b *Branch[K, V]) Follow(ctx context.Context, from CommitID) *Feed[K, V] {
	return &Feed[K, V]{b: b, ctx: ctx, last: from}
}

// All waits for moves and yields them, until the context ends, which is no error,
// or the branch is removed, which is ErrNoBranch.
func (f *Feed[K, V]) All() iter.Seq[Move[K, V]] {
	return func(yield func(Move[K, V]) bool) {
		for f.ctx.Err() == nil && f.err == nil {
			changed := f.b.m.cache.changed()
			head, err := f.b.Head()
			if f.err = err; err != nil {
				return
			}
			if head != f.last {
				mv := Move[K, V]{f.last, head, f.b.m}
				f.last = head
				if !yield(mv) {
					return
				}
				continue
			}
			select {
			case <-changed:
			case <-f.ctx.Done():
			}
		}
	}
}

// Err returns what ended the walk, nil if that was the context or the loop.
func (f *Feed[K, V]) Err() error { return f.err }

// changed returns a channel that is closed at the next Announce.
func (c *Cache) changed() <-chan struct{} {
	c.waiters.Lock()
	defer c.waiters.Unlock()
	if c.announce == nil {
		c.announce = make(chan struct{})
	}
	return c.announce
}

// Announce wakes those who follow branches. Whoever commits a transaction in
// which a map was changed calls it after; package varve does.
func (c *Cache) Announce() {
	c.waiters.Lock()
	defer c.waiters.Unlock()
	if c.announce != nil {
		close(c.announce)
		c.announce = nil
	}
}
