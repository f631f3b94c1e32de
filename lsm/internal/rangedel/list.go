package rangedel

import (
	"bytes"
	"fmt"

	"github.com/varvedb/varve/kv"
)

// List is fragments sorted by Start that do not overlap; adjacent ones are
// allowed. The zero List is empty. A List is immutable and may be read
// concurrently; the slices in it must not be changed.
type List []Fragment

// Find returns the index of the fragment that covers key, or of the next one if
// none does; len(l) if that is not there either. It does not allocate.
func (l List) Find(key []byte) int {
	lo, hi := 0, len(l)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); below(key, l[mid].End) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Covering returns the sequence number of the newest tombstone over key that is
// at most at, 0 if there is none: entries of key below it are deleted for a
// reader of state at. It takes O(log n) and does not allocate.
func (l List) Covering(key []byte, at kv.Seq) kv.Seq {
	i := l.Find(key)
	if i == len(l) || bytes.Compare(key, l[i].Start) < 0 {
		return 0
	}
	return newest(l[i].Seqs, at)
}

// Around returns what a reader of state at meets around key: the fragment that
// covers it, or the gap between fragments that it lies in. An iterator can go on
// at the End, or before the Start, of a Cover that deletes all it looks for. It
// does not allocate.
func (l List) Around(key []byte, at kv.Seq) Cover {
	i := l.Find(key)
	if i < len(l) && bytes.Compare(key, l[i].Start) >= 0 {
		return Cover{l[i].Start, l[i].End, newest(l[i].Seqs, at)}
	}
	var gap Cover
	if i > 0 {
		gap.Start = l[i-1].End
	}
	if i < len(l) {
		gap.End = l[i].Start
	}
	return gap
}

// Clip returns the part of l from lower to before upper; nil is no bound. What
// both have in common is shared.
func (l List) Clip(lower, upper []byte) List {
	if !below(lower, upper) {
		return nil
	}
	l = l[l.Find(lower):]
	n := len(l)
	for n > 0 && !below(l[n-1].Start, upper) {
		n--
	}
	if n == 0 {
		return nil
	}
	l = l[:n:n]
	cutLow := bytes.Compare(l[0].Start, lower) < 0
	cutHigh := upper != nil && below(upper, l[n-1].End)
	if !cutLow && !cutHigh {
		return l
	}
	l = append(List(nil), l...)
	if cutLow {
		l[0].Start = lower
	}
	if cutHigh {
		l[n-1].End = upper
	}
	return l
}

// Validate returns an error if l is not as its type says.
func (l List) Validate() error {
	for i, f := range l {
		if !below(f.Start, f.End) {
			return fmt.Errorf("fragment %d ends at %q, not after its start %q", i, f.End, f.Start)
		}
		if i > 0 && (l[i-1].End == nil || bytes.Compare(f.Start, l[i-1].End) < 0) {
			return fmt.Errorf("fragment %d starts at %q, before the end %q of the one before it", i, f.Start, l[i-1].End)
		}
		if err := validSeqs(f.Seqs); err != nil {
			return fmt.Errorf("fragment %d at %q: %w", i, f.Start, err)
		}
	}
	return nil
}

// validSeqs returns an error if seqs are not those of a fragment.
func validSeqs(seqs []kv.Seq) error {
	if len(seqs) == 0 {
		return fmt.Errorf("no sequence number")
	}
	if seqs[len(seqs)-1] == 0 {
		return fmt.Errorf("sequence number 0 deletes nothing")
	}
	for i := 1; i < len(seqs); i++ {
		if seqs[i] >= seqs[i-1] {
			return fmt.Errorf("sequence number %d after %d", seqs[i], seqs[i-1])
		}
	}
	return nil
}
