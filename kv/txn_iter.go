package kv

import "bytes"

// txnIter notes the spans that an iterator moves through.
type txnIter struct {
	Iterator
	txn          *Txn
	lower, upper []byte
	seen         Span // of the walk since the last seek
	walking      bool
	closed       bool
	index        int // in txn.iters
}

func (it *txnIter) First() bool { return it.forward(it.lower, it.Iterator.First()) }
func (it *txnIter) Last() bool  { return it.backward(it.upper, it.Iterator.Last()) }

func (it *txnIter) SeekGE(key []byte) bool {
	start := bytes.Clone(key)
	if bytes.Compare(start, it.lower) < 0 {
		start = it.lower
	}
	return it.forward(start, it.Iterator.SeekGE(key))
}

func (it *txnIter) SeekLE(key []byte) bool {
	end := it.below(After(key))
	return it.backward(end, it.Iterator.SeekLE(key))
}

func (it *txnIter) SeekLT(key []byte) bool {
	end := it.below(append([]byte{}, key...)) // never nil, which is no end
	return it.backward(end, it.Iterator.SeekLT(key))
}

// below returns the lesser of end and the upper bound.
func (it *txnIter) below(end []byte) []byte {
	if it.upper != nil && bytes.Compare(end, it.upper) > 0 {
		return it.upper
	}
	return end
}

func (it *txnIter) Next() bool {
	if !it.Iterator.Valid() {
		return false
	}
	ok := it.Iterator.Next()
	// After a turn the walk passes again what it has seen: the span only grows.
	if end := it.reached(ok, it.upper, true); end == nil || it.seen.End != nil && bytes.Compare(end, it.seen.End) > 0 {
		it.seen.End = end
	}
	return ok
}

func (it *txnIter) Prev() bool {
	if !it.Iterator.Valid() {
		return false
	}
	ok := it.Iterator.Prev()
	if start := it.reached(ok, it.lower, false); bytes.Compare(start, it.seen.Start) < 0 {
		it.seen.Start = start
	}
	return ok
}

// forward starts a new span at start, which the iterator has just left.
func (it *txnIter) forward(start []byte, ok bool) bool {
	it.note()
	it.seen, it.walking = Span{start, it.reached(ok, it.upper, true)}, true
	return ok
}

func (it *txnIter) backward(end []byte, ok bool) bool {
	it.note()
	it.seen, it.walking = Span{it.reached(ok, it.lower, false), end}, true
	return ok
}

// reached returns how far a move has looked: up to the entry where it arrived,
// or to the bound.
func (it *txnIter) reached(ok bool, bound []byte, up bool) []byte {
	switch {
	case !ok:
		return bound
	case up:
		return After(it.Iterator.Key())
	default:
		return bytes.Clone(it.Iterator.Key())
	}
}

func (it *txnIter) note() {
	if it.walking && !it.txn.readOnly {
		it.txn.spans = append(it.txn.spans, it.seen)
	}
	it.walking = false
}

func (it *txnIter) Close() error {
	if !it.closed {
		it.closed = true
		it.note()
		it.txn.forget(it)
	}
	return it.txn.Fail(it.Iterator.Close())
}

// forget takes a closed iterator off the list of open ones.
func (t *Txn) forget(it *txnIter) {
	last := t.iters[len(t.iters)-1]
	last.index, t.iters[it.index] = it.index, last
	t.iters = t.iters[:len(t.iters)-1]
}
