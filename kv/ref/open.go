package ref

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// Open opens a store, and makes it if there is none. A nil opt is a temporary
// store in memory. It reads all content. Errors besides those of the file
// system: ErrLocked as a *kv.LockedError, ErrForeign, ErrNewerFormat,
// ErrNotExist, ErrExist, *kv.CorruptionError.
func Open(ctx context.Context, opt *Options) (*Store, error) {
	filled, err := opt.filled()
	if err != nil {
		return nil, err
	}
	s := newStore(filled)
	if s.opt.Dir == "" {
		s.start(&state{seq: 1}, 0)
		return s, nil
	}
	if err := s.open(ctx); err != nil {
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
		return nil, fmt.Errorf("open %s: %w", s.opt.Dir, err)
	}
	return s, nil
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
	if !found {
		return s.create()
	}
	return s.recover()
}

// Owns reports whether the names in a directory are those of a store of this
// engine, or of one whose META is lost.
func Owns(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return name == metaName || strings.HasPrefix(name, "SNAP-") })
}

// layout is how the engine knows its files.
var layout = &place.Layout{
	Root:  metaName,
	Found: func(names []string) (bool, error) { return slices.Contains(names, metaName), nil },
	Begun: func(name string) bool { return name == metaName+".tmp" },
	Part:  func(name string) bool { return isLog(name) || strings.HasPrefix(name, "SNAP-") },
}

func (s *Store) create() error {
	s.meta = meta{firstLog: 1}
	return s.begin(&state{seq: 1}, journal.Tail{}, 0)
}

// recover reads the store and starts a new segment of the log.
func (s *Store) recover() error {
	l, err := load(&s.opt)
	if err != nil {
		return err
	}
	s.meta, s.logBytes = l.meta, l.log.Bytes
	if l.tail.Torn != nil {
		s.opt.Logger.Warn("varve: the last write before an unclean end was cut off", "dir", s.opt.Dir, "tail", *l.tail.Torn)
	}
	st := l.st
	st.seq = max(st.seq, l.log.Seq)
	if !s.meta.clean {
		// Writes that were visible but not durable are gone; their numbers
		// must not come back.
		st.seq += seqGap
	}
	// The end stays what META knows: what was read beyond it may not be durable
	// until the new segment is there.
	s.meta.clean = false
	return s.begin(st, l.tail, l.log.Pieces)
}

// seqGap is more batches than can be lost in a crash.
const seqGap = 1 << 32

// begin starts a new segment of the log. META says before that the store is in
// use, so that an older META with a newer log is noticed, and after that the
// segment is there, so that its absence is.
func (s *Store) begin(st *state, tail journal.Tail, pieces uint64) (err error) {
	if err := s.meta.write(s.opt.FS, s.opt.Dir); err != nil {
		return err
	}
	// Not before: the META that was read may not have been durable, and an
	// older one needs other files.
	if err := removeOrphans(&s.opt, &s.meta); err != nil {
		return err
	}
	s.lastSnapshot = s.meta.snapshot
	if s.log, err = journal.Create(s.opt.journal(), tail); err != nil {
		return commit.MapError(err)
	}
	if err := s.markStart(st.seq); err != nil {
		_, closed := s.log.Close()
		return errors.Join(err, closed)
	}
	s.start(st, pieces)
	if s.log.Stats().Segment >= s.meta.firstLog+manySegments {
		s.commits.Locked(s.flushInBackground)
	}
	return nil
}

// manySegments is how long the log may grow by openings alone, each of which
// starts a segment.
const manySegments = 64

// markStart makes the new segment durable, with a record, and then says in META
// that it is there.
func (s *Store) markStart(seq kv.Seq) error {
	if _, err := s.log.Append(commit.CutRecord(seq)); err != nil {
		return commit.MapError(err)
	}
	if err := s.log.Sync(); err != nil {
		return commit.MapError(err)
	}
	s.meta.end = journal.End{Segment: s.log.Stats().Segment}
	return s.meta.write(s.opt.FS, s.opt.Dir)
}

func (o *Options) journal() journal.Options {
	return journal.Options{FS: o.FS, Executor: o.Executor, Dir: o.Dir, SegmentSize: o.SegmentBytes, Retain: max(0, o.LogRetention)}
}

// removeOrphans removes what an interrupted flush or close has left.
func removeOrphans(opt *Options, m *meta) error {
	names, err := opt.FS.List(opt.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		stale := strings.HasPrefix(name, "SNAP-") && name != m.snapshotName()
		if stale || strings.HasSuffix(name, ".tmp") {
			if err := place.Remove(opt.FS, join(opt.Dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// openReadOnly reads the store without changing a byte. Beside a live writer it
// goes without the lock and reads what is there, again if the writer moved a
// file away meanwhile.
func (s *Store) openReadOnly(ctx context.Context) error {
	var err error
	if s.lock, err = s.opt.place().EnterReadOnly(ctx, layout); err != nil {
		return err
	}
	l, err := s.loadPatiently()
	if err != nil {
		return err
	}
	s.start(l.st, 0)
	return nil
}

func (s *Store) loadPatiently() (l *loaded, err error) {
	for range place.Attempts(s.lock) {
		if l, err = load(&s.opt); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// Refresh makes a read-only store show what is on disk now. Snapshots and
// iterators that are open keep their state.
func (s *Store) Refresh(ctx context.Context) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	if !s.opt.ReadOnly {
		return nil
	}
	l, err := s.loadPatiently()
	if err != nil {
		return err
	}
	s.commits.Restart(l.st.seq, func() {
		s.tip = l.st
		s.visible.Store(l.st)
	})
	return nil
}
