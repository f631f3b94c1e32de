package commit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// Records of the log begin with their kind. docs/format.md has the rest.
const (
	recordBatch  = 1 // uvarint number of the last operation, batch encoding
	recordChunk  = 2 // uvarint id, part of a batch encoding
	recordCommit = 3 // uvarint number, id, length; crc32c of the encoding
	recordCut    = 4 // uvarint number of the state before the segment that it opens
	recordGap    = 5 // uvarint number of a state with changes that no record before has
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendHeader(dst []byte, kind byte, seq kv.Seq) []byte {
	return binary.AppendUvarint(append(dst, kind), uint64(seq))
}

// CutRecord returns the record with which a segment begins that a store starts.
func CutRecord(seq kv.Seq) []byte { return appendHeader(nil, recordCut, seq) }

// GapRecord returns the record that says that a state has changes without record.
func GapRecord(seq kv.Seq) []byte { return appendHeader(nil, recordGap, seq) }

// parseCut returns the state in a record that CutRecord made.
func parseCut(rec []byte) (kv.Seq, bool) {
	if len(rec) == 0 || rec[0] != recordCut {
		return 0, false
	}
	seq, k := binary.Uvarint(rec[1:])
	return kv.Seq(seq), k > 0
}

func level(d kv.Durability) journal.Level {
	switch d {
	case kv.Process:
		return journal.Process
	case kv.Buffered:
		return journal.Buffered
	}
	return journal.Synced
}

// MapError gives an error of the journal the names of package kv.
func MapError(err error) error {
	if errors.Is(err, journal.ErrUnknownOutcome) && !errors.Is(err, kv.ErrUnknownOutcome) {
		return fmt.Errorf("%w: %w", kv.ErrUnknownOutcome, err)
	}
	if errors.Is(err, journal.ErrNewerFormat) && !errors.Is(err, kv.ErrNewerFormat) {
		return fmt.Errorf("%w: %w", kv.ErrNewerFormat, err)
	}
	return err
}

// Replay turns the records of a log back into batches.
type Replay struct {
	// Seq is the highest number so far. Records of batches up to it are damage.
	Seq kv.Seq
	// Pieces is the highest id of a batch in pieces.
	Pieces uint64
	// Bytes counts the records.
	Bytes int64
	// Apply takes a batch, whose operations are numbered from first to Seq. In
	// logs of format 1 batches had one number, so that first may be one of an
	// earlier batch. The batch is valid during the call.
	Apply func(first kv.Seq, b *kv.Batch) error
	// Gap is the newest state with changes that no record tells.
	Gap kv.Seq

	spills map[uint64][]byte
}

// Record takes a record. An error says what is wrong with it.
func (r *Replay) Record(rec []byte) error {
	if len(rec) == 0 {
		return errors.New("empty record")
	}
	number, k := binary.Uvarint(rec[1:])
	if k <= 0 {
		return errors.New("malformed record")
	}
	rest := rec[1+k:]
	r.Bytes += int64(len(rec))
	switch rec[0] {
	case recordBatch:
		return r.batch(kv.Seq(number), rest)
	case recordChunk:
		return r.chunk(number, rest)
	case recordCut:
		// Numbers up to here are not given out again, also those of batches that
		// were lost.
		r.Seq = max(r.Seq, kv.Seq(number))
		return nil
	case recordGap:
		r.Gap = max(r.Gap, kv.Seq(number))
		return nil
	case recordCommit:
		return r.commit(kv.Seq(number), rest)
	}
	return fmt.Errorf("record of unknown kind %d", rec[0])
}

func (r *Replay) batch(seq kv.Seq, encoding []byte) error {
	b, err := kv.DecodeBatch(encoding)
	if err != nil {
		return err
	}
	if seq <= r.Seq {
		return fmt.Errorf("batch %d after state %d", seq, r.Seq)
	}
	r.Seq = seq
	return r.Apply(seq-min(seq, kv.Seq(max(b.Len(), 1)))+1, b)
}

func (r *Replay) chunk(id uint64, part []byte) error {
	if r.spills == nil {
		r.spills = make(map[uint64][]byte)
	}
	r.Pieces = max(r.Pieces, id)
	r.spills[id] = append(r.spills[id], part...)
	return nil
}

// commit applies a batch whose pieces came before.
func (r *Replay) commit(seq kv.Seq, rest []byte) error {
	id, k := binary.Uvarint(rest)
	if k <= 0 {
		return errors.New("malformed commit record")
	}
	length, n := binary.Uvarint(rest[k:])
	if n <= 0 || len(rest) != k+n+4 {
		return errors.New("malformed commit record")
	}
	encoding := r.spills[id]
	delete(r.spills, id)
	if uint64(len(encoding)) != length || crc32.Checksum(encoding, castagnoli) != binary.LittleEndian.Uint32(rest[k+n:]) {
		return fmt.Errorf("the pieces of batch %d are not complete", id)
	}
	return r.batch(seq, encoding)
}

// BatchRecord appends the beginning of the record of a batch, which its encoding
// follows. Seq is the number of its last operation.
func BatchRecord(dst []byte, seq kv.Seq) []byte { return appendHeader(dst, recordBatch, seq) }

// PieceRecord appends the beginning of the record of a piece of a large batch,
// which the piece follows.
func PieceRecord(dst []byte, id uint64) []byte { return appendHeader(dst, recordChunk, kv.Seq(id)) }

// CommitRecord appends the record that makes the pieces of a batch with so many
// bytes valid, but for their checksum, 4 bytes, which follows.
func CommitRecord(dst []byte, seq kv.Seq, id uint64, length int) []byte {
	dst = appendHeader(dst, recordCommit, seq)
	return binary.AppendUvarint(binary.AppendUvarint(dst, id), uint64(length))
}
