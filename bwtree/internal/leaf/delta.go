// Package leaf is the leaf of the tree: an image that never changes and a few
// deltas, added without locks until the leaf is sealed; and how a sealed leaf
// becomes the next. models/leaf.go and models/leaf.pml are the protocol.
//
// A leaf holds versions: what a key was set to by the operation with a number.
// Numbers are those of kv.Seq, one for each operation of a batch.
package leaf

import (
	"bytes"
	"sync/atomic"

	"github.com/varvedb/varve/kv"
)

// Delta is a version that is not in an image yet. It is not changed once it is
// added. Key and Value are kept.
type Delta struct {
	Seq    kv.Seq
	Kind   kv.OpKind
	Merger kv.MergerID
	Key    []byte
	// Value is the value or operand, or the end of a deleted range, where nil is
	// no end.
	Value []byte
	// Added is set when it was added to all leaves that it belongs to, so that
	// nobody need do so again.
	Added atomic.Bool
}

// span is the range that a delta deletes.
func (d *Delta) span() kv.Span { return kv.Span{Start: d.Key, End: d.Value} }

// covers reports whether d deletes key as one of a range.
func (d *Delta) covers(key []byte) bool {
	return d.Kind == kv.OpDeleteRange && d.span().Contains(key)
}

// version is a version of a key, in an image or a delta.
type version struct {
	seq    kv.Seq
	kind   kv.OpKind
	merger kv.MergerID
	value  []byte
}

func (d *Delta) version() version { return version{d.Seq, d.Kind, d.Merger, d.Value} }

func below(key, bound []byte) bool { return bound == nil || bytes.Compare(key, bound) < 0 }
