package journal

import (
	"errors"
	"math"

	"github.com/varvedb/varve/vfs"
)

// Lost is a range of a segment from which nothing could be read.
type Lost struct {
	File     string
	From, To int64 // To is -1 if the whole file is missing
	Reason   string
}

// Salvage visits the records of all intact groups of the segments numbered from
// or higher, in order, past any damage, and returns what was lost. Bytes behind
// the last group of a segment whose end is not known are in that list too if
// they are not zero; in a recycled segment they may be older content. Errors are
// those of the disk, of visit, ErrNewerFormat and ErrSealed.
func Salvage(opt Options, from uint64, visit func(Record) error) ([]Lost, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	numbers, err := opt.listFrom(from)
	if err != nil {
		return nil, err
	}
	s := &salvager{reader: reader{opt: &opt, visit: visit}}
	if err := s.headers(numbers); err != nil {
		return nil, err
	}
	for i, l := range s.links {
		s.missing(i)
		if s.bad[i] != "" {
			s.lost = append(s.lost, Lost{File: opt.segmentFile(l.number), To: headerSize, Reason: s.bad[i]})
		}
		if err := s.segment(l); err != nil {
			return s.lost, err
		}
	}
	return s.lost, nil
}

// salvager reads what is left of a log.
type salvager struct {
	reader
	links []link
	bad   []string // what is wrong with the header of each link
	lost  []Lost
}

// headers reads the headers, and from them what they know of the segment before.
func (s *salvager) headers(numbers []uint64) error {
	for i, n := range numbers {
		if err := s.scan.open(s.opt, n); err != nil {
			return err
		}
		h, wrong, err := s.scan.header()
		s.scan.close()
		if err != nil {
			return err
		}
		s.links = append(s.links, link{number: n, head: h, length: -1})
		s.bad = append(s.bad, wrong)
		if i > 0 && wrong == "" && h.prev.Segment == numbers[i-1] && h.prev.Length >= headerSize {
			s.links[i-1].length = h.prev.Length
		}
	}
	return nil
}

// missing reports the segment before link i if it should be there.
func (s *salvager) missing(i int) {
	if i == 0 || s.bad[i] != "" {
		return
	}
	if prev := s.links[i].head.prev.Segment; prev != s.links[i-1].number && prev != 0 {
		s.lost = append(s.lost, Lost{File: s.opt.segmentFile(prev), To: -1, Reason: "the segment is missing"})
	}
}

// segment visits what is intact of a segment.
func (s *salvager) segment(l link) error {
	if err := s.scan.open(s.opt, l.number); err != nil {
		return err
	}
	defer s.scan.close()
	limit := int64(math.MaxInt64)
	if l.length >= 0 {
		limit = l.length
	}
	for off := int64(headerSize); off >= 0 && off < limit; {
		u, wrong, err := s.unit(&l, off)
		switch {
		case err != nil:
			return err
		case wrong == "" && u.kind.isEnd():
			return nil
		case wrong == "":
			off = u.end
		default:
			if off, err = s.resync(off, u.off, l.length, wrong); err != nil {
				return err
			}
		}
	}
	return nil
}

// unit reads one unit and visits it if it is a group.
func (s *salvager) unit(l *link, off int64) (u fragment, wrong string, err error) {
	u, wrong, err = s.scan.unit(off)
	if err != nil || wrong != "" || u.kind != kindWhole {
		return u, wrong, err
	}
	l.head.sealed = u.flags&flagSealed != 0
	data, err := s.open(*l, u)
	var damage *vfs.CorruptionError
	switch {
	case errors.As(err, &damage):
		return u, damage.What, nil
	case err != nil:
		return u, "", err
	case !wellFormed(data):
		return u, "the records of a group make no sense", nil
	}
	return u, "", s.records(*l, u, data)
}

// resync finds where units start again behind the bad fragment and reports what
// is lost from off on; it returns -1 if there are none below length, if that is
// known.
func (s *salvager) resync(off, bad, length int64, wrong string) (int64, error) {
	from := bad // a unit may start there, if that of off is cut short by it
	if bad == fragmentAt(off) {
		from++
	}
	f, ok, err := s.scan.find(from, search{above: -1, start: true})
	if err != nil {
		return -1, err
	}
	if ok && (f.off < length || length < 0) {
		s.lost = append(s.lost, Lost{File: s.scan.name, From: off, To: f.off, Reason: wrong})
		return f.off, nil
	}
	end := length
	if length < 0 {
		if end, err = s.scan.contentEnd(off); err != nil {
			return -1, err
		}
	}
	if end > off {
		s.lost = append(s.lost, Lost{File: s.scan.name, From: off, To: end, Reason: wrong})
	}
	return -1, nil
}
