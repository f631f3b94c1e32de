package kvtest

import (
	"fmt"
	"strings"

	"github.com/varvedb/varve/kv"
)

// stepKind is what a step of a history does.
type stepKind uint8

const (
	stepApply stepKind = iota
	stepSwap           // compare-and-swap
	stepFetch          // fetch-and-update
	stepTxn
	stepImport
	stepGet
	stepWalk
	stepSnapOpen
	stepSnapGet
	stepSnapWalk
	stepSnapClose
	stepIterOpen
	stepIterMove
	stepIterClose
	stepIndexed
	stepSync
	stepFlush
	stepCompact
	stepVerify
	stepStats
	stepCheckpoint
	stepReadOnly
	stepReopen
)

// step is one step of a history: a plain value, so that a history can be
// printed, and shrunk by leaving steps out. A step that refers to something that
// a dropped step would have opened does nothing.
type step struct {
	kind   stepKind
	slot   int // of a snapshot or an iterator
	writes []modelWrite
	level  kv.Durability
	keys   []string
	opt    walkOptions
	moves  []walkMove
	right  bool         // a swap expects the true value
	snap   bool         // an iterator is opened from the snapshot in slot
	acts   []txnAct     // of a transaction
	rival  []modelWrite // applied before the transaction commits
	commit bool
	seed   uint64 // of the options after reopening
	id     uint64 // of a keyspace
}

// String returns the step as a line of text.
func (s step) String() string {
	switch s.kind {
	case stepApply:
		return fmt.Sprintf("apply %v %v", s.level, s.writes)
	case stepSwap:
		return fmt.Sprintf("swap (right %v) %v", s.right, s.writes)
	case stepFetch:
		return fmt.Sprintf("fetch-and-update %v", s.writes)
	case stepTxn:
		return fmt.Sprintf("transaction %v rival %v commit %v", s.acts, s.rival, s.commit)
	case stepImport:
		return fmt.Sprintf("import %v", s.writes)
	case stepGet:
		return fmt.Sprintf("get %q", s.keys)
	case stepWalk:
		return fmt.Sprintf("walk %v %v", s.opt, s.moves)
	case stepSnapOpen:
		return fmt.Sprintf("open snapshot %d", s.slot)
	case stepSnapGet:
		return fmt.Sprintf("get in snapshot %d %q", s.slot, s.keys)
	case stepSnapWalk:
		return fmt.Sprintf("walk in snapshot %d %v %v", s.slot, s.opt, s.moves)
	case stepSnapClose:
		return fmt.Sprintf("close snapshot %d", s.slot)
	case stepIterOpen:
		return fmt.Sprintf("open iterator %d (of the snapshot %v) %v %v", s.slot, s.snap, s.opt, s.moves)
	case stepIterMove:
		return fmt.Sprintf("move iterator %d %v", s.slot, s.moves)
	case stepIterClose:
		return fmt.Sprintf("close iterator %d", s.slot)
	case stepIndexed:
		return fmt.Sprintf("indexed batch %v then walk %v %v", s.writes, s.opt, s.moves)
	case stepStats:
		return fmt.Sprintf("stats of keyspace %d", s.id)
	case stepReopen:
		return fmt.Sprintf("reopen with options %d", s.seed)
	}
	return []string{"sync", "flush", "compact", "verify", "", "checkpoint and open the copy", "open read-only"}[s.kind-stepSync]
}

// actKind is what a transaction does next.
type actKind uint8

const (
	actGet actKind = iota
	actWalk
	actWrite
	actSave
	actRestore
)

// txnAct is one act of a transaction.
type txnAct struct {
	kind  actKind
	keys  []string
	opt   walkOptions
	moves []walkMove
	leave bool // the iterator open
	write modelWrite
	n     int // of the savepoint
}

func (a txnAct) String() string {
	switch a.kind {
	case actGet:
		return fmt.Sprintf("get %q", a.keys)
	case actWalk:
		return fmt.Sprintf("walk %v %v (left open %v)", a.opt, a.moves, a.leave)
	case actWrite:
		return a.write.String()
	case actSave:
		return "savepoint"
	}
	return fmt.Sprintf("restore %d", a.n)
}

// history is what is done to a store.
type history []step

// String returns the history as text, a step a line.
func (h history) String() string {
	var b strings.Builder
	for i, s := range h {
		fmt.Fprintf(&b, "%4d  %v\n", i, s)
	}
	return b.String()
}
