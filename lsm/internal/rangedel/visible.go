package rangedel

import (
	"bytes"
	"slices"

	"github.com/varvedb/varve/kv"
)

// Open snapshots cut the sequence numbers into stripes: those in (s[i-1], s[i]]
// are one, those above the last snapshot are the newest. Every reader there is,
// or will be, sees all of a stripe or nothing of it, up to readers of the newest
// one that are about to register; so of the tombstones of a fragment in one
// stripe only the newest says anything.

// Visible returns l with, of the sequence numbers of a fragment that lie in one
// stripe, only the newest; neighbours that became equal are joined. The stripes
// are given by the open snapshots, ascending. Nothing else is dropped: the
// result has at most len(stripes)+1 numbers in a fragment.
func (l List) Visible(stripes []kv.Seq) List {
	out := make(List, 0, len(l))
	for _, f := range l {
		f.Seqs = visible(f.Seqs, stripes)
		out = out.join(f)
	}
	return out
}

// visible returns the newest of each stripe of the descending seqs: seqs itself
// if that is all of them.
func visible(seqs, stripes []kv.Seq) []kv.Seq {
	var buf [8]kv.Seq
	kept := buf[:0]
	for rest := seqs; len(rest) > 0; {
		kept = append(kept, rest[0])
		i, _ := slices.BinarySearch(stripes, rest[0])
		if i == 0 {
			break
		}
		rest = rest[firstAtMost(rest, stripes[i-1]):]
	}
	if len(kept) == len(seqs) {
		return seqs
	}
	if len(kept) == 1 {
		return seqs[:1:1]
	}
	return slices.Clone(kept)
}

// join appends f to l, as part of the last fragment if it continues it with the
// same sequence numbers.
func (l List) join(f Fragment) List {
	if n := len(l); n > 0 && l[n-1].End != nil && bytes.Equal(l[n-1].End, f.Start) && slices.Equal(l[n-1].Seqs, f.Seqs) {
		l[n-1].End = f.End
		return l
	}
	return append(l, f)
}
