package ref

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// spilled is a large batch whose encoding is in the log but for the record that
// makes it valid.
type spilled struct {
	id      uint64
	length  int
	sum     uint32
	tickets []journal.Ticket
}

// chunkBytes is the size of the pieces of a spilled batch.
const chunkBytes = 256 << 10

// spill appends the pieces of a large batch. It returns nil for others. The
// caller must end it with endSpill.
func (s *Store) spill(b *kv.Batch) (*spilled, error) {
	if s.log == nil || b.Size() <= s.opt.SpillBytes || s.beginSpill(b) {
		return nil, nil
	}
	sp := &spilled{length: b.Size(), sum: crc32.Checksum(b.Encoding(), castagnoli)}
	for part := range slices.Chunk(b.Encoding(), chunkBytes) {
		if err := s.appendChunk(sp, part); err != nil {
			s.commit.Lock()
			defer s.commit.Unlock()
			s.endSpill()
			return nil, err
		}
	}
	return sp, nil
}

// beginSpill waits for a checkpoint that is about to cut the log. It reports
// true if b needs no log.
func (s *Store) beginSpill(b *kv.Batch) (unlogged bool) {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.isUnlogged(b) {
		return true
	}
	for s.cutting {
		s.moved.Wait()
	}
	s.spills++
	return false
}

func (s *Store) endSpill() {
	s.spills--
	s.moved.Broadcast()
}

func (s *Store) appendChunk(sp *spilled, part []byte) error {
	s.commit.Lock()
	if err := s.writable(); err != nil {
		s.commit.Unlock()
		return err
	}
	if sp.id == 0 {
		s.nextID++
		sp.id = s.nextID
	}
	var head [16]byte
	t, err := s.log.AppendParts(binary.AppendUvarint(append(head[:0], recordChunk), sp.id), part)
	s.commit.Unlock()
	if err != nil {
		return mapJournal(err)
	}
	sp.tickets = append(sp.tickets, t)
	if err := s.log.Wait(t, journal.Process); err != nil {
		return s.fail(err)
	}
	return nil
}

// failed returns the error of the first piece that was dropped.
func (sp *spilled) failed() error {
	for _, t := range sp.tickets {
		if err := t.Failed(); err != nil {
			return err
		}
	}
	return nil
}

func (sp *spilled) commitRecord(dst []byte, seq kv.Seq) []byte {
	dst = binary.AppendUvarint(append(dst, recordCommit), uint64(seq))
	dst = binary.AppendUvarint(dst, sp.id)
	dst = binary.AppendUvarint(dst, uint64(sp.length))
	return binary.LittleEndian.AppendUint32(dst, sp.sum)
}
