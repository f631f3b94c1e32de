package logstore

import (
	"fmt"

	"github.com/varvedb/varve/internal/segfile"
	"github.com/varvedb/varve/vfs"
)

// End is where a log ends: in which segment, and how long that one is.
type End struct {
	Segment uint32
	Length  int64 // bytes
}

// Tail describes the end of a log. The zero Tail is that of a log that was never
// written.
type Tail struct {
	End            // of the last segment that counts; zero if there is none
	First   uint32 // number of the first segment that was read; 0 if there is none
	Next    uint32 // number for the segment that continues the log
	Clean   bool   // the log was closed
	Torn    *Torn  // what is left of an unfinished write; nil if nothing is
	Records int    // that were read

	proven int64 // all of the last segment below is known to be durable
}

// Torn is what follows the end of a log that was not closed.
type Torn struct {
	File   string
	Offset int64  // where the log ends
	Bytes  int64  // from there to the last byte that is not zero
	Reason string // what was met instead of a record
}

// Scan reads the segments numbered from or higher and visits their records in
// order. If from is not 0 and there are segments at or above it, segment from must
// be there; 0 is the lowest that is there. A log without segments is empty. visit
// may be nil.
//
// The error is a *vfs.CorruptionError if the log is damaged, one that is
// ErrNewerFormat if it cannot be understood, one of the disk, or the one that
// visit returned, which ends the reading. Records may have been visited before it.
func Scan(opt Options, from uint32, visit func(Record) error) (Tail, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return Tail{}, err
	}
	if visit == nil {
		visit = func(Record) error { return nil }
	}
	r := &recovery{opt: &opt, visit: visit}
	r.tail.Next = max(from, 1)
	list, err := opt.segments()
	if err != nil {
		return Tail{}, err
	}
	for len(list) > 0 && list[0] < from {
		list = list[1:]
	}
	if len(list) > 0 && from > 0 && list[0] != from {
		return Tail{}, missing(&opt, from)
	}
	if err := r.read(list); err != nil {
		return Tail{}, err
	}
	return r.tail, nil
}

func missing(opt *Options, number uint32) error {
	return &vfs.CorruptionError{File: opt.file(number), Offset: -1, What: "the segment is missing"}
}

// recovery is one Scan.
type recovery struct {
	opt   *Options
	visit func(Record) error
	scan  scanner
	tail  Tail
}

// link is a segment and its length as the next one knows it, or -1.
type link struct {
	number uint32
	head   segfile.Header
	length int64
}

// read reads the segments, whose headers form a chain.
func (r *recovery) read(list []uint32) error {
	var links []link
	for i, n := range list {
		l, counts, err := r.link(n, i == len(list)-1)
		if err != nil {
			return err
		}
		if !counts {
			r.tail.Next = n
			break
		}
		if i > 0 {
			if err := r.follow(&links[i-1], l); err != nil {
				return err
			}
		}
		links = append(links, l)
		r.tail.Next = n + 1
	}
	for _, l := range links {
		if err := r.segment(l); err != nil {
			return err
		}
	}
	return nil
}

// link reads the header of a segment. A last segment of which nothing was durable
// does not count.
func (r *recovery) link(number uint32, last bool) (l link, counts bool, err error) {
	l = link{number: number, length: -1}
	if err := r.scan.open(r.opt, number); err != nil {
		return l, false, err
	}
	defer r.scan.close()
	h, wrong, err := r.scan.header()
	l.head = h
	if err != nil || wrong == "" {
		return l, err == nil, err
	}
	if !last {
		return l, false, r.scan.damage(0, wrong)
	}
	if r.tail.Torn, err = r.torn(0, wrong); err == nil && r.tail.Torn == nil {
		r.tail.Torn = &Torn{File: r.scan.name, Reason: wrong}
	}
	return l, false, err
}

// follow checks that a segment continues the one before, and tells the length of
// that.
func (r *recovery) follow(before *link, l link) error {
	if l.head.Prev != uint64(before.number) || l.head.PrevLength < headerSize {
		return &vfs.CorruptionError{File: r.opt.file(l.number), Offset: 16, What: fmt.Sprintf(
			"it follows %d bytes of segment %d, but segment %d was found", l.head.PrevLength, l.head.Prev, before.number)}
	}
	before.length = l.head.PrevLength
	return nil
}

// segment visits the records of a segment and makes its end that of the tail.
func (r *recovery) segment(l link) error {
	if err := r.scan.open(r.opt, l.number); err != nil {
		return err
	}
	defer r.scan.close()
	if r.tail.First == 0 {
		r.tail.First = l.number
	}
	r.tail.proven, r.tail.Clean = 0, false
	off, last := int64(headerSize), kind(0)
	for off != l.length && !last.isEnd() {
		h, payload, wrong, err := r.scan.record(off)
		switch {
		case err != nil:
			return err
		case wrong != "" && l.length >= 0:
			return r.scan.damage(off, wrong)
		case wrong != "":
			r.tail.End = End{l.number, off}
			r.tail.Torn, err = r.torn(off, wrong)
			return err
		}
		if h.kind == kindRecord {
			r.tail.Records++
			if err := r.visit(Record{Ref{addrOf(l.number, off), h.length, h.payloadSum}, payload}); err != nil {
				return err
			}
		}
		r.tail.proven = max(r.tail.proven, int64(h.watermark))
		off, last = off+storedSize(int64(h.length)), h.kind
		if l.length >= 0 && off > l.length {
			return r.scan.damage(off, fmt.Sprintf("it goes on behind its end at %d", l.length))
		}
	}
	if last.isEnd() && l.length >= 0 && off != l.length {
		return r.scan.damage(off, fmt.Sprintf("it ends there and not at %d", l.length))
	}
	r.tail.End = End{l.number, off}
	r.tail.Clean = last == kindClosed && r.tail.Torn == nil
	return nil
}

// torn decides about the bad record at off in the last segment: it is damage if a
// later record proves that it was durable, and a torn tail otherwise, or nil if
// nothing is there.
func (r *recovery) torn(off int64, wrong string) (*Torn, error) {
	at, watermark, found, err := r.scan.proof(off+1, off)
	if err != nil {
		return nil, err
	}
	if found {
		return nil, r.scan.damage(off, fmt.Sprintf(
			"%s, but what was written later at %d says that all below %d was durable", wrong, at, watermark))
	}
	end, err := r.scan.contentEnd(off)
	if err != nil || end == off {
		return nil, err
	}
	return &Torn{File: r.scan.name, Offset: off, Bytes: end - off, Reason: wrong}, nil
}

// Behind returns a Tail with which Open continues a log behind all that is on disk,
// without reading it. It is for users who keep the Refs of their records, made
// stable, elsewhere, and read by these alone: damage is then an error where it is,
// and not of the log. A torn tail that is left before the new segment is damage to
// a Scan.
func Behind(opt Options) (Tail, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return Tail{}, err
	}
	list, err := opt.segments()
	if err != nil || len(list) == 0 {
		return Tail{Next: 1}, err
	}
	last := list[len(list)-1]
	info, err := opt.FS.Stat(opt.file(last))
	if err != nil {
		return Tail{}, fmt.Errorf("look at a segment: %w", err)
	}
	return Tail{End: End{last, max(info.Size, headerSize)}, First: list[0], Next: last + 1, Clean: true}, nil
}
