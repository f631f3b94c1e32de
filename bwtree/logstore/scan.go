package logstore

import (
	"encoding/binary"
	"fmt"

	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// Record is one record of a log.
type Record struct {
	Ref  Ref
	Data []byte // valid during the call
}

// windowSize is how much of a segment is read at once, at least.
const windowSize = 128 << 10

// scanner reads the records of one segment after the other. It is not for
// concurrent use.
type scanner struct {
	file   vfs.File
	name   string
	number uint32
	size   int64
	check  segfile.Checker
	window []byte // of the file, from at on
	at     int64
}

// open prepares the scanner for a segment; the caller closes it.
func (s *scanner) open(opt *Options, number uint32) error {
	file, err := opt.FS.Open(opt.file(number))
	if err != nil {
		return fmt.Errorf("open a segment: %w", err)
	}
	s.file, s.name, s.number = file, opt.file(number), number
	s.window, s.at = s.window[:0], 0
	if s.size, err = file.Size(); err != nil {
		file.Close()
		return fmt.Errorf("open a segment: %w", err)
	}
	return nil
}

func (s *scanner) close() error { return s.file.Close() }

// bytes returns n bytes at off, or as many as the file has.
func (s *scanner) bytes(off, n int64) ([]byte, error) {
	n = max(0, min(n, s.size-off))
	if off < s.at || off+n > s.at+int64(len(s.window)) {
		if err := s.load(off, n); err != nil {
			return nil, err
		}
	}
	from := min(off-s.at, int64(len(s.window)))
	return s.window[from:min(from+n, int64(len(s.window)))], nil
}

func (s *scanner) load(off, n int64) error {
	n = min(max(n, windowSize), s.size-off)
	if int64(cap(s.window)) < n {
		s.window = make([]byte, n)
	}
	s.at, s.window = off, s.window[:n]
	read, err := s.file.ReadAt(s.window, off)
	s.window = s.window[:read]
	if int64(read) < n && ignoreEOF(err) != nil {
		s.window = s.window[:0]
		return fmt.Errorf("read %s at %d: %w", s.name, off, err)
	}
	return nil
}

// record reads the record at off. If there is none, wrong says why.
func (s *scanner) record(off int64) (h head, payload []byte, wrong string, err error) {
	b, err := s.bytes(off, recordHeader)
	if err != nil {
		return h, nil, "", err
	}
	if h, wrong = parseHead(b, s.number, off, &s.check); wrong != "" {
		return h, nil, wrong, nil
	}
	if b, err = s.bytes(off, storedSize(int64(h.length))); err != nil {
		return h, nil, "", err
	}
	if wrong = h.checkPayload(b); wrong != "" {
		return h, nil, wrong, nil
	}
	payload = b[recordHeader : recordHeader+h.length]
	if h.kind.isEnd() && binary.LittleEndian.Uint64(payload) != uint64(off+endSize) {
		return h, nil, "an end makes no sense", nil
	}
	return h, payload, "", nil
}

// header reads the header of the segment.
func (s *scanner) header() (segfile.Header, string, error) {
	b, err := s.bytes(0, headerSize)
	if err != nil {
		return segfile.Header{}, "", err
	}
	h, wrong := segfile.ParseHeader(b, magic, formatVersion, uint64(s.number))
	switch {
	case wrong == "" && h.Version > formatVersion:
		return h, "", fmt.Errorf("%s has format %d, this is %d: %w", s.name, h.Version, formatVersion, ErrNewerFormat)
	case wrong == "" && (h.Flags != 0 || h.Prev>>32 != 0):
		wrong = "the segment header makes no sense"
	}
	return h, wrong, nil
}

// proof returns the first offset from off on with the valid header of a record
// whose watermark is above bad. Nearly all offsets are ruled out by bytes that
// cost little to look at.
func (s *scanner) proof(off, bad int64) (at int64, watermark uint64, found bool, err error) {
	off = (off + align - 1) &^ (align - 1)
	for ; off+recordHeader <= s.size; off += align {
		b, err := s.bytes(off, recordHeader)
		if err != nil || len(b) < recordHeader {
			return 0, 0, false, err
		}
		watermark = binary.LittleEndian.Uint64(b[16:])
		if !kind(b[12]).valid() || watermark > uint64(off) || int64(watermark) <= bad {
			continue
		}
		if _, wrong := parseHead(b, s.number, off, &s.check); wrong == "" {
			return off, watermark, true, nil
		}
	}
	return 0, 0, false, nil
}

// contentEnd returns the offset after the last byte that is not zero at or after
// off, or off.
func (s *scanner) contentEnd(off int64) (int64, error) {
	end := off
	for off < s.size {
		b, err := s.bytes(off, min(windowSize, s.size-off))
		if err != nil || len(b) == 0 {
			return end, err
		}
		for i := len(b); i > 0; i-- {
			if b[i-1] != 0 {
				end = off + int64(i)
				break
			}
		}
		off += int64(len(b))
	}
	return end, nil
}

// records visits the records of a segment from off to before limit, or, if limit
// is negative, to its end record or the end of the file. All must be valid.
func (s *scanner) records(opt *Options, number uint32, off, limit int64, visit func(Record) error) error {
	if err := s.open(opt, number); err != nil {
		return err
	}
	defer s.close()
	for off != limit && (limit >= 0 || off < s.size) {
		h, payload, wrong, err := s.record(off)
		if err != nil {
			return err
		}
		if wrong != "" {
			return s.damage(off, wrong)
		}
		if h.kind.isEnd() {
			return nil
		}
		if h.kind == kindRecord {
			if err := visit(Record{Ref{addrOf(number, off), h.length, h.payloadSum}, payload}); err != nil {
				return err
			}
		}
		off += storedSize(int64(h.length))
	}
	return nil
}

func (s *scanner) damage(off int64, what string) error {
	return &vfs.CorruptionError{File: s.name, Offset: off, What: what}
}
