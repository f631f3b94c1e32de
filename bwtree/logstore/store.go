package logstore

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/varvedb/varve/bwtree/internal/step"
	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// Store is an open log. All methods may be called concurrently, by tasks of the
// executor in the options.
type Store struct {
	opt Options

	current atomic.Pointer[buffer] // takes reservations
	oldest  atomic.Pointer[buffer] // not written yet; only the flusher changes it
	stable  atomic.Uint64          // Addr: all below is durable
	wanted  atomic.Uint64          // Addr: what begins up to here is to be made stable
	flusher atomic.Uint32          // one of the states of flush.go
	closed  atomic.Bool
	failure atomic.Pointer[error] // why no more is taken

	files   files
	after   End           // where the log ended when it was opened
	writing segment       // of the flusher
	head    atomic.Uint32 // number of the last segment on disk

	mu     vfs.Mutex // guards what follows
	moved  vfs.Cond  // signals changes of stable, failure, stalls, flusher
	stalls uint64    // how often the disk was full
	stall  error     // the last time
	ended  bool      // Close is done
	endErr error

	checks sync.Pool // of *segfile.Checker

	records, writes, syncs, bytes, segments atomic.Int64
}

// Stats counts what a store did.
type Stats struct {
	Records  int64 // completed
	Writes   int64 // of buffers
	Syncs    int64 // of file data
	Bytes    int64 // written, with headers and padding
	Segments int64 // started
}

var errClosed = fmt.Errorf("logstore: %w", vfs.ErrClosed)

// Open continues the log that ends at after, as Scan returned it; the zero Tail
// starts a log. What Scan found is made durable first. The next segment is started
// when something is written.
func Open(opt Options, after Tail) (*Store, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{opt: opt, mu: opt.Executor.NewMutex(), after: after.End}
	s.moved = opt.Executor.NewCond(s.mu)
	s.files.init(&s.opt)
	s.checks.New = func() any { return new(segfile.Checker) }
	s.writing = segment{number: after.Segment, end: after.Length, finished: true}
	next := &buffer{segment: max(after.Next, 1), start: headerSize}
	next.data = make([]byte, min(int64(opt.BufferSize), opt.SegmentSize-headerSize-endSize))
	s.current.Store(next)
	s.oldest.Store(next)
	s.stable.Store(uint64(next.begin()))
	s.head.Store(after.Segment)
	if opt.ReadOnly {
		return s, s.openAll()
	}
	if after.Segment == 0 || after.Clean {
		return s, nil
	}
	if err := s.secure(after); err != nil {
		return nil, fmt.Errorf("make the last segment durable: %w", err)
	}
	return s, nil
}

// refuse returns why no reservation is taken.
func (s *Store) refuse() error {
	if failure := s.failure.Load(); failure != nil {
		return *failure
	}
	switch {
	case s.closed.Load():
		return errClosed
	case s.opt.ReadOnly:
		return fmt.Errorf("logstore: %w", vfs.ErrReadOnly)
	}
	return nil
}

// Stable returns the address below which everything is durable.
func (s *Store) Stable() Addr { return Addr(s.stable.Load()) }

// Stats returns what was counted so far.
func (s *Store) Stats() Stats {
	return Stats{Records: s.records.Load(), Writes: s.writes.Load(), Syncs: s.syncs.Load(),
		Bytes: s.bytes.Load(), Segments: s.segments.Load()}
}

// MakeStable returns when the record that begins at addr, and all before it, are
// on stable storage. It waits for reservations before it to be completed. The
// error is vfs.ErrNoSpace if the disk was full: nothing is lost, and another call
// tries again. It is ErrUnknownOutcome if a write or a sync failed.
func (s *Store) MakeStable(addr Addr) error {
	s.want(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	stalls := s.stalls
	if !s.ended {
		s.kick()
	}
	for s.Stable() <= addr {
		switch failure := s.failure.Load(); {
		case failure != nil:
			return *failure
		case s.stalls != stalls:
			return s.stall
		case s.ended:
			return errClosed
		}
		s.moved.Wait()
	}
	return nil
}

// want raises what the flusher makes stable.
func (s *Store) want(addr Addr) {
	for {
		old := s.wanted.Load()
		step.At("want")
		if old >= uint64(addr) || s.wanted.CompareAndSwap(old, uint64(addr)) {
			return
		}
	}
}

// Sync makes all records that are complete stable.
func (s *Store) Sync() error {
	b := s.current.Load()
	if end := b.begin() + Addr(reserved(b.word.Load())); end > s.Stable() {
		return s.MakeStable(end - 1)
	}
	return nil
}

// Close makes all records stable, marks the end of the log and releases the
// files. It waits for reservations to end. Later calls return the same. After an
// error the log was not closed.
func (s *Store) Close() error {
	step.At("begin to close")
	first := s.closed.CompareAndSwap(false, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !first && !s.ended {
		s.moved.Wait()
	}
	if !first {
		return s.endErr
	}
	s.mu.Unlock()
	err := s.Sync()
	s.mu.Lock()
	for s.flusher.Load() != flusherIdle {
		s.moved.Wait()
	}
	s.mu.Unlock()
	if err == nil {
		err = s.writing.close(s)
	}
	s.files.close()
	s.mu.Lock()
	s.ended, s.endErr = true, err
	s.moved.Broadcast()
	return err
}
