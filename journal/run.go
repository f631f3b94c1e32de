package journal

import (
	"encoding/binary"
	"math/bits"
)

// run is records that will be written together: one or more groups.
type run struct {
	data   []byte      // records, each with its length
	groups []groupMark // of data, in order
}

// groupMark is where a group of a run ends and the segment it goes to.
type groupMark struct {
	segment uint64
	end     int    // in run.data
	last    uint64 // ordinal of its last record
}

// maxIdleBuffer is how large an unused buffer is kept, in bytes.
const maxIdleBuffer = 4 << 20

// add appends a record to the last group.
func (r *run) add(parts [][]byte, size int, ordinal uint64) {
	r.data = binary.AppendUvarint(r.data, uint64(size))
	for _, p := range parts {
		r.data = append(r.data, p...)
	}
	g := &r.groups[len(r.groups)-1]
	g.end, g.last = len(r.data), ordinal
}

// reset empties the run.
func (r *run) reset() {
	r.data, r.groups = r.data[:0], r.groups[:0]
	if cap(r.data) > maxIdleBuffer {
		r.data = nil
	}
}

// group returns the records of group i.
func (r *run) group(i int) []byte {
	start := 0
	if i > 0 {
		start = r.groups[i-1].end
	}
	return r.data[start:r.groups[i].end]
}

// piece returns the end of the longest sequence of groups from group i on that
// go to one segment.
func (r *run) piece(i int) int {
	end := i + 1
	for end < len(r.groups) && r.groups[end].segment == r.groups[i].segment {
		end++
	}
	return end
}

// plan is where the next record will be written. It follows the layout of
// units, so that a record's segment is known when it is appended.
type plan struct {
	segment uint64
	start   int64 // of the open group
	open    int   // bytes in the open group; 0 is that there is none
	first   bool  // no group of the segment was planned before the open one
}

// begin plans for a segment in which nothing is written yet.
func (p *plan) begin(opt *Options, segment uint64) {
	*p = plan{segment: segment, start: opt.firstOffset(), first: true}
}

// finishGroup plans the next group behind the open one.
func (p *plan) finishGroup(opt *Options) {
	if p.open > 0 {
		p.start = layoutEnd(p.start, opt.sealedSize(p.open))
		p.open, p.first = 0, false
	}
}

// finishRun plans the next group behind the open one in a run of its own.
func (p *plan) finishRun(opt *Options) {
	p.finishGroup(opt)
	p.start = padEnd(p.start, opt.Sector)
}

// empty reports whether nothing is planned for the segment.
func (p *plan) empty() bool { return p.first && p.open == 0 }

// place finds the group of a record of size bytes with its length. It returns
// whether that is a new one.
func (p *plan) place(opt *Options, size int) (fresh bool) {
	if p.open > 0 && p.open+size > opt.MaxGroup {
		p.finishGroup(opt)
	}
	end := layoutEnd(p.start, opt.sealedSize(p.open+size)) + 2*fragmentSize + markSize
	if end > opt.SegmentSize && !p.empty() {
		p.begin(opt, p.segment+1)
	}
	fresh = p.open == 0
	p.open += size
	return fresh
}

// recordSize returns the length of a record of n bytes in a group.
func recordSize(n int) int { return n + (bits.Len64(uint64(n)|1)+6)/7 }
