package kv

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Restore writes the entries of a full backup into store, which must be empty.
// They are durable when it returns. A damaged stream is a *CorruptionError with
// the offset in the stream; what came before is then in the store, unless that is
// an Importer, which takes all or nothing.
func Restore(ctx context.Context, store Store, r io.Reader, progress func(Progress)) (BackupInfo, error) {
	if err := mustBeEmpty(store); err != nil {
		return BackupInfo{}, err
	}
	b, err := newBackupReader(r, backupFull)
	if err != nil {
		return BackupInfo{}, err
	}
	if in, ok := store.(Importer); ok && store.Features().Importer {
		return b.importAll(ctx, in, progress)
	}
	return b.restore(ctx, store, progress)
}

// RestoreIncrement applies the batches of an increment to store, which holds what
// was restored from the backups before: until is BackupInfo.Until of the last.
// Operators of merges must be those of the store that was backed up. Errors are
// as those of Restore.
func RestoreIncrement(ctx context.Context, store Store, until Seq, r io.Reader, progress func(Progress)) (BackupInfo, error) {
	b, err := newBackupReader(r, backupIncrement)
	if err != nil {
		return BackupInfo{}, err
	}
	if b.info.Since != until {
		return b.info, fmt.Errorf("restore: the increment goes on from state %d, the backup before it ends at state %d", b.info.Since, until)
	}
	return b.restore(ctx, store, progress)
}

// ReadBackupInfo reads the header of a backup: which states it goes from and to.
// Entries are not counted.
func ReadBackupInfo(r io.Reader) (BackupInfo, error) {
	b := &backupReader{r: bufio.NewReader(r)}
	_, err := b.header()
	return b.info, err
}

func mustBeEmpty(store Store) error {
	it := store.Iter(IterOptions{KeysOnly: true})
	if it.First() {
		return errors.Join(fmt.Errorf("restore: the store is not empty: %w", ErrExist), it.Close())
	}
	return it.Close()
}

// backupReader reads a backup.
type backupReader struct {
	r      *bufio.Reader
	info   BackupInfo
	decode func(payload []byte) ([]*Batch, error) // of a frame
	offset int64
	frames uint64
	buf    []byte
}

// newBackupReader reads the header of a backup, which must be of the kind.
func newBackupReader(r io.Reader, kind uint32) (*backupReader, error) {
	b := &backupReader{r: bufio.NewReader(r)}
	got, err := b.header()
	switch {
	case err != nil:
		return nil, err
	case got == backupIncrement && kind == backupFull:
		return nil, fmt.Errorf("restore: this backup holds what changed since state %d: restore a full one first", b.info.Since)
	case got != kind:
		return nil, errors.New("restore: this is a full backup, not an increment")
	}
	b.decode = b.entries
	if kind == backupIncrement {
		b.decode = b.batches
	}
	return b, nil
}

// restore applies all frames to the store and makes them durable.
func (b *backupReader) restore(ctx context.Context, store Store, progress func(Progress)) (BackupInfo, error) {
	for more := true; more; {
		payload, err := b.frame()
		if err != nil {
			return b.info, err
		}
		more = len(payload) > 0
		batches, err := b.decode(payload)
		if err != nil {
			return b.info, err
		}
		for _, batch := range batches {
			if _, err := store.Apply(ctx, batch, WriteOptions{Durability: Buffered}); err != nil {
				return b.info, fmt.Errorf("restore: %w", err)
			}
		}
		if progress != nil {
			progress(Progress{Done: b.offset, Stage: "restore"})
		}
	}
	if err := b.trailer(); err != nil {
		return b.info, err
	}
	if s, ok := store.(Syncer); ok {
		return b.info, s.Sync(ctx)
	}
	return b.info, nil
}

// importAll imports the entries of all frames.
func (b *backupReader) importAll(ctx context.Context, in Importer, progress func(Progress)) (BackupInfo, error) {
	var rest []byte // of the payload of a frame
	_, err := in.Import(ctx, func() (key, val []byte, err error) {
		if len(rest) == 0 {
			if rest, err = b.frame(); err == nil && len(rest) == 0 {
				err = cmp.Or(b.trailer(), io.EOF)
			}
			if err != nil {
				return nil, nil, err
			}
			if progress != nil {
				progress(Progress{Done: b.offset, Stage: "restore"})
			}
		}
		key, val, rest, err = b.entry(rest)
		return key, val, err
	})
	if err != nil {
		err = fmt.Errorf("restore: %w", err)
	}
	return b.info, err
}

// entry takes the first entry off a payload.
func (b *backupReader) entry(payload []byte) (key, val, rest []byte, err error) {
	key, rest, ok := takeBytes(payload)
	if ok {
		val, rest, ok = takeBytes(rest)
	}
	if !ok {
		return nil, nil, nil, b.damaged("malformed entries")
	}
	b.info.Entries++
	return key, val, rest, nil
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

// header reads the header and returns the kind of the backup.
func (b *backupReader) header() (kind uint32, err error) {
	head, err := b.take(16)
	if err != nil {
		return 0, err
	}
	if string(head[:8]) != backupMagic {
		return 0, fmt.Errorf("restore: this is not a backup: %w", ErrForeign)
	}
	sum := crc32.Checksum(head, castagnoli)
	version, kind := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	switch {
	case version > backupVersion:
		return 0, fmt.Errorf("restore: the backup has format version %d: %w", version, ErrNewerFormat)
	case version < 2:
		return backupFull, nil
	}
	if head, err = b.take(20); err != nil {
		return 0, err
	}
	if crc32.Update(sum, castagnoli, head[:16]) != binary.LittleEndian.Uint32(head[16:]) || kind > backupIncrement {
		return 0, b.damaged("the header is bad")
	}
	b.info.Since, b.info.Until = Seq(binary.LittleEndian.Uint64(head)), Seq(binary.LittleEndian.Uint64(head[8:]))
	return kind, nil
}

// frame returns the payload of the next frame, valid until the next call; empty
// at the end.
func (b *backupReader) frame() ([]byte, error) {
	start := b.offset
	head, err := b.take(8)
	if err != nil {
		return nil, err
	}
	size, sum := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:])
	payload, err := b.take(int(size & 0x7fffffff))
	if err != nil {
		return nil, err
	}
	if size > 1<<31-1 || frameSum(b.frames, payload) != sum {
		b.offset = start
		return nil, b.damaged("the checksum of a frame does not match")
	}
	b.frames++
	return payload, nil
}

// entries returns the entries of a frame as one batch.
func (b *backupReader) entries(payload []byte) ([]*Batch, error) {
	batch := new(Batch)
	for len(payload) > 0 {
		key, val, rest, err := b.entry(payload)
		if err != nil {
			return nil, err
		}
		batch.Put(key, val)
		payload = rest
	}
	if batch.Len() == 0 {
		return nil, batch.Err()
	}
	return []*Batch{batch}, batch.Err()
}

// batches returns the batches of a frame.
func (b *backupReader) batches(payload []byte) (list []*Batch, err error) {
	for len(payload) > 0 {
		_, n := binary.Uvarint(payload)
		if n <= 0 {
			return nil, b.damaged("malformed batches")
		}
		encoding, rest, ok := takeBytes(payload[n:])
		if !ok {
			return nil, b.damaged("malformed batches")
		}
		batch, err := DecodeBatch(encoding)
		if err != nil {
			return nil, b.damaged(err.Error())
		}
		list = append(list, batch)
		b.info.Entries++
		payload = rest
	}
	return list, nil
}

func (b *backupReader) trailer() error {
	tail, err := b.take(12)
	if err != nil {
		return err
	}
	if crc32.Checksum(tail[:8], castagnoli) != binary.LittleEndian.Uint32(tail[8:]) ||
		int64(binary.LittleEndian.Uint64(tail)) != b.info.Entries {
		return b.damaged("the number of entries does not match")
	}
	return nil
}
