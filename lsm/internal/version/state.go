package version

import (
	"fmt"

	"github.com/varvedb/varve/kv"
)

// State is what the records of a manifest say together. The zero State is that of
// an empty manifest.
type State struct {
	Version  *Version // nil is empty
	FirstLog uint64   // first segment of the log that has to be read
	NextFile uint64   // above all numbers of files
	LastSeq  kv.Seq   // all sequence numbers in tables are at most this
	Clean    bool     // the last record was that of a close
	LogEnd   *LogEnd  // where the log ended then; if not Clean it ends there or later; nil if that was not said
}

// Apply changes s by an Edit. On an error s is as before. NextFile and LastSeq
// never go back, as edits made at the same time may arrive in either order;
// FirstLog must not, as the log before it is gone.
func (s *State) Apply(e *Edit) error {
	v := s.Version
	if v == nil {
		v = &Version{}
	}
	next := *s
	var err error
	if next.Version, err = v.Apply(e); err != nil {
		return err
	}
	if e.FirstLog != nil {
		if *e.FirstLog < s.FirstLog {
			return fmt.Errorf("first log %d is before %d", *e.FirstLog, s.FirstLog)
		}
		next.FirstLog = *e.FirstLog
	}
	next.Clean = e.Clean != nil && *e.Clean
	if e.LogEnd != nil {
		end := *e.LogEnd
		next.LogEnd = &end
	}
	next.raise(e)
	*s = next
	return nil
}

// raise brings NextFile and LastSeq above all that e names.
func (s *State) raise(e *Edit) {
	if e.NextFile != nil {
		s.NextFile = max(s.NextFile, *e.NextFile)
	}
	if e.LastSeq != nil {
		s.LastSeq = max(s.LastSeq, *e.LastSeq)
	}
	for _, a := range e.Added {
		s.NextFile = max(s.NextFile, a.File.Number+1)
		s.LastSeq = max(s.LastSeq, a.File.MaxSeq)
	}
}

// Snapshot returns an Edit that makes s of any State before it: the first record
// of a new manifest.
func (s *State) Snapshot() *Edit {
	v := s.Version
	if v == nil {
		v = &Version{}
	}
	e := v.Snapshot()
	c := *s
	e.FirstLog, e.NextFile, e.LastSeq, e.Clean = &c.FirstLog, &c.NextFile, &c.LastSeq, &c.Clean
	if s.LogEnd != nil {
		end := *s.LogEnd
		e.LogEnd = &end
	}
	return e
}

// Snapshot returns a Full Edit with the tables of v.
func (v *Version) Snapshot() *Edit {
	e := &Edit{Full: true}
	for level, files := range v.Levels {
		for _, f := range files {
			e.Added = append(e.Added, LeveledFile{level, f})
		}
	}
	return e
}
