package bwtree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Flush implements kv.Flusher: it makes a checkpoint, so that opening has no log to
// replay. What was visible before it is durable when it returns. After kv.ErrNoSpace
// the checkpoint before it still counts, and another call tries again.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.log == nil {
		return nil
	}
	return s.flush()
}

// checkpointIfLong starts a checkpoint when the log has outgrown its bound, or what
// has changed since the last one the memory.
func (s *Store) checkpointIfLong() {
	length := s.logBytes.Load()
	crowded := s.tree.cache.Stats().Bytes > s.opt.CacheBytes+s.opt.RedoBytes && length > s.opt.RedoBytes/16
	if (length >= s.opt.RedoBytes || crowded) && s.calls.Load()&closingBit == 0 {
		s.checkpointInBackground()
	}
}

// checkpointInBackground starts a checkpoint unless one is being made.
func (s *Store) checkpointInBackground() {
	step.At("begin a checkpoint")
	if !s.flushing.CompareAndSwap(false, true) {
		return
	}
	s.tasks.Go("checkpoint", func() {
		if err := s.flush(); err != nil {
			s.opt.Logger.Error("varve: a checkpoint failed", "dir", s.opt.Dir, "err", err)
		}
		s.flushing.Store(false)
	})
}

// flush makes a checkpoint: it writes the pages that have changed, and a directory
// of all, and lets the log before it go.
func (s *Store) flush() error {
	s.checkpoint.Lock()
	defer s.checkpoint.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	// Registered before the cut, so that no consolidation drops what is to be
	// written.
	hold := s.tree.states.open()
	defer hold.release()
	hole, unlogged := s.hole.made.Load(), s.unlogged.made.Load()
	length := s.logBytes.Load()
	if err := s.flushCut(hold); err != nil {
		return fmt.Errorf("make a checkpoint of %s: %w", s.opt.Dir, err)
	}
	s.hole.paid.Store(hole)
	s.unlogged.paid.Store(unlogged)
	s.logBytes.Add(-length)
	return nil
}

// flushCut cuts the log and makes the state before the cut the one on disk.
func (s *Store) flushCut(hold *slot) error {
	cut := &request{cut: true}
	if err := s.ask(cut); err != nil {
		return err
	}
	hold.set(cut.seq)
	if err := s.awaitVisible(cut.seq); err != nil {
		return err
	}
	d := directory{number: s.lastDir + 1, seq: cut.seq}
	if err := s.writePages(&d); err != nil {
		return err
	}
	if err := s.tree.cache.Sync(); err != nil {
		return mapPages(err)
	}
	next := meta{firstLog: cut.segment}
	next.end.Segment = cut.segment
	if err := d.write(s.opt.FS, s.opt.Dir, &next); err != nil {
		return err
	}
	// If it fails TREE may name either directory: both files must stay.
	s.lastDir = next.dir
	if err := next.write(s.opt.FS, s.opt.Dir); err != nil {
		return err
	}
	s.meta = next
	s.flushes.Add(1)
	s.flushBytes.Add(next.size)
	s.lastFlush.Store(s.opt.Executor.Now().UnixNano())
	return errors.Join(removeOrphans(&s.opt, &s.meta), s.releaseOld())
}

// awaitVisible returns when all up to seq is visible.
func (s *Store) awaitVisible(seq kv.Seq) error {
	for s.queue.visible() < seq {
		s.publish()
		if failure := s.failure.Load(); failure != nil {
			return *failure
		}
		s.mu.Lock()
		if s.queue.visible() < seq && !s.canPublish() && s.failure.Load() == nil {
			s.moved.Wait()
		}
		s.mu.Unlock()
	}
	return nil
}

// releaseOld gives up the segments that the checkpoint does not need.
func (s *Store) releaseOld() error {
	err := commit.MapError(s.log.Release(s.meta.firstLog))
	if s.meta.firstPage > 0 {
		err = errors.Join(err, mapPages(s.pages.Release(s.meta.firstPage)))
	}
	return err
}

// mapPages gives an error of the log store the names of package kv.
func mapPages(err error) error {
	if errors.Is(err, logstore.ErrUnknownOutcome) {
		return fmt.Errorf("%w: %w", kv.ErrUnknownOutcome, err)
	}
	if errors.Is(err, logstore.ErrNewerFormat) {
		return fmt.Errorf("%w: %w", kv.ErrNewerFormat, err)
	}
	return err
}

// writePages writes what has changed of the tree up to d.seq, and enters all pages
// in d. Each is looked up by key, so that splits do not matter.
func (s *Store) writePages(d *directory) error {
	before := s.pagesToMove()
	for low := []byte{}; low != nil; {
		ref, high, err := s.writePage(low, d.seq, before)
		if err != nil {
			return mapPages(err)
		}
		d.lows, d.refs = append(d.lows, bytes.Clone(low)), append(d.refs, ref)
		low = high
	}
	return nil
}

// writePage returns where what the page of a lower bound held at a number is on
// disk, and its upper bound. One that is on disk stays there if its segment is not
// below before, without being read.
func (s *Store) writePage(low []byte, seq kv.Seq, before uint32) (ref logstore.Ref, high []byte, err error) {
	for {
		var p *page
		if ref, high, p, err = s.tryPage(low, seq, before); err != nil {
			return ref, nil, err
		}
		if p == nil {
			return ref, high, nil
		}
		if where, all := s.tree.cache.Where(p); !all || where.Image == ref {
			return ref, high, nil
		}
		// It was evicted meanwhile, and would be read from where it was before.
	}
}

func (s *Store) tryPage(low []byte, seq kv.Seq, before uint32) (ref logstore.Ref, high []byte, p *page, err error) {
	x := s.tree.index.Load()
	_, p = x.Floor(low)
	if _, _, resident := s.tree.cache.Peek(p); !resident {
		if where, all := s.tree.cache.Where(p); all && where.Image.Addr.Segment() >= max(before, 1) {
			// It cannot have been split or merged since it was written.
			high, _ = x.After(low)
			return where.Image, high, p, nil
		}
	}
	l, p, tok, err := s.pureLeaf(low)
	if err != nil {
		return ref, nil, p, err
	}
	high = l.Base().High()
	where, all := s.tree.cache.Where(p)
	now, _, _ := s.tree.cache.Peek(p)
	switch {
	case !bytes.Equal(l.Base().Low(), low):
		// It was merged into its neighbour after that was written.
		ref, err = s.tree.cache.Put(leaf.New(l.At(low, seq, s.opt.Mergers), 0))
		return ref, high, nil, err
	case now == l && all && l.Pure() && where.Image.Addr.Segment() >= before:
		return where.Image, high, p, nil
	case now == l && l.Base().Newest() <= seq && l.Pure():
		// What is in memory is what is to be written: it can be evicted after.
		where, err = s.tree.cache.Write(p, tok)
		return where.Image, high, p, err
	}
	ref, err = s.tree.cache.Put(leaf.New(l.At(low, seq, s.opt.Mergers), 0))
	return ref, high, p, err
}

// pureLeaf returns the leaf of a lower bound, made anew if it has deltas; there may
// be some again.
func (s *Store) pureLeaf(low []byte) (*leaf.Leaf, *page, token, error) {
	p, l, tok, err := s.tree.find(low)
	if err != nil || l.Pure() && l.Next() == nil {
		return l, p, tok, err
	}
	l.Seal()
	if _, err = s.tree.succeed(p, l, nil); err == nil {
		p, l, tok, err = s.tree.find(low)
	}
	return l, p, tok, err
}

// pagesToMove returns the segment from which on pages can stay where they are. The
// ones before are written again if more than half of all segments is of no use.
func (s *Store) pagesToMove() uint32 {
	live := make(map[uint32]int64)
	var sum int64
	s.tree.index.Load().All(func(_ []byte, p *page) bool {
		where, _ := s.tree.cache.Where(p)
		for _, ref := range where.Refs() {
			live[ref.Addr.Segment()] += ref.Stored()
			sum += ref.Stored()
		}
		return true
	})
	list, err := s.pages.Segments()
	if err != nil || len(list) < 3 {
		return 0 // an error is met again when something is written
	}
	sizes, total := s.segmentSizes(list)
	wasted := total - sum - sum/2 - s.opt.PageSegmentBytes
	n := 0
	for n < len(list)-1 && wasted > 0 {
		wasted -= sizes[n] - live[list[n]]
		n++
	}
	if n == 0 {
		return 0
	}
	return list[n-1] + 1
}

func (s *Store) segmentSizes(list []uint32) (sizes []int64, total int64) {
	for _, n := range list {
		info, err := s.opt.FS.Stat(s.pages.File(logstore.Ref{Addr: logstore.Addr(n) << 32}))
		if err != nil {
			info = vfs.Info{} // it counts as used
		}
		sizes, total = append(sizes, info.Size), total+info.Size
	}
	return sizes, total
}

// Compact implements kv.Compactor: it makes the leaves of a range anew, without
// what nobody can read, and then a checkpoint. When ctx ends it stops, with what it
// has done so far.
func (s *Store) Compact(ctx context.Context, span kv.Span, progress func(kv.Progress)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.opt.ReadOnly {
		return s.writable()
	}
	done := kv.Progress{Stage: "leaves"}
	for at := span.Start; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, l, _, err := s.tree.find(at)
		if err != nil {
			return err
		}
		if !l.Pure() || l.Base().Newest() > 0 {
			l.Seal()
			if _, err := s.tree.succeed(p, l, nil); err != nil {
				return err
			}
		}
		if done.Done += l.Size(); progress != nil {
			progress(done)
		}
		high := l.Base().High()
		if high == nil || span.End != nil && bytes.Compare(high, span.End) >= 0 {
			break
		}
		at = high
	}
	if s.log == nil {
		return nil
	}
	return s.flush()
}

// Checkpoint implements kv.Checkpointer: it writes what is visible to an empty or new
// directory, as a store of its own, durably when it returns. TREE comes last: without
// it there is no store. After an error nothing is left of it.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	made, err := makeEmptyDir(s.opt.FS, dir)
	if err != nil {
		return err
	}
	hold := s.hold()
	defer hold.release()
	if err := s.copyTo(ctx, dir, kv.Seq(hold.number.Load())); err != nil {
		return errors.Join(fmt.Errorf("checkpoint to %s: %w", dir, err), undo(s.opt.FS, dir, made))
	}
	return nil
}

func (s *Store) copyTo(ctx context.Context, dir string, seq kv.Seq) error {
	opt := s.opt.pages()
	opt.Dir, opt.ReadOnly = dir, false
	store, err := logstore.Open(opt, logstore.Tail{})
	if err != nil {
		return err
	}
	d := directory{number: 1, seq: seq}
	err = s.copyPages(ctx, store, &d)
	if err = errors.Join(err, store.Close()); err != nil {
		return mapPages(err)
	}
	m := meta{firstLog: 1}
	if err := d.write(s.opt.FS, dir, &m); err != nil {
		return err
	}
	return m.write(s.opt.FS, dir)
}

// copyPages writes what the tree held at d.seq to another log store.
func (s *Store) copyPages(ctx context.Context, store *logstore.Store, d *directory) error {
	other := tree{}
	other.init(&s.opt, store, nil)
	for low := []byte{}; low != nil; {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, _, err := s.tree.newest(low)
		if err != nil {
			return err
		}
		image := l.At(low, d.seq, s.opt.Mergers)
		ref, err := other.cache.Put(leaf.New(image, 0))
		if err != nil {
			return err
		}
		d.lows, d.refs = append(d.lows, bytes.Clone(low)), append(d.refs, ref)
		low = image.High()
	}
	return nil
}

// undo removes what a checkpoint that failed has written, TREE durably before the
// rest: with it half a copy would be a store.
func undo(fsys vfs.FS, dir string, made bool) error {
	err := place.Remove(fsys, path.Join(dir, metaName))
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	names, listErr := fsys.List(dir)
	err = errors.Join(err, listErr)
	for _, name := range names {
		err = errors.Join(err, place.Remove(fsys, path.Join(dir, name)))
	}
	if err == nil && made {
		err = fsys.Remove(dir)
	}
	return err
}

// makeEmptyDir makes a directory, unless there is an empty one.
func makeEmptyDir(fsys vfs.FS, dir string) (made bool, err error) {
	names, err := fsys.List(dir)
	if err == nil && len(names) > 0 {
		return false, fmt.Errorf("%s holds %s: choose an empty or new directory", dir, names[0])
	}
	if err != nil && !isNotExist(err) {
		return false, err
	}
	return err != nil, vfs.MkdirDurable(fsys, dir)
}

// removeOrphans removes what an interrupted checkpoint or close has left.
func removeOrphans(opt *Options, m *meta) error {
	names, err := opt.FS.List(opt.Dir)
	for _, name := range names {
		stale := strings.HasPrefix(name, "DIR-") && name != m.dirName()
		if stale || strings.HasSuffix(name, ".tmp") {
			err = errors.Join(err, place.Remove(opt.FS, path.Join(opt.Dir, name)))
		}
	}
	return err
}
