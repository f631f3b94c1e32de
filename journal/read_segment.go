package journal

import (
	"encoding/binary"
	"fmt"
)

// segmentEnd tells how reading a segment ended.
type segmentEnd struct {
	off    int64 // the length of the segment
	last   kind  // of its last unit; 0 if there is none
	groups int
	proven int64 // the highest watermark
	torn   *Torn
}

// segment visits the records of a segment. If its length is known, everything
// below must be valid.
func (r *reader) segment(l link) (end segmentEnd, err error) {
	if err := r.scan.open(r.opt, l.number); err != nil {
		return end, err
	}
	defer r.scan.close()
	end.off = headerSize
	for end.off != l.length && !end.last.isEnd() {
		u, wrong, err := r.scan.unit(end.off)
		switch {
		case err != nil:
			return end, err
		case wrong != "" && l.length >= 0:
			return end, r.scan.damage(u.off, wrong)
		case wrong != "":
			end.torn, err = r.torn(end.off, u.off, wrong)
			return end, err
		case l.length >= 0 && u.end > l.length:
			return end, r.scan.damage(u.off, fmt.Sprintf("it goes on behind its end at %d", l.length))
		case u.kind == kindWhole:
			end.groups++
			if err := r.group(l, u); err != nil {
				return end, err
			}
		}
		end.off, end.last, end.proven = u.end, u.kind, max(end.proven, u.watermark)
	}
	return end, r.checkEnd(l, end)
}

// checkEnd checks that an end mark is where the segment ends, and that nothing
// behind it was written when it was already there.
func (r *reader) checkEnd(l link, end segmentEnd) error {
	switch {
	case !end.last.isEnd() || end.off == l.length:
		return nil
	case l.length >= 0:
		return r.scan.damage(end.off, fmt.Sprintf("it ends there and not at %d", l.length))
	}
	_, err := r.torn(end.off, end.off-fragmentSize-markSize, "the segment ends")
	return err
}

// torn decides about the bad fragment at offset bad of the last segment, whose
// last valid unit ends at off: it is damage if a later fragment proves that it
// was durable, and a torn tail otherwise, or nil if nothing is there.
func (r *reader) torn(off, bad int64, wrong string) (*Torn, error) {
	f, ok, err := r.scan.find(bad+1, search{above: bad})
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, r.scan.damage(bad, fmt.Sprintf(
			"%s, but what was written later at %d says that all below %d was durable", wrong, f.off, f.watermark))
	}
	end, err := r.scan.contentEnd(off)
	if err != nil || end == off {
		return nil, err
	}
	return &Torn{File: r.scan.name, Offset: off, Bytes: end - off, Reason: wrong}, nil
}

// group visits the records of a group.
func (r *reader) group(l link, u fragment) error {
	data, err := r.open(l, u)
	if err != nil {
		return err
	}
	if !wellFormed(data) {
		return r.scan.damage(u.off, "the records of a group make no sense")
	}
	return r.records(l, u, data)
}

// records visits records that are well formed.
func (r *reader) records(l link, u fragment, data []byte) error {
	if r.visit == nil {
		return nil
	}
	for len(data) > 0 {
		n, size := binary.Uvarint(data)
		end := size + int(n)
		rec := Record{Data: data[size:end:end], Segment: l.number, Offset: u.off}
		if err := r.visit(rec); err != nil {
			return err
		}
		data = data[end:]
	}
	return nil
}

// wellFormed reports whether data is a sequence of records.
func wellFormed(data []byte) bool {
	if len(data) == 0 {
		return false
	}
	for len(data) > 0 {
		n, size := binary.Uvarint(data)
		if size <= 0 || n > uint64(len(data)-size) {
			return false
		}
		data = data[size+int(n):]
	}
	return true
}

// open returns the records of a group, unsealed if need be.
func (r *reader) open(l link, u fragment) ([]byte, error) {
	if sealed := u.flags&flagSealed != 0; sealed != l.head.sealed {
		return nil, r.scan.damage(u.off, "a group is sealed and its segment is not, or the other way round")
	} else if !sealed {
		return u.payload, nil
	}
	if r.opt.Sealer == nil {
		return nil, fmt.Errorf("%s at %d: %w", r.scan.name, u.off, ErrSealed)
	}
	if len(u.payload) < keyIDSize {
		return nil, r.scan.damage(u.off, "a sealed group is too short")
	}
	key := binary.LittleEndian.Uint32(u.payload)
	plain, err := r.opt.Sealer.Open(key, r.plain[:0], u.payload[keyIDSize:], sealedWith(l.number, u.off))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", r.scan.damage(u.off, "a sealed group cannot be opened"), err)
	}
	r.plain = plain
	return plain, nil
}

// sealedWith is the additional data of a sealed group: its place.
func sealedWith(number uint64, off int64) []byte {
	aad := binary.LittleEndian.AppendUint64(make([]byte, 0, 16), number)
	return binary.LittleEndian.AppendUint64(aad, uint64(off))
}
