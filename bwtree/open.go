package bwtree

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/bwtree/logstore"
	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// Open opens a store, and makes it if there is none. A nil opt is a temporary store
// in memory. It reads TREE, the directory of pages and the log since the last
// checkpoint; pages only as far as that changes them. Errors besides those of the
// file system: ErrLocked as a *kv.LockedError, ErrForeign, ErrNewerFormat,
// ErrNotExist, ErrExist, *kv.CorruptionError.
func Open(ctx context.Context, opt *Options) (*Store, error) {
	filled, err := opt.filled()
	if err != nil {
		return nil, err
	}
	s := newStore(filled)
	if s.opt.Dir == "" {
		return s, s.openInMemory()
	}
	if err := s.open(ctx); err != nil {
		if s.pages != nil {
			err = errors.Join(err, s.pages.Close())
		}
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
		return nil, fmt.Errorf("open %s: %w", s.opt.Dir, err)
	}
	return s, nil
}

// openInMemory makes a store without files: its pages are never written.
func (s *Store) openInMemory() error {
	if err := s.openPages(&meta{}); err != nil {
		return err
	}
	s.queue.init(1)
	s.tree.clear()
	s.start(1)
	return nil
}

func (s *Store) open(ctx context.Context) error {
	if s.opt.ReadOnly {
		return s.openReadOnly(ctx)
	}
	lock, found, err := s.opt.place().Enter(ctx, layout)
	if err != nil {
		return err
	}
	s.lock = lock
	l := &loaded{meta: meta{firstLog: 1}, seq: 1}
	if found {
		if l, err = s.load(); err != nil {
			return err
		}
	} else if err := s.makeEmpty(); err != nil {
		return err
	}
	return s.begin(l, found)
}

func (s *Store) makeEmpty() error {
	if err := s.openPages(&meta{}); err != nil {
		return err
	}
	s.queue.init(1)
	s.tree.clear()
	return nil
}

// openPages opens the log store of the pages, behind what is there.
func (s *Store) openPages(m *meta) error {
	tail, err := logstore.Behind(s.opt.pages())
	if err == nil {
		tail.Next = max(tail.Next, m.lastPage+1)
		s.pages, err = logstore.Open(s.opt.pages(), tail)
	}
	if err != nil {
		return mapPages(err)
	}
	s.tree.init(&s.opt, s.pages, s.queue.visible)
	return nil
}

// Owns reports whether the names in a directory are those of a store of this
// engine.
func Owns(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return name == metaName || strings.HasPrefix(name, "DIR-") || strings.HasSuffix(name, ".seg")
	})
}

// layout is how the engine knows its files.
var layout = &place.Layout{
	Root:  metaName,
	Found: func(names []string) (bool, error) { return slices.Contains(names, metaName), nil },
	Begun: func(name string) bool { return name == metaName+".tmp" },
	Part:  func(name string) bool { return strings.HasSuffix(name, ".log") || Owns([]string{name}) },
}

// seqGap is more operations than can be lost in a crash.
const seqGap = 1 << 32

// begin starts a new segment of the log. TREE says before that the store is in use,
// so that an older TREE with a newer log is noticed, and after that the segment is
// there, so that its absence is.
func (s *Store) begin(l *loaded, found bool) error {
	if l.tail.Torn != nil {
		s.opt.Logger.Warn("varve: the last write before an unclean end was cut off", "dir", s.opt.Dir, "tail", *l.tail.Torn)
	}
	seq := l.seq
	if found && !l.meta.clean {
		// Writes that were visible but not durable are gone; their numbers must
		// not come back.
		seq += seqGap
	}
	// The end stays what TREE knows: what was read beyond it may not be durable
	// until the new segment is there.
	s.meta = l.meta
	s.meta.clean = false
	if err := s.meta.write(s.opt.FS, s.opt.Dir); err != nil {
		return err
	}
	// Not before: the TREE that was read may not have been durable, and an older
	// one needs other files.
	if err := removeOrphans(&s.opt, &s.meta); err != nil {
		return err
	}
	s.lastDir, s.pieces = s.meta.dir, l.log.Pieces
	s.logBytes.Store(l.log.Bytes)
	log, err := journal.Create(s.opt.journal(), l.tail)
	if err != nil {
		return commit.MapError(err)
	}
	if err := s.markStart(log, seq); err != nil {
		_, closed := log.Close()
		return errors.Join(err, closed)
	}
	s.log = log
	s.start(seq)
	if s.meta.end.Segment >= s.meta.firstLog+manySegments {
		s.checkpointInBackground()
	}
	return nil
}

// manySegments is how long the log may grow by openings alone, each of which
// starts a segment.
const manySegments = 64

// markStart makes the new segment durable, with a record, and then says in TREE
// that it is there.
func (s *Store) markStart(log *journal.Writer, seq kv.Seq) error {
	if _, err := log.Append(commit.CutRecord(seq)); err != nil {
		return commit.MapError(err)
	}
	if err := log.Sync(); err != nil {
		return commit.MapError(err)
	}
	s.meta.end = journal.End{Segment: log.Stats().Segment}
	return s.meta.write(s.opt.FS, s.opt.Dir)
}

// endLog ends the log and notes in TREE where.
func (s *Store) endLog() error {
	// Numbers of batches that were refused were given out too.
	_, err := s.log.Append(commit.CutRecord(s.queue.visible()))
	end, closed := s.log.Close()
	if err = errors.Join(err, closed); err == nil && s.hole.open() {
		err = fmt.Errorf("writes of the weakest durability are lost: %w", kv.ErrNoSpace)
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", s.opt.Dir, commit.MapError(err))
	}
	clean := s.meta
	clean.clean, clean.end = true, end
	return clean.write(s.opt.FS, s.opt.Dir)
}

// openReadOnly reads the store without changing a byte. Beside a live writer it
// goes without the lock and reads what is there, again if the writer moved a file
// away meanwhile.
func (s *Store) openReadOnly(ctx context.Context) error {
	var err error
	if s.lock, err = s.opt.place().EnterReadOnly(ctx, layout); err != nil {
		return err
	}
	var l *loaded
	for range place.Attempts(s.lock) {
		if s.pages != nil {
			_ = s.pages.Close() // it only reads
			s.pages = nil
		}
		if l, err = s.load(); err == nil {
			s.start(l.seq)
			return nil
		}
	}
	return err
}

// newest returns the store that has the newest state that is known: itself, or what
// Refresh has opened.
func (s *Store) newest() *Store {
	if fresh := s.fresh.Load(); fresh != nil {
		return fresh
	}
	return s
}

// Refresh makes a read-only store show what is on disk now. Snapshots and iterators
// that are open keep their state.
func (s *Store) Refresh(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if !s.opt.ReadOnly {
		return nil
	}
	next := newStore(s.opt)
	if err := next.openReadOnly(ctx); err != nil {
		if next.pages != nil {
			err = errors.Join(err, next.pages.Close())
		}
		if next.lock != nil {
			err = errors.Join(err, next.lock.Close())
		}
		return fmt.Errorf("refresh %s: %w", s.opt.Dir, err)
	}
	step.At("refresh")
	old := s.fresh.Swap(next)
	if known := s.keyspaces.known.Load(); known != nil {
		for _, space := range *known {
			space.raise(next.queue.visible())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old != nil {
		s.stale = append(s.stale, old) // it may be in use until the store is closed
	}
	return nil
}

// closeRefreshed closes what Refresh has opened.
func (s *Store) closeRefreshed() (err error) {
	s.mu.Lock()
	list := s.stale
	s.mu.Unlock()
	if fresh := s.fresh.Load(); fresh != nil {
		list = append(list, fresh)
	}
	for _, other := range list {
		err = errors.Join(err, other.Close())
	}
	return err
}
