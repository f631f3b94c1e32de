package lsm

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/internal/place"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
)

// Open opens a store, and makes it if there is none. A nil opt is a temporary
// store in memory. It reads the manifest and the log, and no table. Errors
// besides those of the file system: ErrLocked as a *kv.LockedError, ErrForeign,
// ErrNewerFormat, ErrNotExist, ErrExist, *kv.CorruptionError.
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
		s.readers.close()
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
		return nil, wrapDir("open", s.opt.Dir, err)
	}
	return s, nil
}

// openInMemory makes a store on a disk of its own, without a log.
func (s *Store) openInMemory() (err error) {
	s.manifest, err = createManifest(&s.opt, version.State{Version: &version.Version{}, NextFile: 1}, journal.Tail{})
	if err == nil {
		s.start(&recovered{seq: 1, active: s.newMem()})
	}
	return err
}

func (s *Store) open(ctx context.Context) error {
	if s.opt.ReadOnly {
		return s.openReadOnly(ctx)
	}
	lock, _, err := s.opt.place().Enter(ctx, s.opt.layout())
	if err != nil {
		return err
	}
	s.lock = lock
	return s.recover()
}

// layout is how the engine knows its files.
func (o *Options) layout() *place.Layout {
	return &place.Layout{
		Root: manifestPrefix + "*",
		Found: func(names []string) (found bool, err error) {
			if slices.ContainsFunc(names, isManifest) {
				_, _, found, err = readManifest(o)
			}
			return found, err
		},
		Begun: isManifest,
		Part:  ours,
	}
}

// recovered is what manifest and log hold.
type recovered struct {
	state  version.State
	seq    kv.Seq // of the newest batch
	active *mem   // what is in the log and in no table
	frozen []*mem // newest first
	tail   journal.Tail
	pieces uint64
}

// recover reads the store, or makes it, and starts a new segment of the manifest
// and of the log.
func (s *Store) recover() error {
	state, tail, found, err := readManifest(&s.opt)
	if err != nil {
		return err
	}
	if !found {
		state = version.State{Version: &version.Version{}, NextFile: 1, FirstLog: 1}
	}
	r, err := s.replay(state)
	if err != nil {
		return err
	}
	if r.tail.Torn != nil {
		s.opt.Logger.Warn("varve: the last write before an unclean end was cut off", "dir", s.opt.Dir, "tail", *r.tail.Torn)
	}
	if err := s.shortenLog(r); err != nil {
		return err
	}
	if found && !state.Clean {
		// Writes that were visible but not durable are gone; their numbers
		// must not come back.
		r.seq += seqGap
	}
	// The end stays what was known: what was read beyond it may not be durable
	// until the new segment is there.
	r.state.Clean = false
	if s.manifest, err = createManifest(&s.opt, r.state, tail); err != nil {
		return err
	}
	if err := s.begin(r); err != nil {
		return errors.Join(err, s.manifest.close())
	}
	return nil
}

// seqGap is more operations than can be lost in a crash.
const seqGap = 1 << 32

// begin starts the log and the store. What was left by an interrupted opening,
// flush or compaction goes.
func (s *Store) begin(r *recovered) error {
	if err := s.manifest.trim(); err != nil {
		return err
	}
	if err := s.removeOrphans(r.state.Version); err != nil {
		return err
	}
	log, err := journal.Create(s.opt.journal(), r.tail)
	if err != nil {
		return commit.MapError(err)
	}
	if err := s.markStart(log, r); err != nil {
		_, closed := log.Close()
		return errors.Join(err, closed)
	}
	s.log = log
	s.start(r)
	return nil
}

// markStart makes the new segment durable, with a record, and then says in the
// manifest that it is there, and that no other is needed if all they hold is in
// tables.
func (s *Store) markStart(log *journal.Writer, r *recovered) error {
	if _, err := log.Append(commit.CutRecord(r.seq)); err != nil {
		return commit.MapError(err)
	}
	if err := log.Sync(); err != nil {
		return commit.MapError(err)
	}
	segment := log.Stats().Segment
	e := &version.Edit{LogEnd: &version.LogEnd{Segment: segment}}
	if r.active.empty() {
		e.FirstLog, e.LastSeq = &segment, &r.seq
	}
	if err := s.manifest.add(e); err != nil || e.FirstLog == nil {
		return err
	}
	// If it fails the segments go with the next ones.
	if err := log.Release(segment); err != nil {
		s.opt.Logger.Warn("varve: a segment of the log could not be released", "err", err)
	}
	return nil
}

// start makes r the content of the store.
func (s *Store) start(r *recovered) {
	s.active = r.active
	v := r.state.Version
	if v == nil {
		v = &version.Version{}
	}
	s.nextFile = max(r.state.NextFile, 1)
	t := &tables{Version: v, pins: 1}
	s.versions = append(s.versions, t)
	s.current.Store(&state{active: r.active, frozen: r.frozen, tables: t})
	s.visible.Store(uint64(r.seq))
	s.commits.Start(r.seq, s.log, r.pieces)
	if !s.opt.ReadOnly {
		s.schedule()
	}
}

func (o *Options) journal() journal.Options {
	return journal.Options{FS: o.FS, Executor: o.Executor, Dir: o.Dir, SegmentSize: o.SegmentBytes, Retain: max(0, o.LogRetention)}
}

// removeOrphans removes the tables that are not in v.
func (s *Store) removeOrphans(v *version.Version) error {
	names, err := s.opt.FS.List(s.opt.Dir)
	if err != nil {
		return err
	}
	live := make(map[uint64]bool)
	for _, files := range v.Levels {
		for _, f := range files {
			live[f.Number] = true
		}
	}
	for _, name := range names {
		if n, ok := tableNumber(name); ok && !live[n] {
			if err := place.Remove(s.opt.FS, path.Join(s.opt.Dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
