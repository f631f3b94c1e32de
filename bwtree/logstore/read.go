package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// Read appends the payload of a record to dst[:0]. It reads memory if the record
// is not written yet, else the file, with one read of the exact size. The error
// is a *vfs.CorruptionError if and only if the outcome is Corrupt, and nil if it
// is OK or Zeroed.
func (s *Store) Read(ref Ref, dst []byte) ([]byte, Outcome, error) {
	if failure := s.failure.Load(); s.closed.Load() && failure == nil {
		return nil, Unknown, errClosed
	}
	if data := s.buffered(ref); data != nil {
		return s.judge(ref, append(dst[:0], data...))
	}
	file, err := s.files.use(ref.Addr.Segment())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Corrupt, s.damage(ref, "the segment is missing")
	}
	if err != nil {
		return nil, Unknown, err
	}
	n := int(ref.Stored())
	dst = slices.Grow(dst[:0], n)[:n]
	read, err := file.ReadAt(dst, ref.Addr.Offset())
	err = errors.Join(ignoreEOF(err), file.release())
	if err != nil {
		return nil, Unknown, fmt.Errorf("read %s at %d: %w", file.Name(), ref.Addr.Offset(), err)
	}
	return s.judge(ref, dst[:read])
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// buffered returns a record that is not written yet, with its header.
func (s *Store) buffered(ref Ref) []byte {
	for b := s.oldest.Load(); b != nil; b = b.next.Load() {
		at := ref.Addr.Offset() - b.start
		if b.segment == ref.Addr.Segment() && at >= 0 && at+ref.Stored() <= reserved(b.word.Load()) {
			return b.data[at : at+ref.Stored()]
		}
	}
	return nil
}

// judge decides about the bytes of a record, and returns the payload, at the
// beginning of their memory.
func (s *Store) judge(ref Ref, b []byte) ([]byte, Outcome, error) {
	if allZero(b) {
		return nil, Zeroed, nil
	}
	check := s.checks.Get().(*segfile.Checker)
	h, wrong := parseHead(b, ref.Addr.Segment(), ref.Addr.Offset(), check)
	s.checks.Put(check)
	if wrong == "" && (h.length != ref.Size || h.kind.isEnd() || ref.Sum != 0 && h.payloadSum != ref.Sum) {
		wrong = "another record is there"
	}
	if wrong == "" {
		wrong = h.checkPayload(b)
	}
	switch {
	case wrong != "":
		return nil, Corrupt, s.damage(ref, wrong)
	case h.kind == kindAborted:
		return nil, Zeroed, nil
	}
	n := copy(b, b[recordHeader:recordHeader+h.length])
	return b[:n], OK, nil
}

func (s *Store) damage(ref Ref, what string) error {
	return &vfs.CorruptionError{File: s.opt.file(ref.Addr.Segment()), Offset: ref.Addr.Offset(), What: what}
}

// Iterate visits the records from the address on, in order, up to Stable at the
// time of the call. From is the address of a record, or of a segment (offset 0).
// The data are valid during the call. An error of visit ends it and is returned.
func (s *Store) Iterate(from Addr, visit func(Record) error) error {
	stable := s.Stable()
	list, err := s.opt.segments()
	if err != nil {
		return err
	}
	for len(list) > 0 && list[len(list)-1] > s.head.Load() {
		list = list[:len(list)-1] // it is being made
	}
	var sc scanner
	for i, n := range list {
		if n < from.Segment() || n > stable.Segment() {
			continue
		}
		end, err := s.endOf(list[i:], stable)
		if err != nil {
			return err
		}
		first := int64(headerSize)
		if n == from.Segment() {
			first = max(first, from.Offset())
		}
		if err := sc.records(&s.opt, n, first, end, visit); err != nil {
			return err
		}
	}
	return nil
}

// endOf returns where the first of the segments ends: where the next one says, or
// where the log was opened, or where it is stable.
func (s *Store) endOf(list []uint32, stable Addr) (int64, error) {
	switch n := list[0]; {
	case n == stable.Segment():
		return stable.Offset(), nil
	case len(list) == 1 && n == s.after.Segment:
		return s.after.Length, nil
	case len(list) == 1:
		return -1, nil // it is being ended
	}
	var sc scanner
	if err := sc.open(&s.opt, list[1]); err != nil {
		return 0, err
	}
	defer sc.close()
	h, wrong, err := sc.header()
	if err == nil && wrong != "" {
		err = sc.damage(0, wrong)
	}
	return h.PrevLength, err
}
