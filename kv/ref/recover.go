package ref

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// loaded is what the files of a store hold.
type loaded struct {
	meta   meta
	st     *state
	tail   journal.Tail
	bytes  int64 // of records in the log
	nextID uint64
	spills map[uint64][]byte
	opt    *Options
}

// load reads a store and checks every byte of it.
func load(opt *Options) (*loaded, error) {
	m, err := readMeta(opt.FS, opt.Dir)
	if err != nil {
		return nil, err
	}
	l := &loaded{meta: m, st: &state{seq: max(m.seq, 1)}, spills: make(map[uint64][]byte), opt: opt}
	if m.snapshot > 0 {
		if err := readSnapshotFile(opt.FS, opt.Dir, &m, l.addEntry); err != nil {
			return nil, err
		}
	}
	var expect *journal.End
	if m.clean {
		expect = &m.end
	}
	l.tail, err = journal.Read(opt.journal(), m.firstLog, expect, l.addRecord)
	if err == nil {
		err = l.checkEnd()
	}
	return l, mapJournal(err)
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
	if err := l.apply(rec.Data); err != nil {
		return &kv.CorruptionError{File: join(l.opt.Dir, fmt.Sprintf("%06d.log", rec.Segment)), Offset: rec.Offset, What: err.Error()}
	}
	l.bytes += int64(len(rec.Data))
	return nil
}

func (l *loaded) apply(rec []byte) error {
	if len(rec) == 0 {
		return fmt.Errorf("empty record")
	}
	first, k := binary.Uvarint(rec[1:])
	if k <= 0 {
		return fmt.Errorf("malformed record")
	}
	rest := rec[1+k:]
	switch rec[0] {
	case recordBatch:
		return l.applyBatch(kv.Seq(first), rest)
	case recordChunk:
		l.nextID = max(l.nextID, first)
		l.spills[first] = append(l.spills[first], rest...)
		return nil
	case recordCut:
		return nil
	case recordCommit:
		return l.applySpilled(kv.Seq(first), rest)
	}
	return fmt.Errorf("record of unknown kind %d", rec[0])
}

func (l *loaded) applyBatch(seq kv.Seq, encoding []byte) error {
	if seq <= l.st.seq {
		return fmt.Errorf("batch %d after state %d", seq, l.st.seq)
	}
	b, err := kv.DecodeBatch(encoding)
	if err != nil {
		return err
	}
	for op := range b.Ops() {
		l.st.do(op, l.opt.Mergers)
	}
	l.st.seq = seq
	return nil
}

// applySpilled applies a batch whose pieces came before.
func (l *loaded) applySpilled(seq kv.Seq, rest []byte) error {
	id, k := binary.Uvarint(rest)
	if k <= 0 {
		return fmt.Errorf("malformed commit record")
	}
	length, n := binary.Uvarint(rest[k:])
	if n <= 0 || len(rest) != k+n+4 {
		return fmt.Errorf("malformed commit record")
	}
	encoding := l.spills[id]
	delete(l.spills, id)
	if uint64(len(encoding)) != length || crc32.Checksum(encoding, castagnoli) != binary.LittleEndian.Uint32(rest[k+n:]) {
		return fmt.Errorf("the pieces of spilled batch %d are not complete", id)
	}
	return l.applyBatch(seq, encoding)
}

// Verify implements kv.Verifier. It reads the snapshot file and the log as
// opening does, and compares the result with the state in memory.
func (s *Store) Verify(ctx context.Context, progress func(kv.Progress)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.opt.Dir == "" {
		return nil
	}
	if s.log != nil {
		s.checkpoint.Lock() // no file may go away meanwhile
		defer s.checkpoint.Unlock()
		if err := s.log.Sync(); err != nil {
			return s.fail(err)
		}
	}
	if progress != nil {
		progress(kv.Progress{Stage: "read", Total: s.diskBytes()})
	}
	seq := s.lastLogged()
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

// lastLogged returns the newest state that must be on disk.
func (s *Store) lastLogged() kv.Seq {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.soft.lost {
		return 0
	}
	return s.logged
}
