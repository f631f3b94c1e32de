// Package protocol holds small models of the lock-free protocols of the B+ tree
// engine, in Go, for the explorer in models/internal/explore, which always runs
// with the tests. In models/ they are once more in Promela, for spin (make model).
// Both visit every interleaving. A model has a seeded bug, off by default, that the
// checkers must find: so we know that they look.
//
//	leaf.pml      leaf.go      claim a delta, seal, consolidate, split, read
//	log.pml       log.go       reserve, complete, abort, seal, write
//	snapshot.pml  snapshot.go  register a snapshot, fix the cut of a consolidation
//	merge.pml     merge.go     merge a leaf into the one left of it, split, scan
//
// The names of the steps are those of the code in bwtree.
package protocol

import (
	"math/bits"

	"github.com/varvedb/varve/models/internal/explore"
)

// The leaf protocol. A leaf is a base that never changes, a few slots for deltas,
// a state word (slots claimed, sealed) and, once it is sealed, a successor. A
// page is where the leaf that counts hangs; an index leads to pages.
//
// A writer claims a slot by compare-and-swap on the state word and publishes its
// delta by compare-and-swap of the slot from empty. A leaf whose slots are all
// claimed is sealed. A writer that meets a sealed leaf kills the slots that are
// still empty, so that their writers fail and begin anew, makes the successor out
// of base, deltas and its own write, and publishes it by compare-and-swap. Then
// anybody enters the page of the right half in the index, and last swaps the page
// to the left half. So each successor completes a write, and writers cannot kill
// each other's slots for ever: the first version of this model, in which the
// writer of the successor began anew too, had no end. Between the index and the
// page's leaf others may split it, so a leaf knows its upper bound, and whoever
// finds a key beyond it asks the index again; spin found that.
//
// A reader loads the page's leaf, then the number of the newest visible write,
// and begins anew if the leaf has a successor by then. Then all that is visible
// is in the leaf.

// LeafBug is a mistake that the leaf model can be told to make.
type LeafBug int

// The mistakes.
const (
	NoLeafBug LeafBug = iota
	// PassOverEmpty leaves empty slots of a sealed leaf as they are: a writer that
	// claimed one publishes into a leaf that nobody reads any more.
	PassOverEmpty
	// TrustTheLeaf lets a reader go on although the leaf has a successor.
	TrustTheLeaf
	// TrustTheIndex lets a writer go on although its key is beyond the leaf.
	TrustTheIndex
)

const (
	leafWriters = 3 // each puts the key of its number; the next process reads
	leafSlots   = 2
	leafObjects = 8
	dead        = 9
)

// leaf is one leaf.
type leaf struct {
	base    uint8 // set of keys
	claimed uint8
	sealed  bool
	slots   [leafSlots]uint8 // 0 empty, key+1, or dead
	next    bool             // it has a successor:
	left    uint8            // which leaf; with split, its lower half
	right   uint8            // the upper half
	split   bool
	bounded bool // its keys are below the separator
}

// leafStep is where a process is.
type leafStep uint8

const (
	atRoute leafStep = iota
	atLoadLeaf
	atClaim
	atPublish
	atKill
	atSucceed
	atLoadRoot
	atCheckPage
	atEnter
	atSwap
	atSee
	atCheckNext
	atScan
	atDone
)

// leafProcess is a writer or the reader.
type leafProcess struct {
	at      leafStep
	page    uint8
	leaf    uint8
	slot    uint8
	version uint8 // of the index, as loaded
	seen    uint8 // writes that were visible
	found   bool
	carried bool // its write is in the successor that it published
}

// leafState is the shared memory and the processes.
type leafState struct {
	leaves  [leafObjects]leaf
	used    uint8
	pages   [2]uint8
	entered bool // the index knows page 1, from separator on
	sep     uint8
	version uint8
	done    uint8 // writes that returned
	procs   [leafWriters + 1]leafProcess
	wrong   bool
}

// Leaf returns the model of the leaf protocol.
func Leaf(bug LeafBug) explore.Model[leafState] {
	return explore.Model[leafState]{
		Start:     leafState{used: 1},
		Processes: leafWriters + 1,
		Next:      func(s leafState, p int, step func(string, leafState)) { nextLeaf(bug, s, p, step) },
		Finished:  func(s leafState, p int) bool { return s.procs[p].at == atDone },
		Wrong:     wrongLeaf,
		Parkable:  []int{0, 1, 2, 3},
	}
}

// wrongLeaf says that a visible write was not read, or is not there at the end.
func wrongLeaf(s leafState) string {
	if s.wrong {
		return "a write that was visible is not read"
	}
	for _, p := range s.procs {
		if p.at != atDone {
			return ""
		}
	}
	var all uint8
	for key := range uint8(leafWriters) {
		all |= s.leaves[s.pages[s.route(key)]].content() & (1 << key)
	}
	if all != 1<<leafWriters-1 {
		return "a write is lost"
	}
	return ""
}

// route returns the page of a key.
func (s *leafState) route(key uint8) uint8 {
	if s.entered && key >= s.sep {
		return 1
	}
	return 0
}

// content returns the keys of a leaf.
func (l *leaf) content() uint8 {
	keys := l.base
	for _, slot := range l.slots {
		if slot != 0 && slot != dead {
			keys |= 1 << (slot - 1)
		}
	}
	return keys
}

func nextLeaf(bug LeafBug, s leafState, n int, step func(string, leafState)) {
	p := &s.procs[n]
	key := uint8(min(n, leafWriters-1)) // the reader asks for the highest
	l := &s.leaves[p.leaf]
	switch p.at {
	case atRoute:
		p.page, p.at = s.route(key), atLoadLeaf
		step("route", s)
	case atLoadLeaf:
		p.leaf = s.pages[p.page]
		switch {
		case s.leaves[p.leaf].bounded && key >= s.sep && bug != TrustTheIndex:
			p.at = atRoute
		case n == leafWriters:
			p.at = atSee
		default:
			p.at = atClaim
		}
		step("load the leaf", s)
	case atClaim:
		switch {
		case l.sealed:
			p.at = atKill
			step("meet a sealed leaf", s)
		case l.claimed == leafSlots:
			l.sealed = true
			p.at = atKill
			step("seal", s)
		default:
			p.slot, p.at = l.claimed, atPublish
			l.claimed++
			step("claim", s)
		}
	case atPublish:
		if l.slots[p.slot] == dead {
			p.at = atRoute
			step("find the slot dead", s)
			return
		}
		l.slots[p.slot] = key + 1
		p.at = atDone
		s.done |= 1 << n
		step("publish", s)
	case atKill, atSucceed, atLoadRoot, atCheckPage, atEnter, atSwap:
		s.help(bug, n, step)
	default:
		s.read(bug, key, n, step)
	}
}

// help moves a sealed leaf on.
func (s leafState) help(bug LeafBug, n int, step func(string, leafState)) {
	p := &s.procs[n]
	l := &s.leaves[p.leaf]
	switch p.at {
	case atKill:
		for i := range l.claimed {
			if l.slots[i] == 0 && bug != PassOverEmpty {
				l.slots[i] = dead
				step("kill", s)
				return
			}
		}
		p.at = atSucceed
		step("find no empty slot", s)
	case atSucceed:
		if !l.next {
			s.succeed(l, 1<<n)
			p.carried = true
		}
		p.at = atSwap
		if l.split {
			p.at = atLoadRoot
		}
		step("succeed", s)
	case atLoadRoot:
		p.version = s.version
		p.at = atCheckPage
		step("load the index", s)
	case atCheckPage:
		p.at = atEnter
		if s.pages[p.page] != p.leaf {
			s.helped(n)
		}
		step("check the page", s)
	case atEnter:
		switch {
		case s.entered:
			p.at = atSwap
		case s.version != p.version:
			p.at = atLoadRoot
		default:
			s.entered, s.version = true, s.version+1
			p.at = atSwap
		}
		step("enter", s)
	case atSwap:
		if s.pages[p.page] == p.leaf {
			s.pages[p.page] = l.left
		}
		s.helped(n)
		step("swap", s)
	}
}

// helped begins anew, unless the write was carried.
func (s *leafState) helped(n int) {
	p := &s.procs[n]
	p.at = atRoute
	if p.carried {
		p.at = atDone
		s.done |= 1 << n
	}
}

// succeed publishes the successor of a leaf: its content and the keys carried in
// one new leaf, or, the first time that these are two keys, in two.
func (s *leafState) succeed(l *leaf, carried uint8) {
	keys := l.content() | carried
	l.next, l.left = true, s.used
	s.used++
	s.leaves[l.left].bounded = l.bounded
	if s.sep != 0 || bits.OnesCount8(keys) < 2 {
		s.leaves[l.left].base = keys
		return
	}
	lowest := keys & -keys
	l.split, l.right = true, s.used
	s.used++
	s.sep = uint8(bits.TrailingZeros8(keys &^ lowest))
	s.leaves[l.left].base, s.leaves[l.right].base = lowest, keys&^lowest
	s.leaves[l.left].bounded = true
	s.pages[1] = l.right
}

// read is what the reader does.
func (s leafState) read(bug LeafBug, key uint8, n int, step func(string, leafState)) {
	p := &s.procs[n]
	l := &s.leaves[p.leaf]
	switch p.at {
	case atSee:
		p.seen = s.done
		p.at = atCheckNext
		step("see what is visible", s)
	case atCheckNext:
		p.at = atScan
		if l.next && bug != TrustTheLeaf {
			p.at = atSwap // help it on, and begin anew
			if l.split {
				p.at = atLoadRoot
			}
		}
		p.slot, p.found = 0, false
		step("check for a successor", s)
	case atScan:
		if p.slot < leafSlots {
			p.found = p.found || l.slots[p.slot] == key+1
			p.slot++
			step("look at a slot", s)
			return
		}
		p.found = p.found || l.base&(1<<key) != 0
		s.wrong = p.seen&(1<<key) != 0 && !p.found
		p.at = atDone
		step("look at the base", s)
	}
}
