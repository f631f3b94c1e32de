package lsm

import (
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
)

// source is a sorted run of entries, as a memtable, a table or a level.
type source struct {
	entry.Iterator
	// newest is at least the number of each entry.
	newest kv.Seq
	// mem says that the entries lie in a memtable.
	mem bool
	// table is that of level 0 which it walks, if it walks one.
	table vain

	// Of the current entry, where asking for them again would cost.
	key     []byte
	trailer entry.Trailer
}

// note keeps key and trailer after a move, and returns whether it arrived.
func (s *source) note(arrived bool) bool {
	if arrived {
		s.key, s.trailer = s.Key(), s.Trailer()
	}
	return arrived
}

// merged walks the entries of several sources in the order of entry.Compare. It
// goes forward after First or SeekGE and backward after Last or SeekLT; to turn
// round takes a seek. The sources that are positioned form a heap.
type merged struct {
	sources []source
	heap    []*source
	back    bool
	err     error
}

func (m *merged) First() bool {
	return m.seek(false, func(s *source) bool { return s.First() })
}

func (m *merged) Last() bool {
	return m.seek(true, func(s *source) bool { return s.Last() })
}

func (m *merged) SeekGE(key []byte, t entry.Trailer) bool {
	return m.seek(false, func(s *source) bool { return s.SeekGE(key, t) })
}

func (m *merged) SeekLT(key []byte, t entry.Trailer) bool {
	return m.seek(true, func(s *source) bool { return s.SeekLT(key, t) })
}

func (m *merged) seek(back bool, move func(*source) bool) bool {
	m.back, m.heap = back, m.heap[:0]
	for i := range m.sources {
		s := &m.sources[i]
		if s.note(move(s)) {
			m.heap = append(m.heap, s)
		} else if m.failed(s) {
			return false
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return len(m.heap) > 0
}

// failed takes the error of a source that has ended. With one the walk ends.
func (m *merged) failed(s *source) bool {
	if m.err == nil {
		m.err = s.Err()
	}
	if m.err != nil {
		m.heap = m.heap[:0]
	}
	return m.err != nil
}

// Valid reports whether there is a current entry.
func (m *merged) Valid() bool { return len(m.heap) > 0 }

// top is the source of the current entry.
func (m *merged) top() *source { return m.heap[0] }

// Step moves to the next entry in the direction of the walk.
func (m *merged) Step() bool {
	s := m.heap[0]
	if m.back {
		return m.settle(s.Prev())
	}
	return m.settle(s.Next())
}

// SkipTop moves the source of the current entry, and no other, forward to the
// first entry of a key that is not below key; nil is the end.
func (m *merged) SkipTop(key []byte) bool {
	return m.settle(key != nil && m.heap[0].SeekGE(key, entry.Newest))
}

// settle restores the order after the top has moved, or ended.
func (m *merged) settle(there bool) bool {
	if !m.heap[0].note(there) {
		if m.failed(m.heap[0]) {
			return false
		}
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	if len(m.heap) > 1 {
		m.down(0)
	}
	return len(m.heap) > 0
}

func (m *merged) down(i int) {
	h := m.heap
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && m.before(h[child+1], h[child]) {
			child++
		}
		if !m.before(h[child], h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

func (m *merged) before(a, b *source) bool {
	c := entry.Compare(a.key, a.trailer, b.key, b.trailer)
	if m.back {
		return c > 0
	}
	return c < 0
}

// Close closes the sources.
func (m *merged) Close() error {
	for i := range m.sources {
		if err := m.sources[i].Close(); m.err == nil {
			m.err = err
		}
	}
	m.heap = nil
	return m.err
}
