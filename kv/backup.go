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

// A backup is a stream of all keys and values of one state, in order:
//
//	header  magic "VarveBak" (8), version (4), zero (4)
//	frame   payload length (4), CRC32C (4) of frame number (8) and payload,
//	        payload: per entry uvarint length and key, uvarint length and value
//	end     a frame with an empty payload, then the number of entries (8) and
//	        the CRC32C of those 8 bytes (4)
//
// Numbers are little-endian, frames are counted from 0.
const (
	backupMagic   = "VarveBak"
	backupVersion = 1
	backupFrame   = 256 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Backup writes all that r reads to w, and returns how many entries that was. r
// should be a snapshot. Restore reads what it wrote into any engine.
func Backup(ctx context.Context, r Reader, w io.Writer, progress func(Progress)) (entries int64, err error) {
	b := &backupWriter{w: bufio.NewWriter(w), progress: progress}
	head := binary.LittleEndian.AppendUint32([]byte(backupMagic), backupVersion)
	b.write(append(head, 0, 0, 0, 0))
	it := r.Iter(IterOptions{NoFill: true})
	defer it.Close()
	for ok := it.First(); ok && b.err == nil; ok = it.Next() {
		b.buf = appendBytes(appendBytes(b.buf, it.Key()), it.Value())
		entries++
		if len(b.buf) >= backupFrame {
			b.frame()
			b.err = errors.Join(b.err, ctx.Err())
		}
	}
	if err := errors.Join(it.Err(), b.err); err != nil {
		return entries, fmt.Errorf("backup: %w", err)
	}
	if err := b.finish(entries); err != nil {
		return entries, fmt.Errorf("backup: %w", err)
	}
	return entries, nil
}

type backupWriter struct {
	w        *bufio.Writer
	buf      []byte
	frames   uint64
	written  int64
	err      error
	progress func(Progress)
}

func (b *backupWriter) write(p []byte) {
	if b.err == nil {
		_, b.err = b.w.Write(p)
		b.written += int64(len(p))
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

func (b *backupWriter) finish(entries int64) error {
	if len(b.buf) > 0 {
		b.frame()
	}
	b.frame()
	count := binary.LittleEndian.AppendUint64(nil, uint64(entries))
	b.write(count)
	b.write(binary.LittleEndian.AppendUint32(nil, crc32.Checksum(count, castagnoli)))
	return errors.Join(b.err, b.w.Flush())
}

func frameSum(number uint64, payload []byte) uint32 {
	head := binary.LittleEndian.AppendUint64(nil, number)
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}

// Restore writes the entries of a backup into store, which must be empty, and
// returns how many there were. They are durable when it returns. A damaged
// stream is a *CorruptionError with the offset in the stream; what came before
// is then in the store.
func Restore(ctx context.Context, store Store, r io.Reader, progress func(Progress)) (entries int64, err error) {
	if err := mustBeEmpty(store); err != nil {
		return 0, err
	}
	b := &backupReader{r: bufio.NewReader(r)}
	if err := b.header(); err != nil {
		return 0, err
	}
	for {
		batch, n, err := b.frame()
		if err != nil {
			return entries, err
		}
		if n == 0 {
			break
		}
		if _, err := store.Apply(ctx, batch, WriteOptions{Durability: Buffered}); err != nil {
			return entries, fmt.Errorf("restore: %w", err)
		}
		entries += n
		if progress != nil {
			progress(Progress{Done: b.offset, Stage: "restore"})
		}
	}
	if err := b.trailer(entries); err != nil {
		return entries, err
	}
	if s, ok := store.(Syncer); ok {
		return entries, s.Sync(ctx)
	}
	return entries, nil
}

func mustBeEmpty(store Store) error {
	it := store.Iter(IterOptions{KeysOnly: true})
	if it.First() {
		return errors.Join(fmt.Errorf("restore: the store is not empty: %w", ErrExist), it.Close())
	}
	return it.Close()
}

type backupReader struct {
	r      *bufio.Reader
	offset int64
	frames uint64
	buf    []byte
}

func (b *backupReader) damaged(what string) error {
	return &CorruptionError{File: "backup stream", Offset: b.offset, What: what}
}

// take reads exactly n bytes, in steps, so that a damaged length cannot ask for
// more memory than the stream has bytes.
func (b *backupReader) take(n int) ([]byte, error) {
	b.buf = b.buf[:0]
	for len(b.buf) < n {
		step := min(n-len(b.buf), 1<<20)
		at := len(b.buf)
		b.buf = append(b.buf, make([]byte, step)...)
		if _, err := io.ReadFull(b.r, b.buf[at:]); err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, b.damaged("it ends in the middle")
		} else if err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	b.offset += int64(n)
	return b.buf, nil
}

func (b *backupReader) header() error {
	head, err := b.take(16)
	if err != nil {
		return err
	}
	if string(head[:8]) != backupMagic {
		return fmt.Errorf("restore: this is not a backup: %w", ErrForeign)
	}
	if v := binary.LittleEndian.Uint32(head[8:]); v > backupVersion {
		return fmt.Errorf("restore: the backup has format version %d: %w", v, ErrNewerFormat)
	}
	return nil
}

// frame returns the entries of the next frame as a batch; none at the end.
func (b *backupReader) frame() (batch *Batch, entries int64, err error) {
	start := b.offset
	head, err := b.take(8)
	if err != nil {
		return nil, 0, err
	}
	size, sum := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:])
	if size > backupFrame+MaxKey+MaxValue+64 {
		return nil, 0, b.damaged("a frame is too long")
	}
	payload, err := b.take(int(size))
	if err != nil {
		return nil, 0, err
	}
	if frameSum(b.frames, payload) != sum {
		b.offset = start
		return nil, 0, b.damaged("the checksum of a frame does not match")
	}
	b.frames++
	batch = new(Batch)
	for len(payload) > 0 {
		key, rest, ok := takeBytes(payload)
		val, rest, ok2 := takeBytes(rest)
		if !ok || !ok2 {
			return nil, 0, b.damaged("malformed entries")
		}
		batch.Put(key, val)
		entries++
		payload = rest
	}
	return batch, entries, batch.Err()
}

func (b *backupReader) trailer(entries int64) error {
	tail, err := b.take(12)
	if err != nil {
		return err
	}
	if crc32.Checksum(tail[:8], castagnoli) != binary.LittleEndian.Uint32(tail[8:]) ||
		int64(binary.LittleEndian.Uint64(tail)) != entries {
		return b.damaged("the number of entries does not match")
	}
	return nil
}
