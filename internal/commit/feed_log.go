package commit

import (
	"context"
	"errors"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// logSource reads batches from the log.
type logSource struct {
	log    *journal.Writer
	follow *journal.Follower
	after  kv.Seq // what is to be told is newer
	replay Replay
	f      func(told) // of the running next
}

// newLogSource returns a source that begins where the log can be read from and
// has all after the state: at the newest segment that was begun at a cut with a
// state not above.
func newLogSource(log *journal.Writer, after kv.Seq) (*logSource, error) {
	segments, err := log.Segments()
	if err != nil {
		return nil, err
	}
	for i := len(segments) - 1; i >= 0; i-- {
		seq, ok, err := cutOf(log, segments[i])
		if errors.Is(err, journal.ErrReleased) {
			break
		}
		if err != nil {
			return nil, err
		}
		if ok && seq <= after {
			s := &logSource{log: log, follow: log.Follow(segments[i]), after: after}
			s.replay.Apply = s.batch
			return s, nil
		}
	}
	return nil, kv.ErrCompacted
}

// cutOf returns the state at which a segment was begun, if it was at a cut.
func cutOf(log *journal.Writer, segment uint64) (seq kv.Seq, ok bool, err error) {
	f := log.Follow(segment)
	defer f.Close()
	_, err = f.Next(func(rec journal.Record) error {
		if rec.Segment == segment {
			seq, ok = parseCut(rec.Data)
		}
		return errFirst
	})
	if errors.Is(err, errFirst) {
		err = nil
	}
	return seq, ok, err
}

// errFirst ends the reading after the first record.
var errFirst = errors.New("the first record was read")

func (s *logSource) next(f func(told)) (bool, error) {
	s.f = f
	return s.follow.Next(func(rec journal.Record) error {
		if err := s.replay.Record(rec.Data); err != nil {
			return &kv.CorruptionError{File: s.log.SegmentFile(rec.Segment), Offset: rec.Offset, What: err.Error()}
		}
		if s.replay.Gap > s.after {
			return kv.ErrCompacted
		}
		return nil
	})
}

// batch passes a copy of a batch on.
func (s *logSource) batch(_ kv.Seq, b *kv.Batch) error {
	kept := new(kv.Batch)
	kept.Append(b)
	s.f(told{seq: s.replay.Seq, batch: kept})
	return nil
}

func (s *logSource) wait(ctx context.Context) error { return s.follow.Wait(ctx) }

func (s *logSource) close() error { return s.follow.Close() }

// VerifyRetained reads the segments before one, which are kept for feeds alone.
func (p *Pipeline) VerifyRetained(before uint64) error {
	if p.log == nil {
		return nil
	}
	return VerifyRetained(p.log, before)
}

// VerifyRetained is that of Pipeline for another log.
func VerifyRetained(log *journal.Writer, before uint64) error {
	segments, err := log.Segments()
	if err != nil || len(segments) == 0 || segments[0] >= before {
		return err
	}
	f := log.Follow(segments[0])
	defer f.Close()
	for ok := true; ok && err == nil; {
		ok, err = f.Next(func(rec journal.Record) error {
			if rec.Segment >= before {
				return errFirst
			}
			return nil
		})
	}
	if errors.Is(err, errFirst) || errors.Is(err, journal.ErrReleased) {
		return nil
	}
	return MapError(err)
}
