package commit

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/kv"
)

// spilled is a large batch whose encoding is in the log but for the record that
// makes it valid, so that it does not hold up the others.
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
func (p *Pipeline) spill(b *kv.Batch) (*spilled, error) {
	if p.log == nil || b.Size() <= p.opt.SpillBytes || p.beginSpill(b) {
		return nil, nil
	}
	sp := &spilled{length: b.Size(), sum: crc32.Checksum(b.Encoding(), castagnoli)}
	for part := range slices.Chunk(b.Encoding(), chunkBytes) {
		if err := p.appendChunk(sp, part); err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.endSpill()
			return nil, err
		}
	}
	return sp, nil
}

// beginSpill waits for a cut that is due. It reports true if b needs no log.
func (p *Pipeline) beginSpill(b *kv.Batch) (unlogged bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isUnlogged(b) {
		return true
	}
	for p.cutting {
		p.moved.Wait()
	}
	p.spills++
	return false
}

func (p *Pipeline) endSpill() {
	p.spills--
	p.cutIfFull()
	p.moved.Broadcast()
}

func (p *Pipeline) appendChunk(sp *spilled, part []byte) error {
	p.mu.Lock()
	if err := p.writable(); err != nil {
		p.mu.Unlock()
		return err
	}
	if sp.id == 0 {
		p.nextID++
		sp.id = p.nextID
	}
	var head [16]byte
	t, err := p.log.AppendParts(binary.AppendUvarint(append(head[:0], recordChunk), sp.id), part)
	p.mu.Unlock()
	if err != nil {
		return MapError(err)
	}
	sp.tickets = append(sp.tickets, t)
	if err := p.log.Wait(t, journal.Process); err != nil {
		return p.fail(err)
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
