package kvtest

import (
	"errors"
	"fmt"
	"slices"
)

// isoJudge finds what is wrong with a history.
type isoJudge struct {
	txns   []*isoTxn
	writer map[int]*isoTxn // of each element
	order  []elems         // final content of each list
	edges  map[*isoTxn][]isoEdge
}

// isoEdge says that one transaction must come before another.
type isoEdge struct {
	to  *isoTxn
	why string
}

// judgeIsolation returns what makes the history impossible for a store that is
// strictly serializable. The last transaction must have read all lists, after
// all others.
func judgeIsolation(txns []*isoTxn) error {
	j := &isoJudge{writer: map[int]*isoTxn{}, order: make([]elems, allLists), edges: map[*isoTxn][]isoEdge{}}
	for _, t := range txns {
		for _, a := range t.appends {
			j.writer[a.elem] = t
		}
	}
	final := txns[len(txns)-1]
	for _, r := range final.reads {
		j.order[r.list] = r.elems
	}
	for _, list := range j.order {
		for _, elem := range list {
			if w := j.writer[elem]; w != nil && w.unknown {
				w.committed = true
			}
		}
	}
	for _, t := range txns {
		if t.committed {
			j.txns = append(j.txns, t)
		}
	}
	return errors.Join(j.finalLists(), j.allReads(), j.cycles())
}

// finalLists checks that each committed append is there once, and no other.
func (j *isoJudge) finalLists() error {
	times := map[int]int{}
	for list, content := range j.order {
		for _, elem := range content {
			times[elem]++
			w := j.writer[elem]
			switch {
			case w == nil:
				return fmt.Errorf("list %d has element %d, which nobody appended", list, elem)
			case !w.committed:
				return fmt.Errorf("list %d has element %d of an aborted transaction: %v", list, elem, w)
			case times[elem] > 1:
				return fmt.Errorf("list %d has element %d twice: %v; it was appended by %v", list, elem, content, w)
			}
		}
	}
	for _, t := range j.txns {
		for _, a := range t.appends {
			if times[a.elem] == 0 {
				return fmt.Errorf("element %d is lost: list %d ends as %v, but this transaction committed: %v", a.elem, a.list, j.order[a.list], t)
			}
		}
	}
	return nil
}

func (j *isoJudge) allReads() error {
	for _, t := range j.txns {
		for _, r := range t.reads {
			if err := j.read(t, r); err != nil {
				return fmt.Errorf("list %d read by %s: %w: %v", r.list, r.how, err, t)
			}
		}
	}
	return nil
}

// read checks one read: behind the reader's own appends it is a beginning of the
// final list, ends with the last append of a transaction, and is what there was
// at the sequence number of the snapshot.
func (j *isoJudge) read(t *isoTxn, r isoRead) error {
	got, ok := r.foreign()
	final := j.order[r.list]
	switch {
	case !ok:
		return fmt.Errorf("%v does not end with its own appends %v", r.elems, r.own)
	case len(got) > len(final) || !slices.Equal(got, final[:len(got)]):
		return fmt.Errorf("%v is no beginning of the final list %v", got, final)
	}
	var last, next *isoTxn
	if len(got) > 0 {
		last = j.writer[got[len(got)-1]]
	}
	if len(got) < len(final) {
		next = j.writer[final[len(got)]]
	}
	switch {
	case last != nil && last == next && last != t:
		return fmt.Errorf("it saw element %d, but not %d of the same transaction, %s", got[len(got)-1], final[len(got)], last.name)
	case t.snapshot > 0 && last != nil && last.seq > t.snapshot:
		return fmt.Errorf("state %d has element %d of batch %d", t.snapshot, got[len(got)-1], last.seq)
	case t.snapshot > 0 && next != nil && next.seq > 0 && next.seq <= t.snapshot:
		return fmt.Errorf("state %d lacks element %d of batch %d", t.snapshot, final[len(got)], next.seq)
	}
	return nil
}

// link adds an edge, unless it is a loop.
func (j *isoJudge) link(from, to *isoTxn, why string, args ...any) {
	if from != nil && to != nil && from != to {
		j.edges[from] = append(j.edges[from], isoEdge{to, fmt.Sprintf(why, args...)})
	}
}

// linkAll adds all edges that the lists and the clock tell.
func (j *isoJudge) linkAll() {
	for list, content := range j.order {
		for i := 1; i < len(content); i++ {
			j.link(j.writer[content[i-1]], j.writer[content[i]], "list %d has %d before %d (ww)", list, content[i-1], content[i])
		}
	}
	for _, t := range j.txns {
		for _, r := range t.reads {
			j.linkRead(t, r)
		}
	}
	j.linkClock()
}

// linkRead: the reader comes after the writer of the last element that it saw
// (wr), and before that of the first that it did not see (rw).
func (j *isoJudge) linkRead(t *isoTxn, r isoRead) {
	got, _ := r.foreign()
	final := j.order[r.list]
	if n := len(got); n > 0 {
		j.link(j.writer[got[n-1]], t, "its element %d of list %d is seen by %s (wr)", got[n-1], r.list, r.how)
	}
	for _, elem := range final[min(len(got), len(final)):] {
		if w := j.writer[elem]; w != t {
			j.link(t, w, "its %s of list %d does not see element %d (rw)", r.how, r.list, elem)
			break
		}
	}
}

// linkClock: what had ended when another began comes before it. Edges that
// follow from others are left out.
func (j *isoJudge) linkClock() {
	byEnd := slices.Clone(j.txns)
	slices.SortFunc(byEnd, func(a, b *isoTxn) int { return int(a.end - b.end) })
	latest := make([]int64, len(byEnd)+1) // the latest start among the first i
	for i, t := range byEnd {
		latest[i+1] = max(latest[i], t.start)
	}
	for _, t := range j.txns {
		n, _ := slices.BinarySearchFunc(byEnd, t.start, func(a *isoTxn, at int64) int { return int(a.end - at) })
		for i := n - 1; i >= 0 && byEnd[i].end > latest[n]; i-- {
			j.link(byEnd[i], t, "it had ended at %d, the other began at %d (real time)", byEnd[i].end, t.start)
		}
	}
}

// cycles returns an error with the shortest cycle, if there is one.
func (j *isoJudge) cycles() error {
	j.linkAll()
	for _, group := range j.components() {
		if cycle := j.shortest(group); len(cycle) > 0 {
			return showCycle(cycle)
		}
	}
	return nil
}

// isoStep is a transaction of a cycle and the edge to the next.
type isoStep struct {
	from *isoTxn
	edge isoEdge
}

func showCycle(cycle []isoStep) error {
	text := fmt.Sprintf("a cycle of %d transactions, each of which must come before the next:", len(cycle))
	for _, s := range cycle {
		text += fmt.Sprintf("\n  %v\n    before %s, because %s", s.from, s.edge.to.name, s.edge.why)
	}
	return errors.New(text)
}
