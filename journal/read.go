package journal

import (
	"fmt"

	"github.com/varvedb/varve/vfs"
)

// Record is one record of a log.
type Record struct {
	Data    []byte // valid during the call
	Segment uint64 // number of its segment
	Offset  int64  // of its group in that segment
}

// End is where a log ends: in which segment, and how long that one is.
type End struct {
	Segment uint64
	Length  int64 // bytes; less than the file where room was reserved
}

// Tail describes the end of a log. The zero Tail is that of a log that was never
// written.
type Tail struct {
	End           // of the last segment that counts; zero if there is none
	First  uint64 // number of the first segment that was read; 0 if there is none
	Next   uint64 // number for the segment that continues the log
	Clean  bool   // the log was closed
	Torn   *Torn  // what is left of an unfinished write; nil if nothing is
	Groups int    // groups that were read

	proven int64 // all of the last segment below is known to be durable
}

// Torn is what follows the end of a log that was not closed: part of a write
// that was never acknowledged as synced, or, in a recycled segment, older
// content that is no part of the log.
type Torn struct {
	File   string
	Offset int64  // where the log ends
	Bytes  int64  // from there to the last byte that is not zero
	Reason string // what was met instead of a group
}

// Read visits the records of the segments numbered from or higher, in order. If
// from is not 0 and there are segments at or above it, segment from must be
// there; 0 is the lowest number that is there. A log without segments is empty.
//
// If expect is given it is what Close returned for this log: then any
// difference, be it a shorter or a longer log, further segments or a log not
// closed, is corruption. Whoever stores it must take it back durably before the
// log is continued by Create.
//
// The error is a *vfs.CorruptionError if the log is damaged, one that is
// ErrNewerFormat or ErrSealed if it cannot be understood, one of the disk, or
// the one that visit returned, which ends the reading. Records may have been
// visited before it. visit may be nil.
func Read(opt Options, from uint64, expect *End, visit func(Record) error) (Tail, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return Tail{}, err
	}
	r := &reader{opt: &opt, visit: visit}
	c, err := r.chain(from, expect)
	if err != nil {
		return Tail{}, err
	}
	return r.read(c, expect)
}

// reader reads one log.
type reader struct {
	opt   *Options
	visit func(Record) error
	scan  scanner
	plain []byte // an opened group
}

// chain is the segments of a log that count.
type chain struct {
	links []link
	tail  Tail // all but the end of the last segment
}

// link is a segment and its length as the next one knows it, or -1.
type link struct {
	number uint64
	head   header
	length int64
}

// chain finds the segments and checks that each continues the one before.
func (r *reader) chain(from uint64, expect *End) (chain, error) {
	c := chain{tail: Tail{Next: max(from, 1)}}
	numbers, err := r.opt.listFrom(from)
	if err != nil {
		return c, err
	}
	if err := r.checkNumbers(numbers, from, expect); err != nil || len(numbers) == 0 {
		return c, err
	}
	for i, n := range numbers {
		l, torn, err := r.link(n, i == len(numbers)-1)
		if err != nil {
			return c, err
		}
		if torn != nil {
			c.tail.Next, c.tail.Torn = n, torn
			continue
		}
		if err := r.follow(&c, l, i > 0); err != nil {
			return c, err
		}
		c.tail.Next = n + 1
	}
	return c, nil
}

// checkNumbers checks that the first segment is there, and the last one if its
// number is known.
func (r *reader) checkNumbers(numbers []uint64, from uint64, expect *End) error {
	if expect != nil {
		if len(numbers) == 0 {
			return r.missing(expect.Segment)
		}
		switch last := numbers[len(numbers)-1]; {
		case last < expect.Segment:
			return r.missing(expect.Segment)
		case last > expect.Segment:
			return &vfs.CorruptionError{File: r.opt.segmentFile(last), Offset: -1,
				What: fmt.Sprintf("the log was closed in segment %d", expect.Segment)}
		}
	}
	if len(numbers) > 0 && from > 0 && numbers[0] != from {
		return r.missing(from)
	}
	return nil
}

func (r *reader) missing(number uint64) error {
	return &vfs.CorruptionError{File: r.opt.segmentFile(number), Offset: -1, What: "the segment is missing"}
}

// link reads the header of a segment. A last segment of which nothing was
// durable is torn.
func (r *reader) link(number uint64, last bool) (l link, torn *Torn, err error) {
	l = link{number: number, length: -1}
	if err := r.scan.open(r.opt, number); err != nil {
		return l, nil, err
	}
	defer r.scan.close()
	h, wrong, err := r.scan.header()
	l.head = h
	if err != nil || wrong == "" {
		return l, nil, err
	}
	if !last {
		return l, nil, r.scan.damage(0, wrong)
	}
	torn, err = r.torn(0, 0, wrong)
	if torn == nil {
		torn = &Torn{File: r.scan.name, Reason: wrong}
	}
	return l, torn, err
}

// follow adds a segment to the chain. If it is not the first it tells the length
// of the one before.
func (r *reader) follow(c *chain, l link, later bool) error {
	if !later {
		c.tail.First = l.number
		c.links = append(c.links, l)
		return nil
	}
	before := &c.links[len(c.links)-1]
	if prev := l.head.prev; prev.Segment != before.number || prev.Length < headerSize {
		return &vfs.CorruptionError{File: r.opt.segmentFile(l.number), Offset: 16, What: fmt.Sprintf(
			"it follows %d bytes of segment %d, but segment %d was found", prev.Length, prev.Segment, before.number)}
	}
	before.length = l.head.prev.Length
	c.links = append(c.links, l)
	return nil
}

// read reads the segments of a chain.
func (r *reader) read(c chain, expect *End) (Tail, error) {
	tail := c.tail
	if expect != nil && len(c.links) > 0 && c.tail.Torn == nil {
		c.links[len(c.links)-1].length = expect.Length
	} else if expect != nil {
		return Tail{}, &vfs.CorruptionError{File: r.opt.segmentFile(expect.Segment), Offset: 0, What: "the segment header is bad"}
	}
	for i, l := range c.links {
		end, err := r.segment(l)
		if err != nil {
			return Tail{}, err
		}
		tail.Groups += end.groups
		if i == len(c.links)-1 {
			tail.End = End{Segment: l.number, Length: end.off}
			tail.proven = end.proven
			tail.Clean = end.last == kindClosed && tail.Torn == nil
			if end.torn != nil {
				tail.Torn = end.torn
			}
		}
	}
	if expect != nil && !tail.Clean {
		return Tail{}, &vfs.CorruptionError{File: r.opt.segmentFile(tail.Segment), Offset: tail.Length, What: "the segment was not closed"}
	}
	return tail, nil
}
