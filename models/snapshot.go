package models

import "github.com/varvedb/varve/models/internal/explore"

// The protocol of snapshots and consolidation. A writer adds a version of the key
// and then moves the published number. A snapshot registers in a slot that says
// "pending", which holds everything, then reads the number, then writes it into
// its slot. A consolidation fixes its cut, the published number, before it reads
// the slots; it keeps what is newer than the cut, the newest version up to the
// cut, and the newest up to each number that it found. With one slot pending it
// drops nothing.

// SnapshotBug is a mistake that the snapshot model can be told to make.
type SnapshotBug int

// The mistakes.
const (
	NoSnapshotBug SnapshotBug = iota
	// CutLate reads the slots before it fixes the cut.
	CutLate
	// RegisterLate reads the number before it registers.
	RegisterLate
)

const (
	snapshotVersions = 4 // numbers 1 to 4; 1 is there at the start
	snapshotReaders  = 2
	consolidations   = 2
	free             = 0
	pending          = 9
)

// The processes: readers, then the writer, then the consolidation.
const (
	snapshotWriter = snapshotReaders
	snapshotCutter = snapshotReaders + 1
)

type snapshotReader struct {
	at, number uint8
}

// snapshotState is the shared memory and the processes.
type snapshotState struct {
	published uint8
	versions  uint8 // set of numbers
	slots     [snapshotReaders]uint8
	readers   [snapshotReaders]snapshotReader
	written   uint8 // newest version that was added
	cutter    struct {
		at, round, cut, slot uint8
		found                uint8 // set of numbers
		held                 bool  // a slot was pending
	}
	wrong bool
}

// Snapshot returns the model of snapshots and consolidation.
func Snapshot(bug SnapshotBug) explore.Model[snapshotState] {
	start := snapshotState{published: 1, versions: 1 << 1, written: 1}
	return explore.Model[snapshotState]{
		Start:     start,
		Processes: snapshotReaders + 2,
		Next: func(s snapshotState, p int, step func(string, snapshotState)) {
			switch p {
			case snapshotWriter:
				s.writeVersion(step)
			case snapshotCutter:
				s.consolidate(bug, step)
			default:
				s.take(bug, p, step)
			}
		},
		Finished: func(s snapshotState, p int) bool {
			switch p {
			case snapshotWriter:
				return s.published == snapshotVersions
			case snapshotCutter:
				return s.cutter.round == consolidations
			}
			return s.readers[p].at == 5
		},
		Wrong: func(s snapshotState) string {
			if s.wrong {
				return "a snapshot does not find its version"
			}
			return ""
		},
		Parkable: []int{0, 1, snapshotWriter, snapshotCutter},
	}
}

func (s snapshotState) writeVersion(step func(string, snapshotState)) {
	switch {
	case s.written == s.published && s.written < snapshotVersions:
		s.written++
		s.versions |= 1 << s.written
		step("add a version", s)
	case s.written > s.published:
		s.published = s.written
		step("publish", s)
	}
}

// take is what a reader does: it takes a snapshot, reads and releases it.
func (s snapshotState) take(bug SnapshotBug, n int, step func(string, snapshotState)) {
	r := &s.readers[n]
	at := r.at
	if bug == RegisterLate && at < 2 {
		at = 1 - at
	}
	switch at {
	case 0:
		s.slots[n] = pending
		r.at++
		step("register", s)
	case 1:
		r.number = s.published
		r.at++
		step("read the number", s)
	case 2:
		s.slots[n] = r.number
		r.at++
		step("say which", s)
	case 3:
		s.wrong = newestUpTo(s.versions, r.number) != r.number
		r.at++
		step("read", s)
	case 4:
		s.slots[n] = free
		r.at++
		step("release", s)
	}
}

// consolidate drops versions, a few times.
func (s snapshotState) consolidate(bug SnapshotBug, step func(string, snapshotState)) {
	c := &s.cutter
	if c.round == consolidations {
		return
	}
	at := c.at
	if bug == CutLate && at < 2 {
		at = 1 - at
	}
	switch at {
	case 0:
		c.cut = s.published
		c.at++
		step("fix the cut", s)
	case 1:
		number := s.slots[c.slot]
		c.held = c.held || number == pending
		if number != pending && number != free {
			c.found |= 1 << number
		}
		if c.slot++; c.slot == snapshotReaders {
			c.at, c.slot = c.at+1, 0
		}
		step("read a slot", s)
	case 2:
		if !c.held {
			s.versions = keep(s.versions, c.cut, c.found)
		}
		c.round++
		c.at, c.found, c.cut, c.held = 0, 0, 0, false
		step("drop", s)
	}
}

// keep returns the versions that a consolidation leaves.
func keep(versions, cut, found uint8) uint8 {
	kept := versions &^ (1<<(cut+1) - 1)
	kept |= 1 << newestUpTo(versions, cut)
	for n := range uint8(snapshotVersions + 1) {
		if found&(1<<n) != 0 {
			kept |= 1 << newestUpTo(versions, n)
		}
	}
	return kept & versions
}

// newestUpTo returns the highest number of the set up to n, 0 for none.
func newestUpTo(versions, n uint8) uint8 {
	for ; n > 0; n-- {
		if versions&(1<<n) != 0 {
			return n
		}
	}
	return 0
}
