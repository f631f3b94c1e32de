package lsm

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// logRepair moves what can be read of the log to tables of level 0.
type logRepair struct {
	*repair
	mem     *mem
	flushed kv.Seq // batches up to here are in tables
	replay  commit.Replay
	lost    []journal.Lost
}

// read replays the records of all intact groups, from a segment on. A record that
// does not fit is lost with the group that it is in.
func (l *logRepair) read(from uint64) error {
	opt := l.from.journal()
	var err error
	l.lost, err = journal.Salvage(opt, from, func(rec journal.Record) error {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		err := l.replay.Record(rec.Data)
		var failed *writeError
		switch {
		case errors.As(err, &failed), errors.Is(err, kv.ErrNewerFormat):
			return err
		case err != nil:
			l.lose(segmentName(l.from.Dir, "", rec.Segment), rec.Offset, -1, &kv.Span{}, err.Error())
		}
		return nil
	})
	return commit.MapError(err)
}

// writeError is an error of the new store, not of what is read.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// apply takes a batch.
func (l *logRepair) apply(first kv.Seq, b *kv.Batch) error {
	l.report.Entries += int64(b.Len())
	if first+kv.Seq(max(b.Len(), 1))-1 <= l.flushed {
		return nil
	}
	l.mem.add(first, b)
	if l.mem.bytes() < l.to.opt.WriteBuffer {
		return nil
	}
	if err := l.flush(); err != nil {
		return &writeError{err}
	}
	return nil
}

// flush writes the memtable to a table.
func (l *logRepair) flush() error {
	files, err := l.to.writeMem(l.mem, l.to.newNumber, []kv.Seq{l.replay.Seq}, nil, nil)
	if err != nil {
		return err
	}
	l.mem = l.to.newMem()
	return addToLevelZero(&l.made, files)
}

// judge reports what is damaged: what opening would say of the log. The last
// write before an unclean end, cut short, is no damage.
func (l *logRepair) judge(from uint64, names []string) error {
	for _, name := range names {
		if number, ok := segmentNumber(name, ""); ok && number >= from {
			l.report.Files++
		}
	}
	state := l.state
	_, err := (&Store{opt: l.from}).readLog(&state, &commit.Replay{Apply: func(kv.Seq, *kv.Batch) error { return nil }})
	if err == nil {
		return nil
	}
	for _, lost := range l.lost {
		bytes := lost.To - lost.From
		if lost.To < 0 {
			bytes = -1
		}
		l.lose(lost.File, lost.From, bytes, &kv.Span{}, fmt.Sprintf("a part of the log: %s", lost.Reason))
	}
	if len(l.lost) > 0 {
		return nil
	}
	return l.loseError(err, &kv.Span{})
}
