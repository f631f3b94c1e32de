package journal

import (
	"errors"
	"fmt"

	"github.com/varvedb/varve/internal/latency"
	"github.com/varvedb/varve/vfs"
)

// Writer appends records to a log. All methods may be called concurrently, by
// tasks of the executor in the options.
//
// Records are numbered from 1 in the order of Append, their ordinals. Those up
// to written are handed to the system, those up to synced are durable; both only
// rise, and pass over records that failed. The task that has set writing may
// write to files and start segments; up to maxSyncs others may sync meanwhile.
type Writer struct {
	opt Options

	dirMu  vfs.Mutex // guards names of segments that are not current
	spares []uint64  // files kept for reuse, by number

	mu        vfs.Mutex
	cond      vfs.Cond // signals each change of what follows
	fill      *run     // takes records
	idle      *run     // nil while it is written
	plan      plan
	floor     uint64    // the highest result of Rotate
	appended  uint64    // ordinals
	written   uint64    //
	synced    uint64    //
	failures  []failure // rising
	broken    error     // set for good when the outcome of an operation is unknown
	stalled   error     // set from a full disk to Resume
	closing   bool
	closed    bool
	end       End   // result of Close
	closeErr  error //
	releasing uint64
	stats     Stats
	syncTime  latency.Recorder

	writing bool
	cur     *segment // nil between two segments; changed under mu while writing
	prev    End      // of the segment before the current one; as cur

	headless uint64 // segment whose file got no header; of the task that writes

	framer framer // of the task that writes
	sealed []byte //
}

// failure is a range of records that were never written for want of room.
type failure struct {
	first, last uint64 // ordinals
	err         error
}

// Stats counts what a writer did.
type Stats struct {
	Records  int64  // appended
	Groups   int64  // written
	Writes   int64  // of one or more groups
	Syncs    int64  // of file data
	Bytes    int64  // written, with headers and padding
	Segments int64  // started
	Recycled int64  // of these, in a file used before
	Segment  uint64 // number of the current one
	Length   int64  // of the current one, as far as it is written
	SyncTime latency.Histogram
}

// Ticket stands for a record that was appended.
type Ticket struct {
	w       *Writer
	ordinal uint64
}

var (
	errForeign = errors.New("journal: the ticket is not of this writer")
	errClosed  = fmt.Errorf("journal: %w", vfs.ErrClosed)
)

// Create continues the log that ends at after, as Read returned it, in a new
// segment numbered after.Next. The zero Tail starts a log at number 1. What Read
// found is made durable first. A file with that number is replaced: after Read
// it has nothing that counts. A file with a higher number is an error.
//
// When Create returns, the directory entry of the segment is durable; its header
// is with the first sync.
func Create(opt Options, after Tail) (*Writer, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &Writer{opt: opt, prev: after.End, fill: &run{}, idle: &run{}}
	w.mu, w.dirMu = opt.Executor.NewMutex(), opt.Executor.NewMutex()
	w.cond = opt.Executor.NewCond(w.mu)
	number := max(after.Next, 1)
	w.plan.begin(&w.opt, number)
	if err := w.prepare(after, number); err != nil {
		return nil, err
	}
	if err := w.start(number); err != nil {
		return nil, fmt.Errorf("start a segment: %w", err)
	}
	return w, nil
}

// Append adds a record to the log and fixes its place in the order. It copies
// the record and does no IO. The error is vfs.ErrClosed, ErrUnknownOutcome,
// ErrTooLarge, or, until Resume, vfs.ErrNoSpace; then nothing was appended.
func (w *Writer) Append(record []byte) (Ticket, error) { return w.AppendParts(record) }

// AppendParts is Append for a record that is the concatenation of parts.
func (w *Writer) AppendParts(parts ...[]byte) (Ticket, error) {
	var size int64
	for _, p := range parts {
		size += int64(len(p))
	}
	if size > MaxRecord {
		return Ticket{}, ErrTooLarge
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refuse(); err != nil {
		return Ticket{}, err
	}
	if w.plan.place(&w.opt, recordSize(int(size))) {
		w.fill.groups = append(w.fill.groups, groupMark{segment: w.plan.segment})
	}
	w.appended++
	w.stats.Records++
	w.fill.add(parts, int(size), w.appended)
	return Ticket{w, w.appended}, nil
}

// refuse returns why no record is taken.
func (w *Writer) refuse() error {
	switch {
	case w.broken != nil:
		return w.broken
	case w.closing:
		return errClosed
	}
	return w.stalled
}

// Rotate makes records appended after the call go to segments numbered as the
// result or higher, and all before to lower ones. It does no IO: the segment is
// started when a record is written to it.
func (w *Writer) Rotate() (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return 0, w.broken
	}
	if w.closing {
		return 0, errClosed
	}
	if !w.plan.empty() {
		w.plan.begin(&w.opt, w.plan.segment+1)
	}
	w.floor = w.plan.segment
	return w.floor, nil
}

// Resume takes records again after a full disk made some fail. Whoever appends
// calls it when it has undone what depended on those.
func (w *Writer) Resume() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	if w.closing {
		return errClosed
	}
	w.stalled = nil
	return nil
}

// Stats returns what was counted so far.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.SyncTime = w.syncTime.Load()
	if w.cur != nil {
		s.Segment, s.Length = w.cur.number, w.cur.off
	}
	return s
}

// Failed returns the error with which the record failed, and nil as long as it
// has not failed. It does not wait.
func (t Ticket) Failed() error {
	if t.w == nil {
		return errForeign
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	return t.w.failed(t.ordinal)
}

// failed returns why the record can no longer become durable.
func (w *Writer) failed(ordinal uint64) error {
	for i := len(w.failures) - 1; i >= 0 && w.failures[i].last >= ordinal; i-- {
		if w.failures[i].first <= ordinal {
			return w.failures[i].err
		}
	}
	if ordinal > w.synced {
		return w.broken
	}
	return nil
}
