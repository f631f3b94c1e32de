package models

import "github.com/varvedb/varve/models/internal/explore"

// The protocol of the log store. A buffer has a word: bytes reserved, writers
// that have not completed, sealed. A writer reserves by compare-and-swap on the
// word, fills its place and completes, or aborts, by taking itself off the word.
// A buffer without room is sealed by whoever wants room; then the next one is
// installed. The flusher seals the buffer that it wants to write, and writes a
// sealed one when no writer is left in it, buffers in order.

// LogBug is a mistake that the log model can be told to make.
type LogBug int

// The mistakes.
const (
	NoLogBug LogBug = iota
	// WriteEarly lets the flusher write a sealed buffer with writers in it.
	WriteEarly
)

const (
	logWriters = 3 // the last one aborts; the next process is the flusher
	logRoom    = 2 // records in a buffer
	logBuffers = 5
)

// logBuffer is a buffer. Places hold 0, the writer's number+1, or aborted.
type logBuffer struct {
	reserved, writers uint8
	sealed            bool
	places            [logRoom]uint8
}

const aborted = 9

// logStep is where a writer is.
type logStep uint8

const (
	atLoadBuffer logStep = iota
	atReserve
	atInstall
	atFill
	atComplete
	atAwait
	atLogDone
)

type logProcess struct {
	at     logStep
	buffer uint8
	place  uint8
}

// logState is the shared memory, the disk and the processes.
type logState struct {
	buffers [logBuffers]logBuffer
	current uint8
	written uint8 // buffers that are on disk and stable
	hole    bool  // a place without content was written
	broken  bool  // a record was stable that is not on disk
	procs   [logWriters]logProcess
}

// Log returns the model of the log store.
func Log(bug LogBug) explore.Model[logState] {
	return explore.Model[logState]{
		Processes: logWriters + 1,
		Next: func(s logState, p int, step func(string, logState)) {
			if p == logWriters {
				s.flush(bug, step)
			} else {
				s.write(p, step)
			}
		},
		Finished: func(s logState, p int) bool {
			return p == logWriters || s.procs[p].at == atLogDone
		},
		Wrong: func(s logState) string {
			switch {
			case s.hole:
				return "a place was written before it was filled"
			case s.broken:
				return "a record is stable and not on disk"
			}
			return ""
		},
	}
}

// write is what a writer does.
func (s logState) write(n int, step func(string, logState)) {
	p := &s.procs[n]
	b := &s.buffers[p.buffer]
	switch p.at {
	case atLoadBuffer:
		p.buffer, p.at = s.current, atReserve
		step("load the buffer", s)
	case atReserve:
		switch {
		case b.sealed:
			p.at = atInstall
			step("meet a sealed buffer", s)
		case b.reserved == logRoom:
			b.sealed = true
			p.at = atInstall
			step("seal", s)
		default:
			p.place = b.reserved
			b.reserved++
			b.writers++
			p.at = atFill
			step("reserve", s)
		}
	case atInstall:
		s.install(p.buffer)
		p.at = atLoadBuffer
		step("install the next buffer", s)
	case atFill:
		b.places[p.place] = uint8(n) + 1
		if n == logWriters-1 {
			b.places[p.place] = aborted
		}
		p.at = atComplete
		step("fill", s)
	case atComplete:
		b.writers--
		p.at = atAwait
		step("complete", s)
	case atAwait:
		if s.written > p.buffer {
			p.at = atLogDone
			s.broken = s.broken || b.places[p.place] == 0
			step("learn that it is stable", s)
		}
	}
}

// install makes the buffer after b the current one.
func (s *logState) install(b uint8) {
	if s.current == b {
		s.current++
	}
}

// flush is what the flusher does.
func (s logState) flush(bug LogBug, step func(string, logState)) {
	b := &s.buffers[s.written]
	switch {
	case !b.sealed && b.reserved > 0:
		b.sealed = true
		s.install(s.written)
		step("seal", s)
	case b.sealed && s.current == s.written:
		s.install(s.written)
		step("install the next buffer", s)
	case b.sealed && (b.writers == 0 || bug == WriteEarly):
		for _, place := range b.places[:b.reserved] {
			s.hole = s.hole || place == 0
		}
		s.written++
		step("write", s)
	}
}
