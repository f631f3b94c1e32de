package kv

import (
	"bytes"

	"github.com/varvedb/varve/internal/ordmap"
)

// overlay is what a batch does to each key: the part of an indexed batch that
// lets reads see its writes. Cloning it costs O(1).
type overlay struct {
	entries ordmap.Map[edit]
	cleared ordmap.Steps[bool] // where a DeleteRange hides the store's keys
}

// edit is what the batch makes of one key: first what the key is set to, then
// the operands merged into that.
type edit struct {
	base     editBase
	value    []byte
	operands []operand // never changed in place: clones share it
}

type editBase uint8

const (
	baseStore  editBase = iota // what the store holds
	baseAbsent                 // nothing
	baseValue                  // edit.value
)

type operand struct {
	merger MergerID
	value  []byte
}

func (o *overlay) clone() overlay {
	return overlay{o.entries.Clone(), o.cleared.Clone()}
}

// apply enters op, whose slices must not change any more.
func (o *overlay) apply(op Op, m Mergers) {
	switch op.Kind {
	case OpPut:
		o.set(op.Key, edit{base: baseValue, value: op.Value})
	case OpDelete:
		o.set(op.Key, edit{base: baseAbsent})
	case OpMerge:
		e := o.edit(op.Key)
		e.operands = appendOperand(e.operands, operand{op.Merger, op.Value}, m)
		o.set(op.Key, e)
	case OpDeleteRange:
		o.clear(op.Span())
	}
}

// appendOperand returns a new list with op at its end, or merged into the last
// one, which operators allow: so a counter that a batch raises often stays one
// operand.
func appendOperand(list []operand, op operand, m Mergers) []operand {
	n := len(list)
	if n > 0 && list[n-1].merger == op.merger {
		both, err := m.Merge(op.merger, nil, list[n-1].value, true, op.value)
		if err == nil {
			op.value = both
			n--
		}
	}
	return append(list[:n:n], op)
}

func (o *overlay) set(key []byte, e edit) { o.entries.Set(key, e) }

// edit returns what the batch has made of key so far.
func (o *overlay) edit(key []byte) edit {
	if e, ok := o.entries.Get(key); ok {
		return e
	}
	if o.cleared.At(key) {
		return edit{base: baseAbsent}
	}
	return edit{}
}

func (o *overlay) clear(s Span) {
	var gone [][]byte
	it := o.entries.Iter()
	for ok := it.SeekGE(s.Start); ok && s.Contains(it.Key()); ok = it.Next() {
		gone = append(gone, it.Key())
	}
	for _, key := range gone {
		o.entries.Delete(key)
	}
	o.cleared.Set(bytes.Clone(s.Start), bytes.Clone(s.End), true)
}

// resolve appends to dst[:0] what e makes of the store's value.
func (e edit) resolve(m Mergers, dst, stored []byte, present bool) (val []byte, ok bool, err error) {
	if e.base != baseStore {
		stored, present = e.value, e.base == baseValue
	}
	if len(e.operands) == 0 {
		return append(dst[:0], stored...), present, nil
	}
	val = stored
	for i, op := range e.operands {
		// The result of one step is the input of the next: do not overwrite it.
		val, err = m.Merge(op.merger, nil, val, present || i > 0, op.value)
		if err != nil {
			return nil, false, err
		}
	}
	return append(dst[:0], val...), true, nil
}
