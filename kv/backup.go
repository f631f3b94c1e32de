package kv

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A backup is a stream:
//
//	header  magic "VarveBak" (8), version 2 (4), kind (4): 0 full, 1 increment;
//	        the state that an increment goes on from (8), the state that the
//	        backup is of (8), CRC32C (4) of the 32 bytes before. Version 1 ends
//	        after the kind, which is 0.
//	frame   payload length (4), CRC32C (4) of frame number (8) and payload
//	end     a frame with an empty payload, then the number of entries (8) and
//	        the CRC32C of those 8 bytes (4)
//
// Numbers are little-endian, frames are counted from 0. The payload of a full
// backup has entries: all keys of the state in order, each as uvarint length and
// key, uvarint length and value. That of an increment has batches, each as
// uvarint number, uvarint length and encoding.
const (
	backupMagic     = "VarveBak"
	backupVersion   = 2
	backupFrame     = 256 << 10
	backupFull      = 0
	backupIncrement = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// BackupInfo tells what a backup holds.
type BackupInfo struct {
	// Since is the state that an increment goes on from, 0 for a full backup.
	Since Seq
	// Until is the state that the store has after the backup is restored; the
	// next increment is since it. 0 is unknown.
	Until Seq
	// Entries counts keys, or batches of an increment.
	Entries int64
}

// Backup writes all that r reads to w. r should be a snapshot; then increments
// can follow, by BackupSince. Restore reads what it wrote into any engine.
func Backup(ctx context.Context, r Reader, w io.Writer, progress func(Progress)) (BackupInfo, error) {
	var info BackupInfo
	if snap, ok := r.(Snapshot); ok {
		info.Until = snap.Seq()
	}
	b := newBackupWriter(w, backupFull, info, progress)
	it := r.Iter(IterOptions{NoFill: true})
	defer it.Close()
	for ok := it.First(); ok && b.err == nil; ok = it.Next() {
		b.buf = appendBytes(appendBytes(b.buf, it.Key()), it.Value())
		b.entry(ctx)
	}
	b.err = errors.Join(b.err, it.Err())
	return b.finish(info)
}

// BackupSince writes what has changed in the store since a state, that of a full
// backup or of an increment before, to w: all batches of that time, from the log.
// So it takes time and room by what was written, not by what is there. It returns
// ErrCompacted if the log is no longer kept that far back; then a full backup is
// due. Keyspaces without log are not in it.
func BackupSince(ctx context.Context, store Store, since Seq, w io.Writer, progress func(Progress)) (BackupInfo, error) {
	info := BackupInfo{Since: since}
	feed, err := feedSince(ctx, store, &info)
	if err != nil {
		return info, fmt.Errorf("backup: %w", err)
	}
	b := newBackupWriter(w, backupIncrement, info, progress)
	for b.err == nil && feed.Seq() < info.Until {
		c, ok, err := feed.Poll()
		if b.err = err; err != nil || !ok || c.Seq > info.Until {
			break
		}
		var batch Batch
		for _, op := range c.Ops {
			batch.Add(op)
		}
		b.buf = appendBytes(binary.AppendUvarint(b.buf, uint64(c.Seq)), batch.Encoding())
		b.entry(ctx)
	}
	b.err = errors.Join(b.err, feed.Close())
	return b.finish(info)
}

// feedSince returns a feed of what came after info.Since, and sets info.Until to
// a state that it will tell.
func feedSince(ctx context.Context, store Store, info *BackupInfo) (Feed, error) {
	w, ok := store.(Watcher)
	if !ok || !store.Features().Watcher {
		return nil, fmt.Errorf("the store cannot tell changes: %w", errors.ErrUnsupported)
	}
	snap, err := store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	info.Until = snap.Seq()
	if err := snap.Close(); err != nil {
		return nil, err
	}
	if s, ok := store.(Syncer); ok {
		if err := s.Sync(ctx); err != nil {
			return nil, err
		}
	}
	if info.Since == 0 {
		return nil, fmt.Errorf("since state 0: %w", ErrCompacted)
	}
	return w.Watch(info.Since)
}

// backupWriter writes a backup. The first error stays.
type backupWriter struct {
	w        *bufio.Writer
	buf      []byte // of the next frame
	entries  int64
	frames   uint64
	written  int64
	err      error
	progress func(Progress)
}

func newBackupWriter(w io.Writer, kind uint32, info BackupInfo, progress func(Progress)) *backupWriter {
	b := &backupWriter{w: bufio.NewWriter(w), progress: progress}
	le := binary.LittleEndian
	head := le.AppendUint32([]byte(backupMagic), backupVersion)
	head = le.AppendUint32(head, kind)
	head = le.AppendUint64(head, uint64(info.Since))
	head = le.AppendUint64(head, uint64(info.Until))
	b.write(le.AppendUint32(head, crc32.Checksum(head, castagnoli)))
	return b
}

func (b *backupWriter) write(p []byte) {
	if b.err == nil {
		_, b.err = b.w.Write(p)
		b.written += int64(len(p))
	}
}

// entry counts what was appended to buf, and writes it if that is enough.
func (b *backupWriter) entry(ctx context.Context) {
	b.entries++
	if len(b.buf) >= backupFrame {
		b.frame()
		b.err = errors.Join(b.err, ctx.Err())
	}
}

func (b *backupWriter) frame() {
	b.write(binary.LittleEndian.AppendUint32(nil, uint32(len(b.buf))))
	b.write(binary.LittleEndian.AppendUint32(nil, frameSum(b.frames, b.buf)))
	b.write(b.buf)
	b.buf = b.buf[:0]
	b.frames++
	if b.progress != nil {
		b.progress(Progress{Done: b.written, Stage: "backup"})
	}
}

func (b *backupWriter) finish(info BackupInfo) (BackupInfo, error) {
	if len(b.buf) > 0 {
		b.frame()
	}
	b.frame()
	count := binary.LittleEndian.AppendUint64(nil, uint64(b.entries))
	b.write(count)
	b.write(binary.LittleEndian.AppendUint32(nil, crc32.Checksum(count, castagnoli)))
	info.Entries = b.entries
	if err := errors.Join(b.err, b.w.Flush()); err != nil {
		return info, fmt.Errorf("backup: %w", err)
	}
	return info, nil
}

func frameSum(number uint64, payload []byte) uint32 {
	head := binary.LittleEndian.AppendUint64(nil, number)
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}
