package lsm

import (
	"time"

	"github.com/varvedb/varve/lsm/internal/version"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventFlush      EventKind = "flush"      // a memtable was written to a table, or that failed
	EventCompaction EventKind = "compaction" // tables were merged or moved, or that failed
	EventStall      EventKind = "stall"      // a writer had to wait for background work
)

// Event is something that a store did beside answering calls.
type Event struct {
	Kind   EventKind
	Begin  time.Time
	Took   time.Duration
	Reason string // why a compaction was picked
	// Level is the one that was written; 0 for a flush, parts of which may be
	// put deeper.
	Level int
	// Tables and bytes that were read and written. A flush reads none. Tables
	// that are moved are both, and no bytes are.
	TablesIn, TablesOut int
	BytesIn, BytesOut   int64
	Err                 error // nil if it went well
}

// tell times an event and gives it to the listener.
func (s *Store) tell(e Event) {
	e.Took = s.opt.Executor.Now().Sub(e.Begin)
	switch e.Kind {
	case EventFlush:
		s.flushTime.Record(e.Took)
	case EventCompaction:
		s.compactTime.Record(e.Took)
	}
	if s.opt.OnEvent != nil {
		s.opt.OnEvent(e)
	}
}

func (s *Store) tellFlush(begin time.Time, files []*version.File, err error) {
	e := Event{Kind: EventFlush, Begin: begin, Err: err, TablesOut: len(files)}
	for _, f := range files {
		e.BytesOut += f.Size
	}
	s.tell(e)
}

func (s *Store) tellCompaction(begin time.Time, c *version.Compaction, files []*version.File, err error) {
	e := Event{Kind: EventCompaction, Begin: begin, Reason: c.Reason.String(), Level: c.Output, Err: err, TablesOut: len(files)}
	for _, in := range c.Inputs {
		e.TablesIn += len(in.Files)
	}
	if c.Trivial {
		e.TablesOut = e.TablesIn
		s.tell(e)
		return
	}
	e.BytesIn = c.Size()
	for _, f := range files {
		e.BytesOut += f.Size
	}
	s.tell(e)
}
