package lsm

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/version"
)

// replay reads the log into memtables. When these outgrow their bound they are
// written to tables of level 0, which are in the state that is returned but not
// yet in the manifest.
func (s *Store) replay(state version.State) (*recovered, error) {
	r := &recovered{state: state, seq: max(state.LastSeq, 1), active: s.newMem()}
	replay := commit.Replay{Apply: func(first kv.Seq, b *kv.Batch) error { return s.replayBatch(r, first, b) }}
	var err error
	r.tail, err = s.readLog(&state, &replay)
	r.seq, r.pieces = max(r.seq, replay.Seq), replay.Pieces
	return r, err
}

// readLog reads the log from where state says.
func (s *Store) readLog(state *version.State, replay *commit.Replay) (journal.Tail, error) {
	var expect *journal.End
	if state.Clean && state.LogEnd != nil {
		end := journal.End(*state.LogEnd)
		expect = &end
	}
	tail, err := journal.Read(s.opt.journal(), state.FirstLog, expect, func(rec journal.Record) error {
		if err := replay.Record(rec.Data); err != nil {
			return &kv.CorruptionError{File: segmentName(s.opt.Dir, "", rec.Segment), Offset: rec.Offset, What: err.Error()}
		}
		return nil
	})
	if err == nil {
		err = s.checkEnd(state.LogEnd, tail.End)
	}
	return tail, commit.MapError(err)
}

// scanLog reads the log and returns the number of the newest batch on disk.
func (s *Store) scanLog(state version.State) (last kv.Seq, err error) {
	last = state.LastSeq
	_, err = s.readLog(&state, &commit.Replay{Apply: func(first kv.Seq, b *kv.Batch) error {
		last = max(last, first+kv.Seq(max(b.Len(), 1))-1)
		return nil
	}})
	return last, err
}

// checkEnd compares the end of the log with what the manifest knows of it.
func (s *Store) checkEnd(least *version.LogEnd, end journal.End) error {
	if least == nil || end.Segment > least.Segment || end.Segment == least.Segment && end.Length >= least.Length {
		return nil
	}
	return &kv.CorruptionError{File: segmentName(s.opt.Dir, "", least.Segment), Offset: -1,
		What: fmt.Sprintf("the log ends in segment %d at %d, it once ended in segment %d at %d", end.Segment, end.Length, least.Segment, least.Length)}
}

func (s *Store) replayBatch(r *recovered, first kv.Seq, b *kv.Batch) error {
	last := first + kv.Seq(max(b.Len(), 1)) - 1
	if last <= r.state.LastSeq {
		return nil // it is in a table
	}
	if first <= r.seq {
		return fmt.Errorf("batch from %d on after state %d", first, r.seq)
	}
	r.seq = last
	r.active.add(first, b)
	r.active.staged += stagedSize(b)
	if r.active.staged < s.opt.WriteBuffer || s.opt.ReadOnly {
		return nil
	}
	return s.spillReplayed(r)
}

// manySegments is how long the log may grow by openings alone, each of which
// starts a segment.
const manySegments = 16

// shortenLog moves what was replayed to a table if it came from many segments.
func (s *Store) shortenLog(r *recovered) error {
	if r.active.empty() || r.tail.Segment < r.state.FirstLog+manySegments {
		return nil
	}
	return s.spillReplayed(r)
}

// spillReplayed writes the memtable to tables, unless the disk is full.
func (s *Store) spillReplayed(r *recovered) error {
	files, err := s.writeMem(r.active, numbersFrom(max(r.state.NextFile, 1)), []kv.Seq{r.seq}, r.state.Version, nil)
	if errors.Is(err, kv.ErrNoSpace) {
		return nil
	}
	if err != nil {
		return err
	}
	r.active = s.newMem()
	return addToLevelZero(&r.state, files)
}
