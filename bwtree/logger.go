package bwtree

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"slices"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// The logger is a task that writes batches to the log, in order, and is the only
// one that does. It is started when there is something to do and none runs.
const (
	loggerIdle = iota
	loggerRuns
	loggerAgain
)

// kick makes the logger look for work after this call.
func (s *Store) kick() {
	for {
		state := s.logger.Load()
		step.At("kick the logger")
		switch state {
		case loggerIdle:
			if s.logger.CompareAndSwap(loggerIdle, loggerRuns) {
				s.opt.Executor.Go("log", s.logTask)
				return
			}
		case loggerRuns:
			if s.logger.CompareAndSwap(loggerRuns, loggerAgain) {
				return
			}
		default:
			return
		}
	}
}

func (s *Store) logTask() {
	for {
		for s.logRound() {
		}
		step.At("end the logger")
		if s.logger.CompareAndSwap(loggerRuns, loggerIdle) {
			break
		}
		s.logger.Store(loggerRuns)
	}
	s.wake()
}

// request asks the logger for something that only it can do.
type request struct {
	cut  bool   // begin a segment, and make what is before durable
	upTo *write // the last one that it is about
	done bool
	err  error
	// Of a cut:
	seq     kv.Seq // newest number before it
	segment uint64
}

// ask has the logger do what is requested: make all batches so far durable.
func (s *Store) ask(r *request) error {
	s.mu.Lock()
	r.upTo = s.queue.last()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	s.kick()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !r.done {
		s.moved.Wait()
	}
	return r.err
}

// takeRequests returns the requests about batches that are all appended.
func (s *Store) takeRequests() (list []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.requests) > 0 && s.requests[0].upTo.seq <= s.last.seq {
		list, s.requests = append(list, s.requests[0]), s.requests[1:]
	}
	return list
}

// logRound writes one group of batches. It reports whether there was one.
func (s *Store) logRound() bool {
	s.gatherMore()
	before := s.last
	group, err := s.gather()
	requests := s.takeRequests()
	if s.last == before && len(group) == 0 && len(requests) == 0 {
		return false
	}
	cut := slices.ContainsFunc(requests, func(r *request) bool { return r.cut })
	if err == nil && len(group) > 0 {
		err = s.log.Wait(group[len(group)-1].ticket, levelOf(group))
	}
	if err := s.settle(group, err); err != nil {
		s.answer(requests, err, 0)
		return true
	}
	s.publish()
	if len(requests) > 0 {
		segment, err := s.secure(cut)
		s.answer(requests, err, segment)
	}
	s.wake()
	s.checkpointIfLong()
	return true
}

// gatherMore lets tasks go first that were just told that their batches are
// durable: as long as they come again, the group grows that one sync pays for.
func (s *Store) gatherMore() {
	const rounds = 3
	for range rounds {
		before := s.queue.last()
		runtime.Gosched()
		if s.queue.last() == before {
			return
		}
	}
}

// maxGroup is about how many bytes of batches are written together.
const maxGroup = 1 << 20

// gather appends the batches that come next, those that were accepted, to the log.
func (s *Store) gather() (group []*write, err error) {
	for bytes := 0; bytes < maxGroup && err == nil; {
		w := s.last.next.Load()
		if w == nil {
			break
		}
		s.decide(w)
		s.last = w
		s.backlog.Add(-int64(len(w.encoding)))
		if w.outcome.Load() != accepted || w.unlogged {
			continue
		}
		err = s.append(w)
		bytes += len(w.encoding)
		group = append(group, w)
	}
	return group, err
}

// pieceBytes is how much of a batch is one record of the log at most.
const pieceBytes = 256 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append appends a batch, in pieces if it is large.
func (s *Store) append(w *write) (err error) {
	s.logBytes.Add(int64(len(w.encoding)))
	var head [64]byte
	if len(w.encoding) <= pieceBytes {
		w.ticket, err = s.log.AppendParts(commit.BatchRecord(head[:0], w.seq), w.encoding)
		return err
	}
	s.pieces++
	for part := range slices.Chunk(w.encoding, pieceBytes) {
		t, err := s.log.AppendParts(commit.PieceRecord(head[:0], s.pieces), part)
		if err == nil {
			err = s.log.Wait(t, journal.Process) // which bounds the buffer
		}
		if err != nil {
			return err
		}
	}
	sum := crc32.Checksum(w.encoding, castagnoli)
	record := commit.CommitRecord(head[:0], w.seq, s.pieces, len(w.encoding))
	w.ticket, err = s.log.Append(binary.LittleEndian.AppendUint32(record, sum))
	return err
}

// levelOf returns the strongest durability that one of a group asks for.
func levelOf(group []*write) journal.Level {
	level := journal.Process
	for _, w := range group {
		switch w.level {
		case kv.Sync:
			return journal.Synced
		case kv.Buffered:
			level = journal.Buffered
		}
	}
	return level
}

// settle says what became of a group that was appended, or of which writing failed
// with err. A full disk takes away those at its end; the error is another one.
func (s *Store) settle(group []*write, err error) error {
	full := false
	for err != nil {
		if !errors.Is(err, kv.ErrNoSpace) || errors.Is(err, journal.ErrUnknownOutcome) {
			return s.giveUp(group, commit.MapError(err))
		}
		full = true
		n := len(group)
		for n > 0 && lostTicket(group[n-1].ticket) {
			n--
			s.refuse(group[n])
		}
		group, err = group[:n], nil
		if n > 0 {
			err = s.log.Wait(group[n-1].ticket, levelOf(group))
		}
	}
	for _, w := range group {
		step.At("say that it is logged")
		w.phase.CompareAndSwap(waiting, logged)
		s.lastLogged.Store(uint64(w.seq))
		if w.level == kv.Process {
			s.soft = w.ticket
		}
	}
	if full {
		s.noteHole()
		if err := s.log.Resume(); err != nil {
			return s.giveUp(nil, commit.MapError(err))
		}
	}
	return nil
}

// lostTicket reports whether a record will never be read.
func lostTicket(t journal.Ticket) bool { return t == (journal.Ticket{}) || t.Failed() != nil }

// refuse says that the record of a batch will never be read. One that asked for no
// durability is, or will be, visible in spite of it.
func (s *Store) refuse(w *write) {
	if w.level == kv.Process {
		s.hole.make()
	}
	step.At("refuse")
	w.phase.CompareAndSwap(waiting, refused)
}

// noteHole notes if records of earlier batches that are visible were lost.
func (s *Store) noteHole() {
	if s.soft != (journal.Ticket{}) && s.soft.Failed() != nil {
		s.soft = journal.Ticket{}
		s.hole.make()
	}
}

// giveUp takes no more writes: nobody knows what of a group is on disk.
func (s *Store) giveUp(group []*write, err error) error {
	s.fail(err)
	for _, w := range group {
		step.At("give up")
		w.phase.CompareAndSwap(waiting, failed)
	}
	return err
}

// fail takes no more writes until the store is opened again, because of err.
func (s *Store) fail(err error) {
	step.At("fail")
	if s.failure.CompareAndSwap(nil, &err) {
		s.opt.Logger.Error("varve: the disk failed; no more writes are taken", "dir", s.opt.Dir, "err", err)
		s.wake()
	}
}

// secure makes all that was appended durable, behind a cut if one is wanted, and
// returns the first segment after the cut.
func (s *Store) secure(cut bool) (segment uint64, err error) {
	if cut {
		if segment, err = s.log.Rotate(); err == nil {
			_, err = s.log.Append(commit.CutRecord(s.last.seq))
		}
		if err == nil && s.hole.open() {
			_, err = s.log.Append(commit.GapRecord(s.last.seq))
		}
	}
	if err == nil {
		err = s.log.Sync()
	}
	if err == nil || !errors.Is(err, kv.ErrNoSpace) || errors.Is(err, journal.ErrUnknownOutcome) {
		if err != nil {
			err = s.giveUp(nil, commit.MapError(err))
		}
		return segment, err
	}
	s.noteHole()
	if again := s.log.Resume(); again != nil {
		return segment, s.giveUp(nil, commit.MapError(again))
	}
	return segment, commit.MapError(err)
}

// answer tells those who asked.
func (s *Store) answer(list []*request, err error, segment uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range list {
		r.err, r.seq, r.segment, r.done = err, s.last.seq, segment, true
	}
	s.moved.Broadcast()
}

// Sync implements kv.Syncer: all that was visible before the call is durable when it
// returns. kv.ErrUnknownOutcome is that nobody knows, and ends writing.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return s.sync()
}

func (s *Store) sync() error {
	if s.log == nil {
		return nil
	}
	for {
		if err := s.mendHole(); err != nil {
			return err
		}
		if failure := s.failure.Load(); failure != nil {
			return *failure
		}
		// Batches of others that the log dropped are their affair; visible ones
		// leave a hole to mend.
		err := s.ask(&request{})
		if err == nil && !s.hole.open() {
			return nil
		}
		if err != nil && !errors.Is(err, kv.ErrNoSpace) {
			return err
		}
	}
}

// mendHole makes a checkpoint if batches that are visible have been lost from the
// log, so that the log can go on.
func (s *Store) mendHole() error {
	if !s.hole.open() {
		return nil
	}
	return s.flush()
}
