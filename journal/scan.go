package journal

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/varvedb/varve/vfs"
)

// windowSize is how much of a segment a scanner reads at once: whole blocks.
const windowSize = 4 * blockSize

// scanner reads the fragments and units of one segment. It is not for
// concurrent use.
type scanner struct {
	file   vfs.File
	name   string
	number uint64
	size   int64 // of the file

	check  checker
	window []byte // blocks of the file from windowAt on
	at     int64
	group  []byte // a group put together from its fragments
}

// fragment is a valid fragment. Its payload is valid until the scanner moves.
type fragment struct {
	off, end  int64
	kind      kind
	flags     byte
	watermark int64
	payload   []byte
}

// open prepares the scanner for another segment; the caller closes it.
func (s *scanner) open(opt *Options, number uint64) error {
	s.name, s.number = opt.segmentFile(number), number
	s.window, s.at = s.window[:0], 0
	file, err := opt.FS.Open(s.name)
	if err != nil {
		return fmt.Errorf("open a segment: %w", err)
	}
	if s.size, err = file.Size(); err != nil {
		file.Close()
		return fmt.Errorf("open a segment: %w", err)
	}
	s.file = file
	return nil
}

// extend says how long the segment is by now, while it grows.
func (s *scanner) extend(size int64) {
	if size != s.size {
		s.size, s.window = size, s.window[:0]
	}
}

func (s *scanner) close() error { return s.file.Close() }

// block returns what the file has from off to the end of its block.
func (s *scanner) block(off int64) ([]byte, error) {
	end := off - off%blockSize + blockSize
	if off < s.at || end > s.at+windowSize || len(s.window) == 0 {
		if err := s.load(off - off%blockSize); err != nil {
			return nil, err
		}
	}
	from, to := off-s.at, min(end-s.at, int64(len(s.window)))
	return s.window[min(from, to):to], nil
}

func (s *scanner) load(at int64) error {
	n := max(0, min(windowSize, s.size-at))
	if int64(cap(s.window)) < n {
		s.window = make([]byte, n)
	}
	s.at, s.window = at, s.window[:n]
	if n == 0 {
		return nil
	}
	read, err := s.file.ReadAt(s.window, at)
	if int64(read) < n && err != nil && err != io.EOF {
		s.window = s.window[:0]
		return fmt.Errorf("read %s at %d: %w", s.name, at, err)
	}
	s.window = s.window[:read]
	return nil
}

// fragment reads the fragment at off, or behind the filling at off. If there is
// none, wrong says why and only the offset of the fragment is set.
func (s *scanner) fragment(off int64) (f fragment, wrong string, err error) {
	f.off = fragmentAt(off)
	b, err := s.block(f.off)
	if err != nil {
		return f, "", err
	}
	if len(b) < fragmentSize {
		return f, "the file ends", nil
	}
	wrong = s.parse(b, &f)
	return f, wrong, nil
}

// parse decodes and checks the fragment at f.off, where b starts.
func (s *scanner) parse(b []byte, f *fragment) (wrong string) {
	le := binary.LittleEndian
	length := int(le.Uint16(b[4:]))
	f.kind, f.flags = kind(b[6]), b[7]
	watermark := le.Uint64(b[8:])
	switch {
	case allZero(b[:fragmentSize]):
		return "there are zeros"
	case !f.kind.valid() || f.flags&^flagSealed != 0 || watermark > uint64(f.off),
		length == 0 && f.kind != kindPad, f.kind.isEnd() && length != markSize:
		return "there is no fragment"
	case fragmentSize+length > len(b):
		return "a fragment is cut off"
	}
	f.watermark = int64(watermark)
	f.payload = b[fragmentSize : fragmentSize+length]
	f.end = f.off + fragmentSize + int64(length)
	if s.check.sum(s.number, f.off, b, f.payload) != le.Uint32(b) {
		return "a checksum does not match"
	}
	return ""
}

// unit reads the group, mark or padding at off. Its payload is valid until the
// scanner moves. If there is none, wrong says why and off is that of the first
// bad fragment.
func (s *scanner) unit(off int64) (u fragment, wrong string, err error) {
	f, wrong, err := s.fragment(off)
	if err != nil || wrong != "" {
		return f, wrong, err
	}
	if f.kind.isEnd() && binary.LittleEndian.Uint64(f.payload) != uint64(f.end) {
		return f, "an end mark makes no sense", nil
	}
	if !f.kind.startsUnit() {
		return f, "the start of a group is missing", nil
	}
	if f.kind != kindFirst {
		return f, "", nil
	}
	u = f
	s.group = s.group[:0]
	for f.kind != kindLast {
		s.group = append(s.group, f.payload...)
		if f, wrong, err = s.fragment(f.end); err != nil || wrong != "" {
			return f, wrong, err
		}
		if f.kind.startsUnit() || f.flags != u.flags || f.watermark != u.watermark {
			return f, "a group is incomplete", nil
		}
	}
	s.group = append(s.group, f.payload...)
	u.kind, u.end, u.payload = kindWhole, f.end, s.group
	return u, "", nil
}

// header reads the header of the segment.
func (s *scanner) header() (header, string, error) {
	b, err := s.block(0)
	if err != nil {
		return header{}, "", err
	}
	h, wrong := parseHeader(b, s.number)
	if wrong == "" && h.version > formatVersion {
		return h, "", fmt.Errorf("%s has format %d, this is %d: %w", s.name, h.version, formatVersion, ErrNewerFormat)
	}
	return h, wrong, nil
}

func (s *scanner) damage(off int64, what string) error {
	return &vfs.CorruptionError{File: s.name, Offset: off, What: what}
}

func allZero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
