package ref

import (
	"context"
	"fmt"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// loaded is what the files of a store hold.
type loaded struct {
	meta meta
	st   *state
	tail journal.Tail
	log  commit.Replay
	opt  *Options
}

// load reads a store and checks every byte of it.
func load(opt *Options) (*loaded, error) {
	m, err := readMeta(opt.FS, opt.Dir)
	if err != nil {
		return nil, err
	}
	l := &loaded{meta: m, st: &state{seq: max(m.seq, 1)}, opt: opt}
	if m.snapshot > 0 {
		if err := readSnapshotFile(opt.FS, opt.Dir, &m, l.addEntry); err != nil {
			return nil, err
		}
	}
	l.log.Seq, l.log.Apply = l.st.seq, l.applyBatch
	var expect *journal.End
	if m.clean {
		expect = &m.end
	}
	l.tail, err = journal.Read(opt.journal(), m.firstLog, expect, l.addRecord)
	if err == nil {
		err = l.checkEnd()
	}
	return l, commit.MapError(err)
}

// checkEnd compares the end of the log with what META knows of it.
func (l *loaded) checkEnd() error {
	end, least := l.tail.End, l.meta.end
	if end.Segment > least.Segment || end.Segment == least.Segment && end.Length >= least.Length {
		return nil
	}
	return &kv.CorruptionError{File: join(l.opt.Dir, fmt.Sprintf("%06d.log", least.Segment)), Offset: -1,
		What: fmt.Sprintf("the log ends in segment %d at %d, it once ended in segment %d at %d", end.Segment, end.Length, least.Segment, least.Length)}
}

func (l *loaded) addEntry(key []byte, e entry) error {
	e.value = clone(e.value)
	l.st.set(key, e)
	return nil
}

// addRecord applies a record of the log.
func (l *loaded) addRecord(rec journal.Record) error {
	if err := l.log.Record(rec.Data); err != nil {
		return &kv.CorruptionError{File: join(l.opt.Dir, fmt.Sprintf("%06d.log", rec.Segment)), Offset: rec.Offset, What: err.Error()}
	}
	return nil
}

func (l *loaded) applyBatch(_ kv.Seq, b *kv.Batch) error {
	for op := range b.Ops() {
		l.st.do(op, l.opt.Mergers)
	}
	l.st.seq = l.log.Seq
	return nil
}

// Verify implements kv.Verifier. It reads the snapshot file and the log as
// opening does, and compares the result with the state in memory.
func (s *Store) Verify(ctx context.Context, progress func(kv.Progress)) error {
	if err := s.commits.Enter(ctx); err != nil {
		return err
	}
	defer s.commits.Leave()
	if s.opt.Dir == "" {
		return nil
	}
	if s.log != nil {
		s.checkpoint.Lock() // no file may go away meanwhile
		defer s.checkpoint.Unlock()
		if err := s.commits.SyncLog(); err != nil {
			return err
		}
	}
	if progress != nil {
		progress(kv.Progress{Stage: "read", Total: s.diskBytes()})
	}
	seq := s.commits.LastLogged()
	if err := s.commits.VerifyRetained(s.meta.firstLog); err != nil {
		return err
	}
	l, err := load(&s.opt)
	if err != nil {
		return err
	}
	if l.st.seq < seq {
		return &kv.CorruptionError{File: s.opt.Dir, Offset: -1,
			What: fmt.Sprintf("the files end at state %d, state %d was written", l.st.seq, seq)}
	}
	if progress != nil {
		progress(kv.Progress{Stage: "read", Done: s.diskBytes(), Total: s.diskBytes()})
	}
	return nil
}
