package protocol

import "github.com/varvedb/varve/models/internal/explore"

// The protocol by which a page is merged into the one left of it. The right leaf is
// sealed with a successor that says so. Whoever meets it seals the left leaf, kills
// its empty slots and publishes a successor that has absorbed both, unless the left
// leaf has another successor, which is installed first. Installing takes the right
// page out of the index, if the left page still has that leaf, and then swaps the
// left page.
//
// Here are two pages, one left of key 1 and one from it on; a writer of each key, who
// may find the leaf full and make an ordinary successor; one that merges; and a
// reader of key 1.

// MergeBug is a mistake that the merge model can be told to make.
type MergeBug int

// The mistakes.
const (
	NoMergeBug MergeBug = iota
	// AbsorbUnsealed absorbs the left leaf without sealing it.
	AbsorbUnsealed
)

const (
	mergeWriters = 2 // of the keys of their numbers
	mergeMerger  = 2
	mergeReader  = 3
	mergeLeaves  = 6
)

// mergeLeaf is a leaf with one slot. Its content is a set of writers.
type mergeLeaf struct {
	base, slot      uint8 // slot: 0 empty, writer+1, or dead
	claimed, sealed bool
	bounded         bool // its keys are below 1
	next            uint8
	left            uint8 // the successor, for nextPlain and nextAbsorbed
}

// The kinds of successors.
const (
	nextNone = iota
	nextPlain
	nextAbsorbed // it has absorbed the right page
	nextInto     // it is merged into the left page
)

// mergeStep is where a process is.
type mergeStep uint8

const (
	mRoute mergeStep = iota
	mLoad
	mClaim
	mPublish
	mKill
	mSucceed
	mInstall
	mLoadIndex
	mCheckLeft
	mRemove
	mSwap
	mLoadLeft
	mSealLeft
	mKillLeft
	mAbsorb
	mSee
	mCheckNext
	mScan
	mDone
)

// mergeProcess is a process. It helps with the leaf target of page where.
type mergeProcess struct {
	at           mergeStep
	page, leaf   uint8 // where it works
	where, which uint8 // what it installs
	version      uint8
	seen         uint8
	carried      bool
}

type mergeState struct {
	leaves  [mergeLeaves]mergeLeaf
	used    uint8
	pages   [2]uint8
	removed bool // the index has only page 0
	version uint8
	done    uint8
	procs   [mergeReader + 1]mergeProcess
	wrong   bool
}

// Merge returns the model of merging. If full is set the left leaf has no room at
// the start, so that its writer makes a successor.
func Merge(bug MergeBug, full bool) explore.Model[mergeState] {
	start := mergeState{used: 2, pages: [2]uint8{0, 1}}
	start.leaves[0].bounded = true
	if full {
		start.leaves[0].claimed, start.leaves[0].slot = true, dead
	}
	start.procs[mergeMerger].at = mLoad
	start.procs[mergeMerger].page = 1
	return explore.Model[mergeState]{
		Start:     start,
		Processes: mergeReader + 1,
		Next:      func(s mergeState, p int, step func(string, mergeState)) { s.next(bug, p, step) },
		Finished:  func(s mergeState, p int) bool { return s.procs[p].at == mDone },
		Wrong:     wrongMerge,
		Parkable:  []int{0, 1, 2, 3},
	}
}

func wrongMerge(s mergeState) string {
	if s.wrong {
		return "a write that was visible is not read"
	}
	for _, p := range s.procs {
		if p.at != mDone {
			return ""
		}
	}
	all := s.leaves[s.pages[0]].content()
	if !s.removed {
		all |= s.leaves[s.pages[1]].content()
	}
	if all != 1<<mergeWriters-1 {
		return "a write is lost"
	}
	return ""
}

func (l *mergeLeaf) content() uint8 {
	if l.slot == 0 || l.slot == dead {
		return l.base
	}
	return l.base | 1<<(l.slot-1)
}

// isRight reports whether the process is about key 1.
func isRight(n int) bool { return n == 1 || n == mergeReader }

func (s mergeState) next(bug MergeBug, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	l := &s.leaves[p.leaf]
	switch p.at {
	case mRoute:
		p.page = 0
		if isRight(n) && !s.removed {
			p.page = 1
		}
		p.at = mLoad
		p.leaf, p.where, p.which, p.version, p.seen = 0, 0, 0, 0, 0 // so that states are the same
		step("route", s)
	case mLoad:
		p.leaf = s.pages[p.page]
		switch {
		case n == mergeMerger:
			p.at = mClaim
		case isRight(n) && s.leaves[p.leaf].bounded && s.leaves[p.leaf].next != nextNone:
			s.install(n, p.page, p.leaf)
		case isRight(n) && s.leaves[p.leaf].bounded:
			p.at = mRoute
		case n == mergeReader:
			p.at = mSee
		default:
			p.at = mClaim
		}
		step("load the leaf", s)
	case mClaim:
		switch {
		case n == mergeMerger:
			l.sealed = true
			p.at = mSucceed
			step("seal the right leaf", s)
		case l.next != nextNone:
			s.install(n, p.page, p.leaf)
			step("meet a successor", s)
		case l.sealed || l.claimed:
			l.sealed = true
			p.at = mKill
			step("seal", s)
		default:
			l.claimed = true
			p.at = mPublish
			step("claim", s)
		}
	case mPublish:
		p.at = mRoute
		if l.slot == 0 {
			l.slot = uint8(n) + 1
			s.done |= 1 << n
			p.at = mDone
		}
		step("publish", s)
	case mKill:
		s.kill(l)
		p.at = mSucceed
		step("kill", s)
	case mSucceed:
		s.succeed(n, l)
		step("succeed", s)
	case mSee, mCheckNext, mScan:
		s.read(n, step)
	default:
		s.help(bug, n, step)
	}
}

func (s *mergeState) kill(l *mergeLeaf) {
	if l.slot == 0 {
		l.slot = dead
	}
}

// succeed publishes a plain successor with the write carried, or, by the merger,
// one that says that the leaf is merged.
func (s *mergeState) succeed(n int, l *mergeLeaf) {
	p := &s.procs[n]
	switch {
	case n == mergeMerger && l.next == nextNone:
		l.next = nextInto
	case n == mergeMerger:
		p.at = mDone // somebody wrote meanwhile
		return
	case l.next == nextNone:
		l.next, l.left = nextPlain, s.used
		s.leaves[s.used] = mergeLeaf{base: l.content() | 1<<n, bounded: l.bounded}
		s.used++
		p.carried = true
	}
	s.install(n, p.page, p.leaf)
}

// install begins to help with the successor of a leaf.
func (s *mergeState) install(n int, page, leaf uint8) {
	p := &s.procs[n]
	p.where, p.which = page, leaf
	switch s.leaves[leaf].next {
	case nextPlain:
		p.at = mSwap
	case nextAbsorbed:
		p.at = mLoadIndex
	case nextInto:
		p.at = mLoadLeft
	}
}

// helped goes on when an installation is done.
func (s *mergeState) helped(n int) {
	p := &s.procs[n]
	l := s.leaves[p.leaf]
	switch {
	case l.next == nextInto && s.pages[1] == p.leaf && !s.removed:
		p.at = mLoadLeft // the left page was in the way
	case p.carried:
		s.done |= 1 << n
		*p = mergeProcess{at: mDone}
	case n == mergeMerger:
		*p = mergeProcess{at: mDone}
	default:
		p.at = mRoute
	}
}

func (s mergeState) help(bug MergeBug, n int, step func(string, mergeState)) {
	p := &s.procs[n]
	l := &s.leaves[p.which]
	switch p.at {
	case mLoadIndex:
		p.version, p.at = s.version, mCheckLeft
		step("load the index", s)
	case mCheckLeft:
		p.at = mRemove
		if s.pages[p.where] != p.which {
			s.helped(n)
		}
		step("check the left page", s)
	case mRemove:
		switch {
		case s.removed:
			p.at = mSwap
		case s.version != p.version:
			p.at = mLoadIndex
		default:
			s.removed, s.version, p.at = true, s.version+1, mSwap
		}
		step("remove the right page", s)
	case mSwap:
		if s.pages[p.where] == p.which {
			s.pages[p.where] = l.left
		}
		s.helped(n)
		step("swap", s)
	case mLoadLeft:
		p.where, p.which = 0, s.pages[0]
		left := &s.leaves[p.which]
		switch {
		case s.removed:
			s.helped(n)
		case left.next != nextNone:
			s.install(n, 0, p.which)
		default:
			p.at = mSealLeft
		}
		step("load the left leaf", s)
	case mSealLeft:
		if bug != AbsorbUnsealed {
			l.sealed = true
		}
		p.at = mKillLeft
		step("seal the left leaf", s)
	case mKillLeft:
		if bug != AbsorbUnsealed {
			s.kill(l)
		}
		s.kill(&s.leaves[s.pages[1]])
		p.at = mAbsorb
		step("kill", s)
	case mAbsorb:
		if l.next == nextNone {
			l.next, l.left = nextAbsorbed, s.used
			s.leaves[s.used] = mergeLeaf{base: l.content() | s.leaves[s.pages[1]].content()}
			s.used++
		}
		s.install(n, 0, p.which)
		step("absorb", s)
	}
}

// read is what the reader does.
func (s mergeState) read(n int, step func(string, mergeState)) {
	p := &s.procs[n]
	l := &s.leaves[p.leaf]
	switch p.at {
	case mSee:
		p.seen, p.at = s.done, mCheckNext
		step("see what is visible", s)
	case mCheckNext:
		p.at = mScan
		if l.next != nextNone {
			s.install(n, p.page, p.leaf)
		}
		step("check for a successor", s)
	case mScan:
		s.wrong = p.seen&(1<<1) != 0 && l.content()&(1<<1) == 0
		p.at = mDone
		step("look", s)
	}
}
