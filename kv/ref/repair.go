package ref

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"strings"

	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/vfs"
)

// Repair makes a new store in opt.Dir, which must be empty or not there, of what
// can be read of the damaged one in the directory from, and tells what was lost.
// In the latter it writes nothing but the name of the holder into the lock file.
//
// The snapshot file is read block by block and the log group by group, past any
// damage. Without META the newest snapshot file counts, and all of the log. What
// cannot be read loses the newest value of a key, so an older one may take its
// place. The new store is durable and verified when Repair returns. On an error
// what it has written is no store.
func Repair(ctx context.Context, from string, opt *Options) (*kv.Repaired, error) {
	filled, err := opt.filled()
	if err != nil {
		return nil, err
	}
	if filled.Dir == "" || filled.ReadOnly || path.Clean(filled.Dir) == path.Clean(from) {
		return nil, errors.New("ref: a repair needs another directory for what it saves")
	}
	names, err := filled.FS.List(from)
	if err != nil && !isNotExist(err) {
		return nil, err
	}
	if !Owns(names) {
		return nil, fmt.Errorf("repair %s: %w", from, kv.ErrNotExist)
	}
	old := filled
	old.Dir, old.ReadOnly = from, true
	lock, err := old.place().Lock(ctx)
	if err != nil {
		return nil, err
	}
	r := &repair{ctx: ctx, to: filled, l: &loaded{st: &state{seq: 1}}}
	r.l.opt = &r.to
	r.from = old
	err = r.run(names)
	if err = errors.Join(err, lock.Close()); err != nil {
		return nil, fmt.Errorf("repair %s: %w", from, err)
	}
	return &r.report, nil
}

// repair is one call of Repair.
type repair struct {
	ctx      context.Context
	from, to Options
	l        *loaded // what was found
	report   kv.Repaired
}

func (r *repair) run(names []string) error {
	if err := r.readMeta(names); err != nil {
		return err
	}
	if err := r.readSnapshot(); err != nil {
		return err
	}
	if err := r.readLog(); err != nil {
		return err
	}
	r.l.st.seq = max(r.l.st.seq, r.l.log.Seq) + seqGap // numbers of what was lost must not come back
	if err := (&Store{opt: r.to}).writeCopy(r.to.Dir, r.l.st); err != nil {
		return err
	}
	opt := r.to
	opt.MustExist, opt.MustBeNew = true, false
	s, err := Open(r.ctx, &opt)
	if err != nil {
		return err
	}
	return errors.Join(s.Verify(r.ctx, nil), s.Close())
}

// lose reports damage for which any key may have to pay, and returns other errors.
func (r *repair) lose(err error) error {
	var damage *kv.CorruptionError
	if !errors.As(err, &damage) {
		return err
	}
	r.report.Lost = append(r.report.Lost, kv.Loss{File: damage.File, Offset: damage.Offset, Bytes: -1, Keys: &kv.Span{}, What: damage.What})
	return nil
}

// readMeta reads META, or guesses what it said.
func (r *repair) readMeta(names []string) (err error) {
	r.report.Files++
	r.l.meta, err = readMeta(r.from.FS, r.from.Dir)
	if isNotExist(err) {
		err = &kv.CorruptionError{File: join(r.from.Dir, metaName), Offset: -1, What: "it is missing"}
	}
	if err == nil || errors.Is(err, kv.ErrNewerFormat) {
		return err
	}
	r.l.meta = meta{}
	for _, name := range names {
		var number uint64
		if _, err := fmt.Sscanf(name, "SNAP-%d", &number); err == nil && strings.HasPrefix(name, "SNAP-") {
			r.l.meta.snapshot = max(r.l.meta.snapshot, number)
		}
	}
	return r.lose(err)
}

// readSnapshot adds the entries of all intact blocks of the snapshot file.
func (r *repair) readSnapshot() error {
	m := &r.l.meta
	r.l.st.seq = max(m.seq, 1)
	if m.snapshot == 0 {
		return nil
	}
	r.report.Files++
	name := join(r.from.Dir, m.snapshotName())
	info, err := r.from.FS.Stat(name)
	if isNotExist(err) {
		return r.lose(&kv.CorruptionError{File: name, Offset: -1, What: "the file is missing"})
	}
	if err != nil {
		return err
	}
	data, err := vfs.ReadFile(r.from.FS, name, info.Size)
	if err != nil {
		return err
	}
	if seq, ok := snapSeq(data, m.snapshot); ok {
		r.l.st.seq = max(r.l.st.seq, seq)
	} else if err := r.lose(&kv.CorruptionError{File: name, Offset: 0, What: "bad header"}); err != nil {
		return err
	}
	before := len(r.report.Lost)
	r.readBlocks(name, data)
	if m.firstLog > 0 && len(r.report.Lost) == before && crc32.Checksum(data, castagnoli) != m.sum {
		return r.lose(&kv.CorruptionError{File: name, Offset: -1, What: "it is not the snapshot that META names"})
	}
	return nil
}

// snapSeq returns the number of the state in a snapshot file.
func snapSeq(data []byte, number uint64) (kv.Seq, bool) {
	le := binary.LittleEndian
	if len(data) < snapHeaderSize || string(data[:8]) != snapMagic || le.Uint64(data[16:]) != number || crc32.Checksum(data[:40], castagnoli) != le.Uint32(data[40:]) {
		return 0, false
	}
	return kv.Seq(le.Uint64(data[24:])), true
}

// readBlocks adds the entries of intact blocks. Between two of them keys that lie
// between the last of the one and the first of the other may be lost.
func (r *repair) readBlocks(name string, data []byte) {
	var last []byte
	var open *kv.Loss // behind last
	for at := snapHeaderSize; at < len(data); {
		payload, ok := r.block(data, at)
		if ok && len(payload) == 0 {
			return // the end
		}
		if ok && open != nil {
			key, _, _, _ := takeEntry(payload)
			open.Bytes, open.Keys.End = int64(at)-open.Offset, kv.After(key)
			open = nil
		}
		if !ok {
			if open == nil {
				r.report.Lost = append(r.report.Lost, kv.Loss{File: name, Offset: int64(at), Bytes: int64(len(data) - at),
					Keys: &kv.Span{Start: bytes.Clone(last)}, What: "no block begins here that is intact"})
				open = &r.report.Lost[len(r.report.Lost)-1]
			}
			at++
			continue
		}
		at += blockHeader + len(payload)
		for len(payload) > 0 {
			key, e, rest, _ := takeEntry(payload)
			_ = r.l.addEntry(key, e)
			r.report.Entries++
			last, payload = append(last[:0], key...), rest
		}
	}
	if open == nil {
		r.report.Lost = append(r.report.Lost, kv.Loss{File: name, Offset: int64(len(data)), Bytes: -1,
			Keys: &kv.Span{Start: bytes.Clone(last)}, What: "the file ends too early"})
	}
}

// block returns the payload of the block at an offset, if it is intact and has
// nothing but entries.
func (r *repair) block(data []byte, at int) ([]byte, bool) {
	le := binary.LittleEndian
	if len(data)-at < blockHeader || int64(le.Uint32(data[at:])) > int64(len(data)-at-blockHeader) {
		return nil, false
	}
	payload := data[at+blockHeader:][:le.Uint32(data[at:])]
	if blockSum(r.l.meta.snapshot, int64(at), payload) != le.Uint32(data[at+4:]) {
		return nil, false
	}
	for rest := payload; len(rest) > 0; {
		var ok bool
		if _, _, rest, ok = takeEntry(rest); !ok {
			return nil, false
		}
	}
	return payload, true
}

// readLog applies the batches of all intact groups of the log.
func (r *repair) readLog() error {
	r.l.log.Seq, r.l.log.Apply = r.l.st.seq, r.l.applyBatch
	opt := r.from.journal()
	lost, err := journal.Salvage(opt, r.l.meta.firstLog, func(rec journal.Record) error {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		return r.lose(r.record(rec))
	})
	if err != nil {
		return commit.MapError(err)
	}
	strict := &loaded{meta: r.l.meta, opt: &r.from}
	var expect *journal.End
	if strict.meta.clean {
		expect = &strict.meta.end
	}
	strict.tail, err = journal.Read(opt, r.l.meta.firstLog, expect, nil)
	if err == nil {
		err = strict.checkEnd()
	}
	if err == nil {
		return nil // what was cut off is the last write before an unclean end
	}
	for _, l := range lost {
		loss := kv.Loss{File: l.File, Offset: l.From, Bytes: l.To - l.From, Keys: &kv.Span{}, What: "a part of the log: " + l.Reason}
		if l.To < 0 {
			loss.Bytes = -1
		}
		r.report.Lost = append(r.report.Lost, loss)
	}
	if len(lost) > 0 {
		return nil
	}
	return commit.MapError(r.lose(err))
}

// record applies a record, unless the snapshot has it.
func (r *repair) record(rec journal.Record) error {
	r.report.Entries++
	err := r.l.addRecord(rec)
	if r.l.meta.firstLog == 0 {
		return nil // META did not say where to begin, and any key is in doubt
	}
	return err
}
