package kvtest

import (
	"strings"
	"testing"
)

// Hand-made histories on lists 0 and 1: what the judge must see in them.
func TestTheJudgeKnowsTheAnomalies(t *testing.T) {
	final := func(lists ...elems) *isoTxn {
		t := txnAt("final", 100, 101)
		for i, list := range lists {
			t.reads = append(t.reads, isoRead{list: i, how: "get", elems: list})
		}
		return t
	}
	for name, c := range map[string]struct {
		txns []*isoTxn
		want string // in the error, or nothing
	}{
		"all is well": {[]*isoTxn{
			txnAt("a", 1, 2).appended(0, 1), txnAt("b", 3, 4).read(0, 1).appended(0, 2), final(elems{1, 2}),
		}, ""},
		"concurrent transactions may have any order": {[]*isoTxn{
			txnAt("a", 1, 9).read(1).appended(0, 1), txnAt("b", 2, 8).read(0, 1).appended(1, 2), final(elems{1}, elems{2}),
		}, ""},
		"write skew": {[]*isoTxn{
			txnAt("a", 1, 9).read(1).appended(0, 1), txnAt("b", 2, 8).read(0).appended(1, 2), final(elems{1}, elems{2}),
		}, "a cycle of 2 transactions"},
		"a stale read": {[]*isoTxn{
			txnAt("a", 1, 2).appended(0, 1), txnAt("b", 3, 4).read(0), final(elems{1}),
		}, "real time"},
		"a lost append": {[]*isoTxn{
			txnAt("a", 1, 9).read(0).appended(0, 1), txnAt("b", 2, 8).read(0).appended(0, 2), final(elems{2}),
		}, "element 1 is lost"},
		"an append done twice": {[]*isoTxn{txnAt("a", 1, 2).appended(0, 1), final(elems{1, 1})}, "twice"},
		"an aborted append that is there": {[]*isoTxn{
			txnAt("a", 1, 2).appended(0, 1).aborted(), final(elems{1}),
		}, "aborted"},
		"a transaction half seen": {[]*isoTxn{
			txnAt("a", 1, 9).appended(0, 1).appended(0, 2), txnAt("b", 2, 8).read(0, 1), final(elems{1, 2}),
		}, "of the same transaction"},
		"a transaction seen in one list and not in the other": {[]*isoTxn{
			txnAt("a", 1, 9).appended(0, 1).appended(1, 2), txnAt("b", 2, 8).read(0, 1).read(1), final(elems{1}, elems{2}),
		}, "a cycle of 2 transactions"},
		"two readers that disagree on the order": {[]*isoTxn{
			txnAt("a", 1, 9).appended(0, 1), txnAt("b", 1, 9).appended(1, 2),
			txnAt("c", 1, 9).read(0, 1).read(1), txnAt("d", 1, 9).read(0).read(1, 2), final(elems{1}, elems{2}),
		}, "a cycle of 4 transactions"},
		"own appends that are not read": {[]*isoTxn{
			txnAt("a", 1, 2).appended(0, 1).read(0), final(elems{1}),
		}, "its own appends"},
	} {
		err := judgeIsolation(c.txns)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: the judge says %v, want %q", name, err, c.want)
		}
	}
}

func txnAt(name string, start, end int64) *isoTxn {
	return &isoTxn{name: name, start: start, end: end, committed: true}
}

func (t *isoTxn) read(list int, content ...int) *isoTxn {
	r := isoRead{list: list, how: "get", elems: content}
	for _, a := range t.appends {
		if a.list == list {
			r.own = append(r.own, a.elem)
		}
	}
	t.reads = append(t.reads, r)
	return t
}

func (t *isoTxn) appended(list, elem int) *isoTxn {
	t.appends = append(t.appends, isoAppend{list, elem})
	return t
}

func (t *isoTxn) aborted() *isoTxn {
	t.committed = false
	return t
}
