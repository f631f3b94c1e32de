package ref

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// write is a batch that is ordered but not yet visible.
type write struct {
	st     *state
	ticket journal.Ticket
	// level is what the ticket must reach before the write may be seen: the
	// strongest that it or a write before it asked for, since writes become
	// visible in order.
	level  journal.Level
	waits  bool // for the ticket, its own or that of the write before
	logged bool
}

// Apply implements kv.Store.
func (s *Store) Apply(ctx context.Context, b *kv.Batch, opt kv.WriteOptions) (kv.Seq, error) {
	if err := b.Err(); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	if err := s.mendHole(); err != nil {
		return 0, err
	}
	sp, err := s.spill(b)
	if err != nil {
		return 0, err
	}
	w, err := s.order(b, opt, sp)
	if err != nil {
		return 0, s.awaitWinner(err)
	}
	if err := s.finish(w); err != nil {
		return 0, err
	}
	s.batches.Add(1)
	s.bytesIn.Add(int64(b.Size()))
	return w.st.seq, nil
}

// order is the critical section: it checks the conditions and gives the batch
// its place.
func (s *Store) order(b *kv.Batch, opt kv.WriteOptions, sp *spilled) (*write, error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	if sp != nil {
		defer s.endSpill()
	}
	if err := s.writable(); err != nil {
		return nil, err
	}
	if err := s.check(opt.If); err != nil {
		s.conflicts.Add(1)
		return nil, err
	}
	w := &write{st: s.tip.apply(b, s.nextSeq, s.opt.Mergers), level: level(opt.Durability)}
	if err := s.append(w, b, sp); err != nil {
		return nil, err
	}
	s.nextSeq++
	s.tip = w.st
	s.pending = append(s.pending, w)
	s.resolver.Record(w.st.seq, b)
	return w, nil
}

func (s *Store) writable() error {
	switch {
	case s.opt.ReadOnly:
		return fmt.Errorf("%s was opened read-only: %w", s.opt.Dir, kv.ErrReadOnly)
	case s.failure != nil:
		return fmt.Errorf("no more writes until the store is opened again: %w: %w", kv.ErrReadOnly, s.failure)
	}
	return nil
}

func (s *Store) check(c *kv.Conditions) error {
	if c == nil {
		return nil
	}
	if err := s.resolver.Check(c); err != nil {
		return err
	}
	for _, want := range c.Equal {
		actual, ok, err := s.tip.equal(want, s.opt.Mergers)
		if err != nil {
			return err
		}
		if !ok {
			return &kv.ConflictError{Key: want.Key, Seq: s.tip.seq, Expected: true, Actual: actual}
		}
	}
	return nil
}

// append writes the record of a batch to the journal's buffer.
func (s *Store) append(w *write, b *kv.Batch, sp *spilled) (err error) {
	if n := len(s.pending); n > 0 {
		before := s.pending[n-1]
		w.ticket, w.waits = before.ticket, before.waits
		w.level = max(w.level, before.level)
	}
	if s.log == nil || s.isUnlogged(b) {
		return nil
	}
	var head [64]byte
	if sp != nil {
		if err := sp.failed(); err != nil {
			return mapJournal(err)
		}
		w.ticket, err = s.log.Append(sp.commitRecord(head[:0], w.st.seq))
	} else {
		w.ticket, err = s.log.AppendParts(appendHeader(head[:0], recordBatch, w.st.seq), b.Encoding())
	}
	w.waits, w.logged = true, true
	s.logBytes += int64(b.Size())
	return mapJournal(err)
}

// isUnlogged reports whether all keys of b are in keyspaces without log.
func (s *Store) isUnlogged(b *kv.Batch) bool {
	if len(s.unlogged) == 0 || b.Len() == 0 {
		return false
	}
	for op := range b.Ops() {
		if len(op.Key) < 8 || !s.unlogged[binary.BigEndian.Uint64(op.Key)] || !s.inKeyspace(op) {
			return false
		}
	}
	return true
}

func (s *Store) inKeyspace(op kv.Op) bool {
	if op.Kind != kv.OpDeleteRange {
		return true
	}
	end := kv.KeyspaceSpan(binary.BigEndian.Uint64(op.Key)).End
	return op.Span().End != nil && (end == nil || string(op.Span().End) <= string(end))
}

// finish waits for the durability of w and makes it visible.
func (s *Store) finish(w *write) error {
	if w.waits {
		if err := s.log.Wait(w.ticket, w.level); err != nil {
			return s.fail(err)
		}
	}
	s.publish(w)
	return nil
}

// publish makes the writes up to w visible.
func (s *Store) publish(w *write) {
	s.commit.Lock()
	defer s.commit.Unlock()
	n := 0
	for n < len(s.pending) && s.pending[n].st.seq <= w.st.seq {
		s.soften(s.pending[n])
		n++
	}
	if n == 0 {
		return // a later write took it along
	}
	s.visible.Store(s.pending[n-1].st)
	s.resolver.Publish(s.pending[n-1].st.seq)
	s.pending = slices.Delete(s.pending, 0, n)
	s.moved.Broadcast()
	s.flushIfLong()
}

// soften notes what of a visible write is on disk.
func (s *Store) soften(w *write) {
	switch {
	case s.log == nil:
	case w.logged:
		s.logged = w.st.seq
		if w.level == journal.Process {
			s.soft.ticket = w.ticket
		}
	default:
		s.soft.unlogged = true
	}
}

// fail takes back the writes that the journal has lost and returns err for the
// user. If the disk is only full the store goes on.
func (s *Store) fail(err error) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if !errors.Is(err, kv.ErrNoSpace) {
		if s.failure == nil {
			s.failure = mapJournal(err)
			s.opt.Logger.Error("varve: the log failed; no more writes are taken", "dir", s.opt.Dir, "err", err)
		}
		// The batches go back to their callers; no condition will be checked again.
		s.resolver.Discard(s.visible.Load().seq)
		s.moved.Broadcast()
		return mapJournal(err)
	}
	s.rollBack()
	return fmt.Errorf("nothing was changed: %w", mapJournal(err))
}

// rollBack drops the pending writes whose records were dropped.
func (s *Store) rollBack() {
	for n := len(s.pending); n > 0; n-- {
		if w := s.pending[n-1]; !w.waits || w.ticket.Failed() == nil {
			break
		}
		s.pending = s.pending[:n-1]
	}
	s.tip = s.visible.Load()
	if n := len(s.pending); n > 0 {
		s.tip = s.pending[n-1].st
	}
	s.resolver.Discard(s.tip.seq)
	if s.soft.failed() != nil {
		s.soft.ticket, s.soft.lost = journal.Ticket{}, true
	}
	if err := s.log.Resume(); err != nil {
		s.failure = mapJournal(err)
	}
	s.moved.Broadcast()
}

// mendHole writes a snapshot if visible writes have been lost from the log, so
// that the log can go on.
func (s *Store) mendHole() error {
	s.commit.Lock()
	hole := s.soft.lost
	s.commit.Unlock()
	if !hole {
		return nil
	}
	return s.flush()
}

// awaitWinner returns err when the write that caused the conflict is visible, so
// that the loser does not try again in vain.
func (s *Store) awaitWinner(err error) error {
	var conflict *kv.ConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	for s.visible.Load().seq < conflict.Seq && len(s.pending) > 0 && s.failure == nil {
		s.moved.Wait()
	}
	return err
}

// Records of the log begin with their kind. docs/format.md has the rest.
const (
	recordBatch  = 1 // uvarint seq, batch encoding
	recordChunk  = 2 // uvarint spill id, part of a batch encoding
	recordCommit = 3 // uvarint seq, spill id, length; crc32c of the encoding
	recordCut    = 4 // uvarint seq of the state before the segment that it opens
)

func appendHeader(dst []byte, kind byte, seq kv.Seq) []byte {
	return binary.AppendUvarint(append(dst, kind), uint64(seq))
}

func level(d kv.Durability) journal.Level {
	switch d {
	case kv.Process:
		return journal.Process
	case kv.Buffered:
		return journal.Buffered
	}
	return journal.Synced
}

// mapJournal gives an error of the journal the names of package kv.
func mapJournal(err error) error {
	if errors.Is(err, journal.ErrUnknownOutcome) && !errors.Is(err, kv.ErrUnknownOutcome) {
		return fmt.Errorf("%w: %w", kv.ErrUnknownOutcome, err)
	}
	if errors.Is(err, journal.ErrNewerFormat) && !errors.Is(err, kv.ErrNewerFormat) {
		return fmt.Errorf("%w: %w", kv.ErrNewerFormat, err)
	}
	return err
}
