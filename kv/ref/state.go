package ref

import (
	"github.com/varvedb/varve/internal/ordmap"
	"github.com/varvedb/varve/kv"
)

// state is the content of the store after some batch. It never changes; the next
// one shares what the batch left alone.
type state struct {
	seq   kv.Seq
	data  ordmap.Map[entry]
	bytes int64 // of keys and values
}

// entry is what is stored under a key.
type entry struct {
	value []byte
	// unmerged holds operands that could not be combined, because the store
	// does not know their operator or it failed. Reads report why.
	unmerged *unmerged
}

type unmerged struct {
	present  bool // there is a value below the operands
	operands []operand
}

type operand struct {
	merger kv.MergerID
	value  []byte
}

// apply returns the state after b, numbered seq. The receiver must not be
// applied to by another goroutine at the same time.
func (s *state) apply(b *kv.Batch, seq kv.Seq, m kv.Mergers) *state {
	next := &state{seq: seq, data: s.data.Clone(), bytes: s.bytes}
	for op := range b.Ops() {
		next.do(op, m)
	}
	return next
}

func (s *state) do(op kv.Op, m kv.Mergers) {
	switch op.Kind {
	case kv.OpPut:
		s.set(op.Key, entry{value: clone(op.Value)})
	case kv.OpDelete:
		s.remove(op.Key)
	case kv.OpDeleteRange:
		s.removeRange(op.Span())
	case kv.OpMerge:
		s.merge(op, m)
	}
}

func (s *state) set(key []byte, e entry) {
	old, replaced := s.data.Set(clone(key), e)
	s.bytes += e.size()
	if replaced {
		s.bytes -= old.size()
	} else {
		s.bytes += int64(len(key))
	}
}

func (s *state) remove(key []byte) {
	if old, deleted := s.data.Delete(key); deleted {
		s.bytes -= int64(len(key)) + old.size()
	}
}

func (s *state) removeRange(span kv.Span) {
	var keys [][]byte
	it := s.data.Iter()
	for ok := it.SeekGE(span.Start); ok && span.Contains(it.Key()); ok = it.Next() {
		keys = append(keys, it.Key())
	}
	for _, key := range keys {
		s.remove(key)
	}
}

// merge combines the operand now if it can, else keeps it.
func (s *state) merge(op kv.Op, m kv.Mergers) {
	old, present := s.data.Get(op.Key)
	if old.unmerged == nil {
		val, err := m.Merge(op.Merger, nil, old.value, present, op.Value)
		if err == nil {
			s.set(op.Key, entry{value: clone(val)})
			return
		}
		old.unmerged = &unmerged{present: present}
	}
	kept := old.unmerged.operands
	s.set(op.Key, entry{value: old.value, unmerged: &unmerged{
		present:  old.unmerged.present,
		operands: append(kept[:len(kept):len(kept)], operand{op.Merger, clone(op.Value)}),
	}})
}

// resolve returns the value of the entry, which must not be changed.
func (e entry) resolve(m kv.Mergers) (val []byte, err error) {
	if e.unmerged == nil {
		return e.value, nil
	}
	val, present := e.value, e.unmerged.present
	for _, op := range e.unmerged.operands {
		if val, err = m.Merge(op.merger, nil, val, present, op.value); err != nil {
			return nil, err
		}
		present = true
	}
	return val, nil
}

func (e entry) size() int64 {
	n := len(e.value)
	if e.unmerged != nil {
		for _, op := range e.unmerged.operands {
			n += len(op.value) + 4
		}
	}
	return int64(n)
}

// clone copies b; the copy is never nil.
func clone(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }
