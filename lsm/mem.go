package lsm

import (
	"github.com/varvedb/varve/internal/commit"
	"github.com/varvedb/varve/kv"
	"github.com/varvedb/varve/lsm/internal/entry"
	"github.com/varvedb/varve/lsm/internal/memtable"
	"github.com/varvedb/varve/lsm/internal/rangedel"
)

// mem is a memtable: what was written since the last cut of the log.
type mem struct {
	points *memtable.Table
	ranges rangedel.Set
	// staged is about how many bytes it will have when all batches have landed
	// that were ordered into it. It is guarded by the lock of the pipeline.
	staged int64
	// after is below the number of each of its entries.
	after kv.Seq
	// cut is where the log goes on behind it; nil while it is the active one.
	cut *commit.Cut
}

// entryCost is about what an entry takes in a memtable beside its key and value.
const entryCost = 40

// add puts a batch, whose operations are numbered from first on, into the
// memtable. It may be called concurrently.
func (m *mem) add(first kv.Seq, b *kv.Batch) {
	var in memtable.Inserter
	in.Init(m.points)
	var operand []byte
	seq := first
	for op := range b.Ops() {
		switch op.Kind {
		case kv.OpPut:
			in.Add(op.Key, entry.MakeTrailer(seq, entry.Put), op.Value)
		case kv.OpDelete:
			in.Add(op.Key, entry.MakeTrailer(seq, entry.Delete), nil)
		case kv.OpMerge:
			operand = entry.AppendOperand(operand[:0], op.Merger, op.Value)
			in.Add(op.Key, entry.MakeTrailer(seq, entry.Merge), operand)
		case kv.OpDeleteRange:
			span := op.Span()
			m.ranges.Add(span.Start, span.End, seq)
		}
		seq++
	}
}

// empty reports whether no batch was ordered into it. The lock of the pipeline
// must be held.
func (m *mem) empty() bool { return m.staged == 0 }

func (m *mem) bytes() int64 { return m.points.Bytes() + m.ranges.Bytes() }
