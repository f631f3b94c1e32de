package leaf

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/varvedb/varve/kv"
)

// Get appends the value that key had at a number to dst[:0]. It does not allocate
// unless operands are merged, or dst is too small.
func (l *Leaf) Get(key []byte, at kv.Seq, m kv.Mergers, dst []byte) (val []byte, ok bool, err error) {
	v, deleted := l.newest(key, at)
	switch {
	case v.seq == 0 || v.seq < deleted || v.kind == kv.OpDelete:
		return nil, false, nil
	case v.kind == kv.OpPut:
		return append(dst[:0], v.value...), true, nil
	}
	var list []version
	list = l.versions(list, key, at)
	val, ok, err = fold(list, deleted, m)
	return append(dst[:0], val...), ok, err
}

// Has reports whether key was there at a number.
func (l *Leaf) Has(key []byte, at kv.Seq) bool {
	v, deleted := l.newest(key, at)
	return v.seq != 0 && v.seq >= deleted && v.kind != kv.OpDelete
}

// newest returns the newest version of key up to a number, and the number of the
// newest deletion of a range that covers it; 0 if there is none.
func (l *Leaf) newest(key []byte, at kv.Seq) (v version, deleted kv.Seq) {
	for i := range l.claimed() {
		d := l.delta(i)
		if d == nil || d.Seq > at {
			continue
		}
		if d.Kind == kv.OpDeleteRange {
			if d.Seq > deleted && d.covers(key) {
				deleted = d.Seq
			}
		} else if d.Seq > v.seq && bytes.Equal(d.Key, key) {
			v = d.version()
		}
	}
	if b, ok := l.base.newest(key, at); ok && b.seq > v.seq {
		v = b
	}
	return v, deleted
}

// newest returns the newest version of key up to a number.
func (m *Image) newest(key []byte, at kv.Seq) (v version, ok bool) {
	i, found := m.find(key)
	if !found {
		return v, false
	}
	rest, after := m.rest(i)
	for {
		if v = decodeVersion(after); v.seq <= at {
			return v, true
		}
		if i++; i == m.n {
			return v, false
		}
		var other []byte
		if other, after = m.rest(i); !bytes.Equal(rest, other) {
			return v, false
		}
	}
}

// versions appends all versions of key up to a number, newest first, each once.
func (l *Leaf) versions(list []version, key []byte, at kv.Seq) []version {
	for i := range l.claimed() {
		if d := l.delta(i); d != nil && d.Seq <= at && d.Kind != kv.OpDeleteRange && bytes.Equal(d.Key, key) {
			list = append(list, d.version())
		}
	}
	for i, found := l.base.find(key); found && i < l.base.n; i++ {
		rest, after := l.base.rest(i)
		if !bytes.Equal(rest, key[len(l.base.prefix):]) {
			break
		}
		if v := decodeVersion(after); v.seq <= at {
			list = append(list, v)
		}
	}
	return unique(list)
}

// unique sorts versions, newest first, and keeps one of each number.
func unique(list []version) []version {
	slices.SortFunc(list, func(a, b version) int { return cmp.Compare(b.seq, a.seq) })
	return slices.CompactFunc(list, func(a, b version) bool { return a.seq == b.seq })
}

// fold returns what versions, newest first, make of a key whose range was deleted
// at a number. The value may be that of a version.
func fold(list []version, deleted kv.Seq, m kv.Mergers) (val []byte, ok bool, err error) {
	n := 0
	for n < len(list) && list[n].seq >= deleted && list[n].kind == kv.OpMerge {
		n++
	}
	if n < len(list) && list[n].seq >= deleted && list[n].kind == kv.OpPut {
		val, ok = list[n].value, true
	}
	for i := n - 1; i >= 0; i-- {
		if val, err = m.Merge(list[i].merger, nil, val, ok, list[i].value); err != nil {
			return nil, false, err
		}
		ok = true
	}
	return val, ok, nil
}

// WrittenAfter returns the number of the newest write of key below before, if it
// is above at.
func (l *Leaf) WrittenAfter(key []byte, at, before kv.Seq) (seq kv.Seq, written bool) {
	v, deleted := l.newest(key, before-1)
	seq = max(v.seq, deleted)
	return seq, seq > at
}

// Knows reports whether there is a version of key below before: then WrittenAfter is
// exact, even for numbers of which others were forgotten.
func (l *Leaf) Knows(key []byte, before kv.Seq) bool {
	v, _ := l.newest(key, before-1)
	return v.seq != 0
}

// AnyAfter returns the number of a write in span that is above at and below before.
func (l *Leaf) AnyAfter(span kv.Span, at, before kv.Seq) (seq kv.Seq, written bool) {
	for i := range l.claimed() {
		d := l.delta(i)
		if d == nil || d.Seq <= at || d.Seq >= before {
			continue
		}
		if d.Kind == kv.OpDeleteRange && overlap(d.span(), span) || d.Kind != kv.OpDeleteRange && span.Contains(d.Key) {
			return d.Seq, true
		}
	}
	if l.base.newestSeq <= at {
		return 0, false
	}
	i, _ := l.base.find(span.Start)
	end := l.base.n
	if span.End != nil {
		end, _ = l.base.find(span.End)
	}
	for ; i < end; i++ {
		_, after := l.base.rest(i)
		if v := decodeVersion(after); v.seq > at && v.seq < before {
			return v.seq, true
		}
	}
	return 0, false
}

func overlap(a, b kv.Span) bool { return below(a.Start, b.End) && below(b.Start, a.End) }

// Entry is a key and its value.
type Entry struct{ Key, Value []byte }

// Walk is what Entries needs of memory, for use again.
type Walk struct {
	keys   []byte
	deltas []*Delta
	ranges []*Delta
	list   []version
}

// Entries appends what the leaf held at a number, in order, from the key from on and
// at most so many. More is a key behind the last one, if there may be others up to
// the bound of the leaf. Keys lie in the memory of w and are valid until the next
// call; values are not changed. KeysOnly spares merging.
func (l *Leaf) Entries(dst []Entry, w *Walk, from []byte, most int, at kv.Seq, m kv.Mergers, keysOnly bool) (list []Entry, more []byte, err error) {
	w.collect(l, at)
	i, _ := l.base.find(from)
	next, _ := slices.BinarySearchFunc(w.deltas, from, func(d *Delta, key []byte) int { return bytes.Compare(d.Key, key) })
	w.makeRoom(l.base, min(most, l.base.n-i)+1)
	for i < l.base.n || next < len(w.deltas) {
		w.list = w.list[:0]
		var key []byte
		fromBase := i < l.base.n
		if fromBase {
			rest, _ := l.base.rest(i)
			if next < len(w.deltas) && compareParts(l.base.prefix, rest, w.deltas[next].Key) > 0 {
				fromBase = false
			} else {
				key = w.key(l.base.prefix, rest)
			}
		}
		if !fromBase {
			key = w.deltas[next].Key
		}
		if len(dst) >= most {
			return dst, key, nil
		}
		if fromBase {
			i = w.takeBase(l.base, i, at)
		}
		for ; next < len(w.deltas) && bytes.Equal(w.deltas[next].Key, key); next++ {
			w.list = append(w.list, w.deltas[next].version())
		}
		val, ok, err := w.value(key, m, keysOnly)
		if err != nil {
			return dst, nil, err
		}
		if ok {
			dst = append(dst, Entry{key, val})
		}
	}
	return dst, nil, nil
}

// makeRoom makes room for so many keys of an image, if they are not long, so that
// they do not move: see key.
func (w *Walk) makeRoom(m *Image, n int) {
	all := len(m.versions) + m.n*len(m.prefix)
	w.keys = slices.Grow(w.keys[:0], min(all, n*(len(m.prefix)+64)))
}

// collect sorts the deltas of a leaf up to a number.
func (w *Walk) collect(l *Leaf, at kv.Seq) {
	w.deltas, w.ranges = w.deltas[:0], w.ranges[:0]
	for i := range l.claimed() {
		switch d := l.delta(i); {
		case d == nil || d.Seq > at:
		case d.Kind == kv.OpDeleteRange:
			w.ranges = append(w.ranges, d)
		default:
			w.deltas = append(w.deltas, d)
		}
	}
	slices.SortStableFunc(w.deltas, func(a, b *Delta) int { return bytes.Compare(a.Key, b.Key) })
}

// key puts a key together. Room was made before, so that those that were handed out
// stay where they are; a key for which there is none has its own memory.
func (w *Walk) key(prefix, rest []byte) []byte {
	start := len(w.keys)
	if start+len(prefix)+len(rest) > cap(w.keys) {
		return append(append(make([]byte, 0, len(prefix)+len(rest)), prefix...), rest...)
	}
	w.keys = append(append(w.keys, prefix...), rest...)
	return w.keys[start:len(w.keys):len(w.keys)]
}

// takeBase collects the versions of the key at i, and returns where the next is.
func (w *Walk) takeBase(m *Image, i int, at kv.Seq) int {
	rest, after := m.rest(i)
	for {
		if v := decodeVersion(after); v.seq <= at {
			w.list = append(w.list, v)
		}
		if i++; i == m.n {
			return i
		}
		var other []byte
		if other, after = m.rest(i); !bytes.Equal(rest, other) {
			return i
		}
	}
}

// value returns what the collected versions make of the key.
func (w *Walk) value(key []byte, m kv.Mergers, keysOnly bool) ([]byte, bool, error) {
	if len(w.list) == 0 {
		return nil, false, nil
	}
	if len(w.list) > 1 {
		w.list = unique(w.list)
	}
	var deleted kv.Seq
	for _, d := range w.ranges {
		if d.covers(key) {
			deleted = max(deleted, d.Seq)
		}
	}
	if v := w.list[0]; keysOnly || v.kind != kv.OpMerge {
		return v.value, v.seq >= deleted && v.kind != kv.OpDelete, nil
	}
	return fold(w.list, deleted, m)
}

// compareParts compares the key prefix+rest with another.
func compareParts(prefix, rest, key []byte) int {
	n := min(len(prefix), len(key))
	if c := bytes.Compare(prefix[:n], key[:n]); c != 0 || n < len(prefix) {
		return cmp.Or(c, 1)
	}
	return bytes.Compare(rest, key[n:])
}
