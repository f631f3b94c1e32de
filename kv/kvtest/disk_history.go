package kvtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/varvedb/varve/kv"
)

// diskHistory is what was asked of a store and what it answered. It knows which
// states the store may have after the power was cut.
//
// Each batch gets a key of its own besides its operations, its mark, which says
// whether the batch is there; everything else about it must then be there too.
type diskHistory struct {
	base     diskContent // at the beginning, durable
	attempts []*diskAttempt
	nextID   int // of a batch; ids are never used again on one disk

	acked    kv.Seq // highest number that was acknowledged
	synced   kv.Seq // all up to here survives a power cut
	buffered kv.Seq // all up to here survives the end of the process
	broken   bool   // an outcome is unknown: no write may succeed until the store is opened again
	wrong    error  // a rule that an answer broke
}

// diskOutcome is what is known of a batch.
type diskOutcome uint8

const (
	maybe   diskOutcome = iota // no answer, or one that leaves it open
	there                      // acknowledged
	refused                    // with an error that says that nothing was changed
)

// newHistory returns the history of what follows h on a disk with this content.
func (h *diskHistory) newHistory(base diskContent) *diskHistory {
	return &diskHistory{base: base, nextID: h.nextID, acked: h.acked, synced: h.acked, buffered: h.acked}
}

// diskAttempt is a batch that was given to the store.
type diskAttempt struct {
	id      int
	batch   *kv.Batch
	level   kv.Durability
	since   kv.Seq // what was acknowledged before
	broken  bool   // diskHistory.broken when it began
	seq     kv.Seq
	outcome diskOutcome
	err     error
}

// Keyspaces of the disk harnesses.
const (
	diskData  = 1
	diskMarks = 2
)

func dataKey(key string) []byte { return append(kv.KeyspacePrefix(diskData), key...) }

func markKey(id int) []byte {
	return binary.BigEndian.AppendUint32(kv.KeyspacePrefix(diskMarks), uint32(id))
}

// begin notes a batch and gives it its mark.
func (h *diskHistory) begin(b *kv.Batch, level kv.Durability) *diskAttempt {
	id := h.nextID
	h.nextID++
	b.Put(markKey(id), fmt.Append(nil, "batch ", id))
	copied, err := kv.DecodeBatch(slices.Clone(b.Encoding()))
	if err != nil {
		h.violated("the batch does not decode: %v", err)
	}
	a := &diskAttempt{id: id, batch: copied, level: level, since: h.acked, broken: h.broken}
	h.attempts = append(h.attempts, a)
	return a
}

// end notes the answer of the store.
func (h *diskHistory) end(a *diskAttempt, seq kv.Seq, err error) {
	a.seq, a.err = seq, err
	switch {
	case err == nil:
		h.acknowledge(a)
	case a.broken || saysNothingChanged(err):
		a.outcome = refused
	case errors.Is(err, kv.ErrUnknownOutcome):
		h.broken = true
	}
}

func (h *diskHistory) acknowledge(a *diskAttempt) {
	a.outcome = there
	if a.seq <= a.since {
		h.violated("batch %d has number %d, and %d was given out before it began", a.id, a.seq, a.since)
	}
	if a.broken {
		h.violated("batch %d succeeded after an outcome was unknown", a.id)
	}
	h.acked = max(h.acked, a.seq)
	switch a.level {
	case kv.Sync:
		h.promise(a.seq)
	case kv.Buffered:
		h.buffered = max(h.buffered, a.seq)
	}
}

// promise notes that everything up to seq is on stable storage.
func (h *diskHistory) promise(seq kv.Seq) {
	h.synced = max(h.synced, seq)
	h.buffered = max(h.buffered, seq)
}

func (h *diskHistory) violated(format string, args ...any) {
	if h.wrong == nil {
		h.wrong = fmt.Errorf(format, args...)
	}
}

// saysNothingChanged reports whether the error of a write promises that it will
// never be there.
func saysNothingChanged(err error) bool {
	if errors.Is(err, kv.ErrUnknownOutcome) {
		return false
	}
	for _, is := range []error{kv.ErrNoSpace, kv.ErrConflict, kv.ErrTooOld, kv.ErrReadOnly, kv.ErrClosed, kv.ErrTooLarge, kv.ErrBusy} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// apply gives a batch to the store and notes what came of it.
func (h *diskHistory) apply(s kv.Store, b *kv.Batch, opt kv.WriteOptions) error {
	a := h.begin(b, opt.Durability)
	seq, err := s.Apply(context.Background(), b, opt)
	h.end(a, seq, err)
	return err
}

// check returns nil if the store may have this content, given that it must have
// every batch up to the number survive that was acknowledged.
func (h *diskHistory) check(got diskContent, survive kv.Seq) error {
	if h.wrong != nil {
		return h.wrong
	}
	acked, open, err := h.survivors(got)
	if err != nil {
		return err
	}
	n := 0
	for n < len(acked) && got.has(markKey(acked[n].id)) {
		n++
	}
	for _, a := range acked[n:] {
		if got.has(markKey(a.id)) {
			return fmt.Errorf("batch %d (number %d) is there and batch %d (number %d), from before it, is not",
				a.id, a.seq, acked[n].id, acked[n].seq)
		}
	}
	for _, a := range open {
		if n < len(acked) && a.since >= acked[n].seq {
			return fmt.Errorf("batch %d is there and batch %d, acknowledged before it began, is not", a.id, acked[n].id)
		}
	}
	if n < len(acked) && acked[n].seq <= survive {
		return fmt.Errorf("batch %d (number %d, %v) is lost, all up to %d was promised to survive",
			acked[n].id, acked[n].seq, acked[n].level, survive)
	}
	return h.checkOrders(got, acked[:n], open)
}

// survivors returns the acknowledged batches in order, and those without a clear
// answer that are there. A refused one must not be.
func (h *diskHistory) survivors(got diskContent) (acked, open []*diskAttempt, err error) {
	for _, a := range h.attempts {
		switch {
		case a.outcome == there:
			acked = append(acked, a)
		case !got.has(markKey(a.id)):
		case a.outcome == maybe:
			open = append(open, a)
		default:
			return nil, nil, fmt.Errorf("batch %d is there, though it was refused: %w", a.id, a.err)
		}
	}
	slices.SortFunc(acked, func(a, b *diskAttempt) int { return int(int64(a.seq) - int64(b.seq)) })
	for i := 1; i < len(acked); i++ {
		if acked[i].seq == acked[i-1].seq {
			return nil, nil, fmt.Errorf("batches %d and %d have the same number %d", acked[i-1].id, acked[i].id, acked[i].seq)
		}
	}
	return acked, open, nil
}

// checkOrders returns nil if some order of the batches that are there gives the
// content. Those without an answer may stand anywhere behind what had been
// acknowledged when they began.
func (h *diskHistory) checkOrders(got diskContent, order, open []*diskAttempt) error {
	if len(open) == 0 {
		return got.equal(h.after(order))
	}
	a := open[0]
	first := len(order)
	for first > 0 && (order[first-1].outcome == maybe || order[first-1].seq > a.since) {
		first--
	}
	var err error
	for at := len(order); at >= first; at-- {
		if err = h.checkOrders(got, slices.Insert(slices.Clone(order), at, a), open[1:]); err == nil {
			return nil
		}
	}
	return err
}

// after returns the content after the batches.
func (h *diskHistory) after(order []*diskAttempt) diskContent {
	c := h.base.clone()
	for _, a := range order {
		c.apply(a.batch)
	}
	return c
}

// all returns the content after everything that was acknowledged.
func (h *diskHistory) all() diskContent {
	c := h.base.clone()
	acked, _, _ := h.survivors(nil)
	for _, a := range acked {
		c.apply(a.batch)
	}
	return c
}
