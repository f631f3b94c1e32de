package bwtree

import (
	"context"
	"fmt"
	"path"

	"github.com/varvedb/varve/bwtree/internal/index"
	"github.com/varvedb/varve/bwtree/internal/leaf"
	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/bwtree/pagecache"
	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// loaded is what the files of a store hold, beside the pages.
type loaded struct {
	meta meta
	dir  directory // empty if there is none
	tail journal.Tail
	log  commit.Replay
	seq  kv.Seq // of the newest batch

	failed error // of the tree, when a batch was added
}

// loadFiles reads TREE, the directory of pages and the log, of which apply takes
// the batches that are not in pages.
func (o *Options) loadFiles(apply func(l *loaded, first kv.Seq, b *kv.Batch) error, prepare func(*loaded) error) (*loaded, error) {
	m, err := readMeta(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	l := &loaded{meta: m, seq: max(m.seq, 1)}
	if m.dir > 0 {
		if l.dir, err = readDirectory(o.FS, o.Dir, &m); err != nil {
			return nil, err
		}
	}
	if err := prepare(l); err != nil {
		return nil, err
	}
	l.log.Seq = l.seq
	l.log.Apply = func(first kv.Seq, b *kv.Batch) error {
		l.failed = apply(l, first, b)
		return l.failed
	}
	var expect *journal.End
	if m.clean {
		expect = &m.end
	}
	l.tail, err = journal.Read(o.journal(), m.firstLog, expect, func(rec journal.Record) error {
		if err := l.log.Record(rec.Data); l.failed != nil {
			return l.failed
		} else if err != nil {
			return &kv.CorruptionError{File: o.logName(rec.Segment), Offset: rec.Offset, What: err.Error()}
		}
		return nil
	})
	if err == nil {
		err = o.checkEnd(l)
	}
	l.seq = max(l.seq, l.log.Seq)
	return l, commit.MapError(err)
}

func (o *Options) logName(segment uint64) string {
	return path.Join(o.Dir, segfile.Name("", segment, ".log"))
}

// checkEnd compares the end of the log with what TREE knows of it.
func (o *Options) checkEnd(l *loaded) error {
	end, least := l.tail.End, l.meta.end
	if end.Segment > least.Segment || end.Segment == least.Segment && end.Length >= least.Length {
		return nil
	}
	return &kv.CorruptionError{File: o.logName(least.Segment), Offset: -1,
		What: fmt.Sprintf("the log ends in segment %d at %d, it once ended in segment %d at %d", end.Segment, end.Length, least.Segment, least.Length)}
}

// load makes the tree what the files hold.
func (s *Store) load() (*loaded, error) {
	return s.opt.loadFiles(s.replay, func(l *loaded) error {
		if err := s.openPages(&l.meta); err != nil {
			return err
		}
		s.queue.init(l.seq)
		if l.meta.dir == 0 {
			s.tree.clear()
			return nil
		}
		pages := make([]*page, len(l.dir.refs))
		for i, ref := range l.dir.refs {
			pages[i] = s.tree.cache.Attach(pagecache.Location{Image: ref})
		}
		s.tree.index.Store(index.Build(s.opt.Fanout, l.dir.lows, pages))
		return nil
	})
}

// replay adds a batch of the log to the tree.
func (s *Store) replay(l *loaded, first kv.Seq, b *kv.Batch) error {
	w := newWrite(b, kv.Sync, nil, nil)
	w.number(first)
	if err := s.add(w); err != nil {
		return err
	}
	s.queue.init(w.seq)
	return nil
}

// Verify implements kv.Verifier. It reads TREE, the directory of pages, all pages
// and the log, as they are on disk, and checks sums, order and structure.
func (s *Store) Verify(ctx context.Context, progress func(kv.Progress)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.opt.Dir == "" {
		return nil
	}
	seq, err := s.settleLog()
	if err != nil {
		return err
	}
	s.checkpoint.Lock() // no file may go away meanwhile
	defer s.checkpoint.Unlock()
	if s.log != nil {
		if err := commit.VerifyRetained(s.log, s.meta.firstLog); err != nil {
			return err
		}
	}
	for range place.Attempts(s.lock) {
		if err = s.verify(ctx, seq, progress); err == nil {
			return nil
		}
	}
	return err
}

// settleLog makes the log durable and returns the number of the newest batch that
// must be found in it or in the pages.
func (s *Store) settleLog() (kv.Seq, error) {
	if s.log == nil {
		return 0, nil
	}
	if err := s.sync(); err != nil {
		return 0, err
	}
	return kv.Seq(s.lastLogged.Load()), nil
}

func (s *Store) verify(ctx context.Context, seq kv.Seq, progress func(kv.Progress)) error {
	found := kv.Seq(0)
	l, err := s.opt.loadFiles(func(_ *loaded, first kv.Seq, b *kv.Batch) error {
		found = first + kv.Seq(max(b.Len(), 1)) - 1
		return nil
	}, func(*loaded) error { return nil })
	if err != nil {
		return err
	}
	if max(found, l.meta.seq) < seq {
		return &kv.CorruptionError{File: s.opt.Dir, Offset: -1,
			What: fmt.Sprintf("the files end at state %d, state %d was written", max(found, l.meta.seq), seq)}
	}
	return s.verifyPages(ctx, &l.dir, progress)
}

// verifyPages reads all pages of a directory.
func (s *Store) verifyPages(ctx context.Context, d *directory, progress func(kv.Progress)) error {
	var report kv.Progress
	report.Stage = "pages"
	for _, ref := range d.refs {
		report.Total += ref.Stored()
	}
	fresh := tree{}
	fresh.init(&s.opt, s.pages, nil)
	for i, ref := range d.refs {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, _, err := fresh.cache.Get(fresh.cache.Attach(pagecache.Location{Image: ref}))
		if err != nil {
			return mapPages(err)
		}
		if err := s.checkBounds(d, i, l, ref); err != nil {
			return err
		}
		if report.Done += ref.Stored(); progress != nil {
			progress(report)
		}
	}
	return nil
}

// checkBounds compares the bounds of a page with those of its neighbours.
func (s *Store) checkBounds(d *directory, i int, l *leaf.Leaf, ref logstore.Ref) error {
	high := l.Base().High()
	last := i == len(d.lows)-1
	if string(l.Base().Low()) == string(d.lows[i]) && (high == nil) == last && (last || string(high) == string(d.lows[i+1])) &&
		l.Base().Newest() <= d.seq {
		return nil
	}
	return &kv.CorruptionError{File: s.pages.File(ref), Offset: ref.Addr.Offset(), What: "the page is not the one that the directory names"}
}
